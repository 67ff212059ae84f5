# Shared by the scripts here: where things are, and how to find Node.js 24. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
NODE_MAJOR=24
TOOLCHAIN=$ROOT/.toolchain

say() { printf 'set-up: %s\n' "$*" >&2; }
die() { printf 'ringwall: %s\n' "$*" >&2; exit 2; }

# Prints the path of a Node.js of the wanted major version or newer, or nothing.
find_node() {
  local candidate
  for candidate in "$TOOLCHAIN"/node_modules/node-linux-*/bin/node "$(command -v node || true)"; do
    [ -x "$candidate" ] || continue
    if "$candidate" -e "process.exit(process.versions.node.split('.')[0] >= $NODE_MAJOR ? 0 : 1)" 2>/dev/null; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
}
