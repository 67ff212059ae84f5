// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Reads the proof of one packet with the data plane's own functions and tells
 * what it read: for known answers and for fuzzing, by BPF_PROG_TEST_RUN.
 * Never attached.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define AF_INET 2

/* Only what reads is asked for here. */
#pragma clang diagnostic ignored "-Wunused-function"

#include "ringwall.h"
#include "ringwall_proof.h"
#include "ringwall_carry.h"
#include "ringwall_pause.h"
#include "maps.h"
#include "event.h"
#include "address.h"
#include "parse.h"
#include "handshake_maps.h"
#include "proof_maps.h"
#include "carry_maps.h"
#include "process.h"
#include "pause.h"
#include "policy.h"
#include "carry.h"
#include "shadow.h"
#include "flow.h"
#include "verdict_cache.h"
#include "verdict.h"
#include "arrival.h"
#include "siphash.h"
#include "proof.h"
#include "proof_read.h"
#include "datagram_proof.h"
#include "datagram_proof_check.h"
#include "proof_probe.h"

/* 0 -> what to ask and what was read; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct proof_probe);
} probe_result SEC(".maps");

SEC("tc")
int probe(struct __sk_buff *skb)
{
	struct headers packet = {};
	struct proof_probe *out;
	struct proof_work *work;
	__u32 zero = 0;

	out = bpf_map_lookup_elem(&probe_result, &zero);
	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (!out || !work)
		return 0;
	out->parsed = parse(skb, &packet, IPPROTO_TCP) == PARSED;
	out->found = out->parsed && load_proof(skb, &packet, &work->option);
	if (!out->found)
		return 0;
	fill_message(&work->message, &packet);
	work->message.word = work->option.word;
	work->message.epoch = bpf_htonl(out->epoch);
	out->word = bpf_ntohl(work->option.word);
	out->mac = work->option.mac;
	out->right_mac = proof_mac(&work->message, out->key);
	return 0;
}

SEC("tc")
int probe_datagram(struct __sk_buff *skb)
{
	struct headers packet = {};
	struct surplus surplus = {};
	struct proof_probe *out;
	struct proof_work *work;
	__u32 zero = 0;

	out = bpf_map_lookup_elem(&probe_result, &zero);
	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (!out || !work)
		return 0;
	out->parsed = parse(skb, &packet, IPPROTO_UDP) == PARSED;
	out->found = out->parsed &&
		     load_datagram_option(skb, &packet, &surplus);
	if (!out->found)
		return 0;
	fill_datagram_message(work, &packet, &surplus.option);
	work->message.word = surplus.option.word;
	work->message.epoch = bpf_htonl(out->epoch);
	out->word = bpf_ntohl(surplus.option.word);
	out->mac = surplus.option.mac;
	out->right_mac = proof_mac(&work->message, out->key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
