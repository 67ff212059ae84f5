// SPDX-License-Identifier: Apache-2.0
#include "ring.h"

#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ringwall {
namespace {

// Nothing waits for it: the kernel wakes this thread for what comes, and `Stop` for the end.
constexpr int kPollMs = 5000;
constexpr useconds_t kBusyPauseUs = 500;
constexpr size_t kRecordHeaderBytes = 8;

size_t Padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

unsigned long LoadAcquire(const void *at) {
  return __atomic_load_n(static_cast<const unsigned long *>(at), __ATOMIC_ACQUIRE);
}

void HandOver(Napi::Env env, const Napi::Function &listener, const std::vector<uint8_t> &batch) {
  listener.Call({Napi::Buffer<uint8_t>::Copy(env, batch.data(), batch.size())});
}

}  // namespace

void Waiting::Push(std::vector<uint8_t> batch) {
  std::lock_guard<std::mutex> lock(mutex_);
  batches_.push_back(std::move(batch));
}

bool Waiting::Pop(std::vector<uint8_t> *batch) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (batches_.empty()) return false;
  *batch = std::move(batches_.front());
  batches_.pop_front();
  return true;
}

size_t Waiting::Size() {
  std::lock_guard<std::mutex> lock(mutex_);
  return batches_.size();
}

void Ring::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Ring", DefineClass(env, "Ring", {InstanceMethod("close", &Ring::Close)}));
}

Ring::Ring(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Ring>(info) {
  Map(info.Env(), info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int64Value());
  Napi::Function listener = info[2].As<Napi::Function>();
  listener_ = Napi::Persistent(listener);
  deliver_ = Napi::ThreadSafeFunction::New(info.Env(), listener, "ringwall ring", 0, 1);
  thread_ = std::thread([this] { Run(); });
}

Ring::~Ring() { Stop(); }

// One page the consumer writes, then the producer's page and the data. The kernel offers the data twice over, so that no
// record is ever split; every page would count twice then, so records that go round the end are put together here.
void Ring::Map(Napi::Env env, int fd, size_t bytes) {
  page_ = sysconf(_SC_PAGESIZE);
  mask_ = bytes - 1;
  void *consumer = mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  void *producer = mmap(nullptr, page_ + bytes, PROT_READ, MAP_SHARED, fd, page_);
  if (consumer == MAP_FAILED || producer == MAP_FAILED) {
    throw Napi::Error::New(env, std::string("mmap of the ring buffer: ") + strerror(errno));
  }
  consumer_ = static_cast<uint8_t *>(consumer);
  producer_ = static_cast<const uint8_t *>(producer);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {};
  event.events = EPOLLIN;
  if (epoll_ < 0 || wake_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0 ||
      epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    throw Napi::Error::New(env, std::string("epoll of the ring buffer: ") + strerror(errno));
  }
}

Napi::Value Ring::Close(const Napi::CallbackInfo &info) {
  Stop();
  std::vector<uint8_t> batch;
  while (waiting_->Pop(&batch)) HandOver(info.Env(), listener_.Value(), batch);
  return info.Env().Undefined();
}

void Ring::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  uint64_t one = 1;
  if (write(wake_, &one, sizeof(one)) < 0) {
    // The thread wakes by itself after kPollMs.
  }
  thread_.join();
  munmap(consumer_, page_);
  munmap(const_cast<uint8_t *>(producer_), page_ + mask_ + 1);
  close(epoll_);
  close(wake_);
}

void Ring::Run() {
  std::vector<uint8_t> batch;
  while (!stopping_) {
    if (waiting_->Size() >= kBatchesInFlight) {
      usleep(kBusyPauseUs);
      continue;
    }
    if (Collect(&batch)) {
      Deliver(&batch);
      continue;
    }
    struct epoll_event event;
    epoll_wait(epoll_, &event, 1, kPollMs);
  }
  if (Collect(&batch)) Deliver(&batch);
  deliver_.Release();
}

// Moves complete records into the batch; false when there is none.
bool Ring::Collect(std::vector<uint8_t> *batch) {
  const uint8_t *data = producer_ + page_;
  unsigned long at = LoadAcquire(consumer_);
  while (at < LoadAcquire(producer_) && batch->size() < kBatchBytesMax) {
    const uint8_t *record = data + (at & mask_);
    uint32_t header = __atomic_load_n(reinterpret_cast<const uint32_t *>(record), __ATOMIC_ACQUIRE);
    if (header & BPF_RINGBUF_BUSY_BIT) break;
    uint32_t bytes = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
      size_t end = batch->size();
      // The length takes 8 bytes, so that 64-bit fields of the record are aligned.
      batch->resize(end + kRecordHeaderBytes + Padded(bytes));
      memcpy(batch->data() + end, &bytes, sizeof(bytes));
      Copy(batch->data() + end + kRecordHeaderBytes, at + BPF_RINGBUF_HDR_SZ, bytes);
    }
    at += Padded(bytes + BPF_RINGBUF_HDR_SZ);
    __atomic_store_n(reinterpret_cast<unsigned long *>(consumer_), at, __ATOMIC_RELEASE);
    // The kernel wakes only who has read all that came before. It looks for that after it has moved its own place: of
    // the two, one always sees the other, and no wake-up is left out that somebody needs.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
  }
  return !batch->empty();
}

void Ring::Copy(uint8_t *to, size_t at, size_t bytes) const {
  const uint8_t *data = producer_ + page_;
  size_t from = at & mask_;
  size_t first = std::min(bytes, mask_ + 1 - from);
  memcpy(to, data + from, first);
  memcpy(to + first, data, bytes - first);
}

void Ring::Deliver(std::vector<uint8_t> *batch) {
  waiting_->Push(std::move(*batch));
  *batch = {};
  std::shared_ptr<Waiting> waiting = waiting_;
  // Where it is not taken, the environment ends.
  deliver_.NonBlockingCall([waiting](Napi::Env env, Napi::Function listener) {
    std::vector<uint8_t> next;
    if (!waiting->Pop(&next) || env == nullptr) return;
    try {
      HandOver(env, listener, next);
    } catch (const Napi::Error &error) {
      // Else Node.js prints a deprecation warning instead of the error, once, and goes on.
      napi_fatal_exception(env, error.Value());
    }
  });
}

}  // namespace ringwall
