// SPDX-License-Identifier: Apache-2.0
#include "device_watch.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ringwall {
namespace {

constexpr size_t kMessagesBytes = 32768;

// A socket stays in the namespace in which it was made; negative errno on failure.
int OpenHere() {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  struct sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_TC;
  if (fd >= 0 && bind(fd, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)) == 0) return fd;
  int error = -errno;
  if (fd >= 0) close(fd);
  return error;
}

// On a thread of its own, which alone changes its namespace.
int OpenIn(const std::string &netns) {
  if (netns.empty()) return OpenHere();
  int result = 0;
  std::thread([&] {
    int place = open(netns.c_str(), O_RDONLY | O_CLOEXEC);
    result = place < 0 || setns(place, CLONE_NEWNET) != 0 ? -errno : OpenHere();
    if (place >= 0) close(place);
  }).join();
  return result;
}

}  // namespace

void DeviceWatch::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("DeviceWatch",
              DefineClass(env, "DeviceWatch", {InstanceMethod("close", &DeviceWatch::Close)}));
}

DeviceWatch::DeviceWatch(const Napi::CallbackInfo &info) : Napi::ObjectWrap<DeviceWatch>(info) {
  socket_ = OpenIn(info[0].As<Napi::String>().Utf8Value());
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (socket_ < 0 || wake_ < 0) {
    const char *why = strerror(socket_ < 0 ? -socket_ : errno);
    throw Napi::Error::New(info.Env(), std::string("watching network devices: ") + why);
  }
  tell_ = Napi::ThreadSafeFunction::New(info.Env(), info[1].As<Napi::Function>(), "ringwall devices", 0, 1);
  thread_ = std::thread([this] { Run(); });
}

DeviceWatch::~DeviceWatch() {
  Stop();
  if (socket_ >= 0) close(socket_);
  if (wake_ >= 0) close(wake_);
}

Napi::Value DeviceWatch::Close(const Napi::CallbackInfo &info) {
  Stop();
  return info.Env().Undefined();
}

void DeviceWatch::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  uint64_t one = 1;
  // Its counter has room: nothing else writes to it.
  while (write(wake_, &one, sizeof(one)) < 0 && errno == EINTR) continue;
  thread_.join();
  // Not only with this object: a socket keeps its namespace.
  close(socket_);
  socket_ = -1;
}

void DeviceWatch::Run() {
  struct pollfd sources[] = {{socket_, POLLIN, 0}, {wake_, POLLIN, 0}};
  while (!stopping_) {
    if (poll(sources, 2, -1) > 0 && sources[0].revents != 0) Receive();
  }
  tell_.Release();
}

void DeviceWatch::Receive() {
  alignas(struct nlmsghdr) char bytes[kMessagesBytes];
  struct sockaddr_nl from = {};
  socklen_t from_bytes = sizeof(from);
  auto *sender = reinterpret_cast<struct sockaddr *>(&from);
  ssize_t received = recvfrom(socket_, bytes, sizeof(bytes), 0, sender, &from_bytes);
  if (received < 0 && errno == ENOBUFS) return Tell(DeviceChange::kBared, 0);
  if (received < 0 || from.nl_pid != 0) return;
  auto *message = reinterpret_cast<struct nlmsghdr *>(bytes);
  for (int left = received; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
    const auto *link = static_cast<const struct ifinfomsg *>(NLMSG_DATA(message));
    const auto *filter = static_cast<const struct tcmsg *>(NLMSG_DATA(message));
    switch (message->nlmsg_type) {
      case RTM_NEWLINK:
        Tell(DeviceChange::kCame, link->ifi_index);
        break;
      case RTM_DELLINK:
        Tell(DeviceChange::kGone, link->ifi_index);
        break;
      case RTM_DELQDISC:
      case RTM_DELTFILTER:
        // The clsact queue itself, or a filter of it on the way in or out.
        if (TC_H_MAJ(filter->tcm_parent) == TC_H_MAJ(TC_H_CLSACT)) Tell(DeviceChange::kBared, filter->tcm_ifindex);
        break;
    }
  }
}

void DeviceWatch::Tell(DeviceChange change, int device) {
  tell_.NonBlockingCall([change, device](Napi::Env env, Napi::Function listener) {
    if (env == nullptr) return;
    try {
      listener.Call({Napi::Number::New(env, static_cast<int>(change)), Napi::Number::New(env, device)});
    } catch (const Napi::Error &error) {
      napi_fatal_exception(env, error.Value());
    }
  });
}

}  // namespace ringwall
