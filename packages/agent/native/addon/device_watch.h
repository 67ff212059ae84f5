/* SPDX-License-Identifier: Apache-2.0 */
// Tells of network devices that come and go, and of filters that are taken from them, as rtnetlink(7) does.
#pragma once

#include <napi.h>

#include <atomic>
#include <string>
#include <thread>

namespace ringwall {

enum class DeviceChange : int { kCame, kGone, kBared };

// JavaScript: new DeviceWatch(netns: string, (change: 0 | 1 | 2, device: number) => void); "": this process's namespace.
// A device "came" whenever anything about it changes. Device 0: the kernel had more to say than there was room for.
class DeviceWatch : public Napi::ObjectWrap<DeviceWatch> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit DeviceWatch(const Napi::CallbackInfo &info);
  ~DeviceWatch() override;

 private:
  Napi::Value Close(const Napi::CallbackInfo &info);
  void Stop();
  void Run();
  void Receive();
  void Tell(DeviceChange change, int device);

  int socket_ = -1;
  int wake_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  Napi::ThreadSafeFunction tell_;
};

}  // namespace ringwall
