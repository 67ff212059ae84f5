/* SPDX-License-Identifier: Apache-2.0 */
// Reads a BPF ring buffer on a thread of its own and hands batches to JavaScript.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ringwall {

// Batches that were read and that JavaScript does not have yet; calls that still wait for the event loop may outlive the
// reader.
class Waiting {
 public:
  void Push(std::vector<uint8_t> batch);
  // False when there is none.
  bool Pop(std::vector<uint8_t> *batch);
  size_t Size();

 private:
  std::mutex mutex_;
  std::deque<std::vector<uint8_t>> batches_;
};

// JavaScript: new Ring(fd, capacityBytes, (batch: Buffer) => void). A batch is records of {u32 bytes, data}, each padded
// to 8 bytes. At most kBatchesInFlight batches wait for the event loop; then the reader waits too, and the kernel
// counts what no longer fits its ring: nothing is dropped here. close() hands over what has been read, and calls nobody
// after that: who listens may let go of what it needed.
class Ring : public Napi::ObjectWrap<Ring> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Ring(const Napi::CallbackInfo &info);
  ~Ring() override;

 private:
  static constexpr size_t kBatchesInFlight = 16;
  static constexpr size_t kBatchBytesMax = 1 << 20;

  Napi::Value Close(const Napi::CallbackInfo &info);
  void Map(Napi::Env env, int fd, size_t bytes);
  void Stop();
  void Run();
  bool Collect(std::vector<uint8_t> *batch);
  void Copy(uint8_t *to, size_t at, size_t bytes) const;
  void Deliver(std::vector<uint8_t> *batch);

  size_t mask_ = 0;
  size_t page_ = 0;
  int epoll_ = -1;
  int wake_ = -1;
  uint8_t *consumer_ = nullptr;
  const uint8_t *producer_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
  Napi::FunctionReference listener_;
  std::thread thread_;
  Napi::ThreadSafeFunction deliver_;
};

}  // namespace ringwall
