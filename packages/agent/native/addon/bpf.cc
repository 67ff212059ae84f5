// SPDX-License-Identifier: Apache-2.0
#include "bpf.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ringwall {
namespace {

int Call(int command, union bpf_attr *attributes) {
  long result = syscall(SYS_bpf, command, attributes, sizeof(*attributes));
  return result < 0 ? -errno : static_cast<int>(result);
}

union bpf_attr Clear() {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof(attributes));
  return attributes;
}

uint64_t Address(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer); }

int Element(int command, int map, const void *key, const void *value, uint64_t flags) {
  union bpf_attr attributes = Clear();
  attributes.map_fd = map;
  attributes.key = Address(key);
  attributes.value = Address(value);
  attributes.flags = flags;
  return Call(command, &attributes);
}

int Batch(int command, int map, const void *in, void *out, const void *keys, const void *values, uint32_t *count) {
  union bpf_attr attributes = Clear();
  attributes.batch.map_fd = map;
  attributes.batch.in_batch = Address(in);
  attributes.batch.out_batch = Address(out);
  attributes.batch.keys = Address(keys);
  attributes.batch.values = Address(values);
  attributes.batch.count = *count;
  int result = Call(command, &attributes);
  *count = attributes.batch.count;
  return result;
}

}  // namespace

int OpenPinned(const std::string &path) {
  union bpf_attr attributes = Clear();
  attributes.pathname = Address(path.c_str());
  return Call(BPF_OBJ_GET, &attributes);
}

int OpenById(uint32_t id) {
  union bpf_attr attributes = Clear();
  attributes.map_id = id;
  return Call(BPF_MAP_GET_FD_BY_ID, &attributes);
}

int CreateMap(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries, uint32_t flags,
              const std::string &name) {
  union bpf_attr attributes = Clear();
  attributes.map_type = type;
  attributes.key_size = key_bytes;
  attributes.value_size = value_bytes;
  attributes.max_entries = entries;
  attributes.map_flags = flags;
  strncpy(attributes.map_name, name.c_str(), sizeof(attributes.map_name) - 1);
  return Call(BPF_MAP_CREATE, &attributes);
}

int Lookup(int map, const void *key, void *value) { return Element(BPF_MAP_LOOKUP_ELEM, map, key, value, 0); }

int Update(int map, const void *key, const void *value, uint64_t flags) {
  return Element(BPF_MAP_UPDATE_ELEM, map, key, value, flags);
}

int Delete(int map, const void *key) { return Element(BPF_MAP_DELETE_ELEM, map, key, nullptr, 0); }

int NextKey(int map, const void *key, void *next) { return Element(BPF_MAP_GET_NEXT_KEY, map, key, next, 0); }

int UpdateBatch(int map, const void *keys, const void *values, uint32_t *count) {
  return Batch(BPF_MAP_UPDATE_BATCH, map, nullptr, nullptr, keys, values, count);
}

int LookupAndDeleteBatch(int map, const void *in, void *out, void *keys, void *values, uint32_t *count) {
  return Batch(BPF_MAP_LOOKUP_AND_DELETE_BATCH, map, in, out, keys, values, count);
}

int LookupBatch(int map, const void *in, void *out, void *keys, void *values, uint32_t *count) {
  return Batch(BPF_MAP_LOOKUP_BATCH, map, in, out, keys, values, count);
}

// What the kernel says of a map or a link; nothing of it where it fails.
template <typename Info>
static int GetInfo(int fd, Info *info) {
  memset(info, 0, sizeof(*info));
  union bpf_attr attributes = Clear();
  attributes.info.bpf_fd = fd;
  attributes.info.info_len = sizeof(*info);
  attributes.info.info = Address(info);
  return Call(BPF_OBJ_GET_INFO_BY_FD, &attributes);
}

int IsAttached(int link) {
  struct bpf_link_info info;
  int result = GetInfo(link, &info);
  if (result < 0) return result;
  // The others can't be detached.
  if (info.type == BPF_LINK_TYPE_CGROUP) return info.cgroup.cgroup_id != 0;
  if (info.type == BPF_LINK_TYPE_NETNS) return info.netns.netns_ino != 0;
  return 1;
}

int Describe(int map, MapInfo *out) {
  struct bpf_map_info info;
  int result = GetInfo(map, &info);
  *out = {info.type, info.key_size, info.value_size, info.max_entries};
  return result;
}

}  // namespace ringwall
