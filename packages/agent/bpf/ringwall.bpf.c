// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Ringwall's data plane in the kernel: one CO-RE object, Linux 5.10 and newer.
 * docs/dataplane.md says how the parts work together.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_ICMPV6 58

#include "ringwall.h"
#include "ringwall_proof.h"
#include "ringwall_dns.h"
#include "ringwall_exec.h"
#include "ringwall_carry.h"
#include "ringwall_pause.h"
#include "layout.h"
#include "maps.h"
#include "event.h"
#include "connections.h"
#include "address.h"
#include "parse.h"
#include "handshake_maps.h"
#include "proof_maps.h"
#include "exec_maps.h"
#include "carry_maps.h"
#include "process.h"
#include "pause.h"
#include "policy.h"
#include "carry.h"
#include "shadow.h"
#include "flow.h"
#include "verdict_cache.h"
#include "verdict.h"
#include "foreign.h"
#include "exec.h"
#include "arrival.h"
#include "datagram_flow.h"
#include "datagram.h"
#include "dns.h"
#include "siphash.h"
#include "proof.h"
#include "connect.h"
#include "socket.h"
#include "ops.h"
#include "listen.h"
#include "proof_write.h"
#include "tcp.h"
#include "proof_read.h"
#include "inbound.h"
#include "datagram_proof.h"
#include "datagram_proof_check.h"
#include "datagram_proof_judge.h"
#include "held.h"
#include "answer.h"
#include "icmp.h"
#include "udp.h"
#include "raw.h"
#include "packet.h"
#include "device_answer.h"
#include "device.h"
#include "packet_socket.h"
#include "datagram_proof_read.h"
#include "datagram_proof_write.h"
#include "cut.h"
#include "adopt.h"
#include "optional.h"
#include "older_listeners.h"
#include "lsm.h"
#include "lsm_sockets.h"
#include "lsm_memory.h"
#include "cgroups.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
