import { access, chmod, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { agentError } from "../agent-error.ts";
import { makeFolder } from "../state/make-folder.ts";
import { saveFile } from "../state/save-file.ts";

/** Packages of one apt run that are kept, and bytes of one that has to be copied since it lies on another file system. */
export const HOOK_DEBS_MAX = 2048;
export const HOOK_COPY_BYTES_MAX = 256 * 1024 * 1024;

export const APT_CONF_FOLDER = "/etc/apt/apt.conf.d";
const CONF_NAME = "80ringwall";

export type HookPlaces = { readonly spool: string; readonly script: string; readonly conf: string };

export function hookPlaces(stateDir: string, confFolder = APT_CONF_FOLDER): HookPlaces {
  const state = resolve(stateDir);
  return {
    spool: join(state, "debs"),
    script: join(state, "apt-hook"),
    conf: join(confFolder, CONF_NAME),
  };
}

/**
 * Makes apt leave a second name of each .deb that it is about to install, for the agent to look at. Throws AgentError
 * where there is no apt, or the state directory's name would have to be quoted.
 */
export async function installAptHook(stateDir: string, confFolder = APT_CONF_FOLDER): Promise<HookPlaces> {
  const places = hookPlaces(stateDir, confFolder);
  if (!/^[A-Za-z0-9/._-]+$/.test(places.script)) {
    throw agentError(
      "hook-path",
      `the state directory \`${stateDir}\` has a name that apt's configuration can't hold`,
      "use letters, digits, `/`, `.`, `_` and `-` only",
    );
  }
  await access(confFolder).catch((error: unknown) => {
    throw agentError("no-apt", `\`${confFolder}\` is not there`, "package evidence needs apt", error);
  });
  await makeFolder(places.spool, 0o700);
  await chmod(places.spool, 0o700);
  await saveFile(places.script, hookScript(places.spool), 0o700);
  await saveFile(places.conf, aptConfiguration(places.script), 0o644);
  return places;
}

/** Only the configuration ties apt to the script: without it nothing is left to do. */
export async function removeAptHook(stateDir: string, confFolder = APT_CONF_FOLDER): Promise<void> {
  const { conf, script, spool } = hookPlaces(stateDir, confFolder);
  // Another agent's, with another state directory, stays.
  const text = await readFile(conf, "utf8").catch(() => "");
  if (text.includes(` ${script} `)) await rm(conf, { force: true });
  await rm(script, { force: true });
  await rm(spool, { recursive: true, force: true });
}

function aptConfiguration(script: string): string {
  return `// Ringwall: tells the agent which signed packages files come from. Safe to remove.
DPkg::Pre-Install-Pkgs { "if [ -x ${script} ]; then ${script} || true; else cat >/dev/null || true; fi"; };
`;
}

/**
 * INVARIANT: it reads all of its input, says nothing and ends well whatever happens: apt gives up an installation for
 * a hook that fails. Names are only ever arguments behind \`--\`.
 */
function hookScript(spool: string): string {
  return `#!/bin/sh
# Keeps a second name of each .deb that apt installs, one line of input each. The agent looks at them later.
keep() {
  umask 077
  set -f
  [ -d "${spool}" ] && [ ! -L "${spool}" ] || return 0
  # No agent has looked for long: what is kept would only fill the disk.
  [ "$(ls -A "${spool}" | wc -l)" -lt ${HOOK_DEBS_MAX} ] || return 0
  count=0
  while IFS= read -r file; do
    case $file in /*.deb) ;; *) continue ;; esac
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    count=$((count + 1))
    [ "$count" -le ${HOOK_DEBS_MAX} ] || break
    target="${spool}/$$-$count.deb"
    ln -- "$file" "$target" && continue
    [ -n "$(find "$file" -maxdepth 0 -size -${HOOK_COPY_BYTES_MAX}c)" ] || continue
    cp -- "$file" "$target.new" && mv -- "$target.new" "$target"
  done
}
{ keep; cat; } >/dev/null 2>&1 || :
exit 0
`;
}
