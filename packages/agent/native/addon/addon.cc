// SPDX-License-Identifier: Apache-2.0
// ringwall.node: pinned maps, the ring and network devices for src/kernel/native.ts. Functions return 0 or a descriptor,
// and a negative errno on failure; the caller turns that into an error with the operation's name.
#include <napi.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "bpf.h"
#include "device_watch.h"
#include "memory.h"
#include "ring.h"

namespace ringwall {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

int Fd(const CallbackInfo &info, size_t at) { return info[at].As<Number>().Int32Value(); }
uint32_t U32(const CallbackInfo &info, size_t at) { return info[at].As<Number>().Uint32Value(); }
uint8_t *Bytes(const CallbackInfo &info, size_t at) {
  return info[at].IsNull() ? nullptr : info[at].As<Napi::Uint8Array>().Data();
}
Value Result(const CallbackInfo &info, int value) { return Number::New(info.Env(), value); }

Value JsOpen(const CallbackInfo &info) { return Result(info, OpenPinned(info[0].As<Napi::String>().Utf8Value())); }

Value JsIsAttached(const CallbackInfo &info) { return Result(info, IsAttached(Fd(info, 0))); }

Value JsOpenById(const CallbackInfo &info) { return Result(info, OpenById(U32(info, 0))); }

Value JsClose(const CallbackInfo &info) { return Result(info, close(Fd(info, 0)) < 0 ? -errno : 0); }

Value JsCreate(const CallbackInfo &info) {
  return Result(info, CreateMap(U32(info, 0), U32(info, 1), U32(info, 2), U32(info, 3), U32(info, 4),
                                info[5].As<Napi::String>().Utf8Value()));
}

Value JsLookup(const CallbackInfo &info) {
  return Result(info, Lookup(Fd(info, 0), Bytes(info, 1), Bytes(info, 2)));
}

Value JsUpdate(const CallbackInfo &info) {
  return Result(info, Update(Fd(info, 0), Bytes(info, 1), Bytes(info, 2), U32(info, 3)));
}

Value JsDelete(const CallbackInfo &info) { return Result(info, Delete(Fd(info, 0), Bytes(info, 1))); }

Value JsNextKey(const CallbackInfo &info) {
  return Result(info, NextKey(Fd(info, 0), Bytes(info, 1), Bytes(info, 2)));
}

Value JsDescribe(const CallbackInfo &info) {
  MapInfo map;
  int result = Describe(Fd(info, 0), &map);
  if (result < 0) return Result(info, result);
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("type", map.type);
  out.Set("keyBytes", map.key_bytes);
  out.Set("valueBytes", map.value_bytes);
  out.Set("entries", map.entries);
  return out;
}

bool BatchIsMissing(int result) { return result == -EINVAL || result == -EOPNOTSUPP || result == -524; }

// (fd, keys, values, count): all of them, in batches where the map type has them, else one by one.
Value JsUpdateMany(const CallbackInfo &info) {
  int map = Fd(info, 0);
  uint8_t *keys = Bytes(info, 1), *values = Bytes(info, 2);
  uint32_t count = U32(info, 3), done = count;
  MapInfo shape;
  int result = Describe(map, &shape);
  if (result < 0 || count == 0) return Result(info, result);
  result = UpdateBatch(map, keys, values, &done);
  if (!BatchIsMissing(result)) return Result(info, result);
  for (uint32_t i = 0; i < count; i++) {
    result = Update(map, keys + size_t{i} * shape.key_bytes, values + size_t{i} * shape.value_bytes, 0);
    if (result < 0) return Result(info, result);
  }
  return Result(info, 0);
}

int TakeOneByOne(int map, const MapInfo &shape, uint8_t *keys, uint8_t *values, uint32_t room) {
  uint32_t taken = 0;
  while (taken < room) {
    uint8_t *key = keys + size_t{taken} * shape.key_bytes;
    int result = NextKey(map, nullptr, key);
    if (result == -ENOENT) break;
    if (result < 0) return result;
    if (Lookup(map, key, values + size_t{taken} * shape.value_bytes) == 0) taken++;
    result = Delete(map, key);
    if (result < 0 && result != -ENOENT) return result;
  }
  return taken;
}

// (fd, keys, values, room): moves elements from the map into the arrays until it is empty or the next bucket does not fit
// any more; returns how many.
Value JsTake(const CallbackInfo &info) {
  int map = Fd(info, 0);
  uint8_t *keys = Bytes(info, 1), *values = Bytes(info, 2);
  uint32_t room = U32(info, 3), taken = 0, cursor = 0;
  MapInfo shape;
  int result = Describe(map, &shape);
  if (result < 0) return Result(info, result);
  for (bool first = true;; first = false) {
    uint32_t count = room - taken;
    if (count == 0) return Result(info, taken);
    result = LookupAndDeleteBatch(map, first ? nullptr : &cursor, &cursor, keys + size_t{taken} * shape.key_bytes,
                                  values + size_t{taken} * shape.value_bytes, &count);
    if (first && BatchIsMissing(result)) return Result(info, TakeOneByOne(map, shape, keys, values, room));
    if (result == -ENOSPC && taken > 0) return Result(info, taken);
    if (result < 0 && result != -ENOENT) return Result(info, result);
    taken += count;
    if (result == -ENOENT) return Result(info, taken);
  }
}

int ReadOneByOne(int map, const MapInfo &shape, uint8_t *keys, uint8_t *values, uint32_t room) {
  uint32_t count = 0;
  const uint8_t *last = nullptr;
  while (count < room) {
    uint8_t *key = keys + size_t{count} * shape.key_bytes;
    int result = NextKey(map, last, key);
    if (result == -ENOENT) break;
    if (result < 0) return result;
    last = key;
    if (Lookup(map, key, values + size_t{count} * shape.value_bytes) == 0) count++;
  }
  return count;
}

// (fd, keys, values, room): copies the elements of a map that nobody changes; returns how many, `room` where they may not
// be all.
Value JsRead(const CallbackInfo &info) {
  int map = Fd(info, 0);
  uint8_t *keys = Bytes(info, 1), *values = Bytes(info, 2);
  uint32_t room = U32(info, 3), read = 0, cursor = 0;
  MapInfo shape;
  int result = Describe(map, &shape);
  if (result < 0) return Result(info, result);
  for (bool first = true;; first = false) {
    uint32_t count = room - read;
    if (count == 0) return Result(info, room);
    result = LookupBatch(map, first ? nullptr : &cursor, &cursor, keys + size_t{read} * shape.key_bytes,
                         values + size_t{read} * shape.value_bytes, &count);
    if (first && BatchIsMissing(result)) return Result(info, ReadOneByOne(map, shape, keys, values, room));
    if (result == -ENOSPC) return Result(info, room);
    if (result < 0 && result != -ENOENT) return Result(info, result);
    read += count;
    if (result == -ENOENT) return Result(info, read);
  }
}

constexpr int kNoMap = -1;

// Puts a map into a map of maps, or takes one out, on a thread of its own: the kernel waits until no program uses what was
// there, and many that wait at once wait no longer than one. Holds both maps itself: by the time the kernel has waited,
// the caller may have closed them, and their numbers may be others'.
class MapReplacement {
 public:
  // `inner` kNoMap: nothing is put in. The promise resolves with 0 or a negative errno.
  static Value Start(const CallbackInfo &info, int outer, uint32_t index, int inner) {
    auto *replacement = new MapReplacement(info.Env(), outer, index, inner);
    Napi::Promise promise = replacement->deferred_.Promise();
    try {
      std::thread([replacement] { replacement->Run(); }).detach();
    } catch (const std::system_error &error) {
      replacement->result_ = -error.code().value();
      replacement->Resolve();
    }
    return promise;
  }

 private:
  MapReplacement(Napi::Env env, int outer, uint32_t index, int inner)
      : env_(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        done_(Napi::ThreadSafeFunction::New(env, Napi::Function(), "ringwall map of maps", 0, 1)),
        outer_(dup(outer)),
        index_(index),
        inner_(inner == kNoMap ? kNoMap : dup(inner)) {}
  ~MapReplacement() {
    close(outer_);
    if (inner_ != kNoMap) close(inner_);
  }

  void Run() {
    result_ = inner_ == kNoMap ? Delete(outer_, &index_) : Update(outer_, &index_, &inner_, 0);
    done_.BlockingCall([this](Napi::Env, Napi::Function) { Resolve(); });
  }

  // On the event loop.
  void Resolve() {
    deferred_.Resolve(Number::New(env_, result_));
    done_.Release();
    delete this;
  }

  Napi::Env env_;
  Napi::Promise::Deferred deferred_;
  Napi::ThreadSafeFunction done_;
  int outer_;
  uint32_t index_;
  int inner_;
  int result_ = 0;
};

Value JsInsertMap(const CallbackInfo &info) {
  return MapReplacement::Start(info, Fd(info, 0), U32(info, 1), Fd(info, 2));
}

Value JsRemoveMap(const CallbackInfo &info) {
  return MapReplacement::Start(info, Fd(info, 0), U32(info, 1), kNoMap);
}

Value JsBootNs(const CallbackInfo &info) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(now.tv_sec) * 1000000000u + now.tv_nsec);
}

Value JsReleaseMemory(const CallbackInfo &info) {
  return Number::New(info.Env(), static_cast<double>(ReleaseMemory()));
}

// Before 5.11 maps count against the locked memory of the process.
void RaiseMemoryLimit() {
  struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  RaiseMemoryLimit();
  const auto add = [&](const char *name, Value (*function)(const CallbackInfo &)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("open", JsOpen);
  add("openById", JsOpenById);
  add("close", JsClose);
  add("isAttached", JsIsAttached);
  add("create", JsCreate);
  add("lookup", JsLookup);
  add("update", JsUpdate);
  add("delete", JsDelete);
  add("nextKey", JsNextKey);
  add("describe", JsDescribe);
  add("updateMany", JsUpdateMany);
  add("take", JsTake);
  add("read", JsRead);
  add("insertMap", JsInsertMap);
  add("removeMap", JsRemoveMap);
  add("bootNs", JsBootNs);
  add("releaseMemory", JsReleaseMemory);
  Ring::Init(env, exports);
  DeviceWatch::Init(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(ringwall, Init)

}  // namespace ringwall
