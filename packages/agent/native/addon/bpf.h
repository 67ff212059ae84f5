/* SPDX-License-Identifier: Apache-2.0 */
// bpf(2) without a library: only what works on pinned objects and on maps of our own.
#pragma once

#include <cstdint>
#include <string>

namespace ringwall {

// All return a descriptor or 0, and a negative errno on failure.
int OpenPinned(const std::string &path);
int OpenById(uint32_t id);
int CreateMap(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries, uint32_t flags,
              const std::string &name);
int Lookup(int map, const void *key, void *value);
int Update(int map, const void *key, const void *value, uint64_t flags);
int Delete(int map, const void *key);
int NextKey(int map, const void *key, void *next);
// `count` goes in as wanted and comes out as done.
int UpdateBatch(int map, const void *keys, const void *values, uint32_t *count);
int LookupAndDeleteBatch(int map, const void *in, void *out, void *keys, void *values, uint32_t *count);

int LookupBatch(int map, const void *in, void *out, void *keys, void *values, uint32_t *count);

// 1 where a link has a place that it is attached to, 0 where it was detached: its pin stays then.
int IsAttached(int link);

struct MapInfo {
  uint32_t type;
  uint32_t key_bytes;
  uint32_t value_bytes;
  uint32_t entries;
};
int Describe(int map, MapInfo *info);

}  // namespace ringwall
