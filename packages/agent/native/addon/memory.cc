// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstring>
#include <string>

namespace ringwall {
namespace {

constexpr size_t kKilobyte = 1024;

struct Mapping {
  unsigned long start = 0;
  unsigned long end = 0;
  bool ours = false;
  size_t resident = 0;
};

std::string OwnProgram() {
  char path[PATH_MAX];
  ssize_t bytes = readlink("/proc/self/exe", path, sizeof(path));
  return bytes > 0 ? std::string(path, bytes) : std::string();
}

// A line that begins a mapping; others are about the one before.
bool ParseHead(const char *line, const std::string &program, Mapping *out) {
  char rights[5];
  int path_at = 0;
  Mapping mapping;
  if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &mapping.start, &mapping.end, rights, &path_at) != 3) return false;
  bool unwritable = rights[0] == 'r' && rights[1] == '-';
  mapping.ours = unwritable && path_at > 0 && program + "\n" == line + path_at;
  *out = mapping;
  return true;
}

}  // namespace

size_t ReleaseMemory() {
  malloc_trim(0);
  std::string program = OwnProgram();
  FILE *maps = program.empty() ? nullptr : fopen("/proc/self/smaps", "re");
  if (maps == nullptr) return 0;
  char line[PATH_MAX + 128];
  Mapping now;
  size_t released = 0;
  while (fgets(line, sizeof(line), maps) != nullptr) {
    unsigned long kilobytes;
    if (ParseHead(line, program, &now)) continue;
    if (sscanf(line, "Rss: %lu kB", &kilobytes) == 1) now.resident = kilobytes * kKilobyte;
    // INVARIANT: a page that was changed (relocated) is anonymous, and would be lost: such mappings stay as they are.
    if (sscanf(line, "Anonymous: %lu kB", &kilobytes) != 1) continue;
    if (!now.ours || kilobytes != 0) continue;
    if (madvise(reinterpret_cast<void *>(now.start), now.end - now.start, MADV_DONTNEED) == 0) released += now.resident;
  }
  fclose(maps);
  return released;
}

}  // namespace ringwall
