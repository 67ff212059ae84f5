// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * A proof in SYN and SYN-ACK, made at one end and checked at the other, and
 * nothing else: no policy, no identity, no flows, one key, IPv4 without
 * options. What no data plane with these hooks can prove for less
 * (bench/least-proof.ts).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "siphash.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10
#define MESSAGE_WORDS 7 /* as the proof's, docs/proof.md */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct option {
	__u8 kind;
	__u8 bytes;
	__be16 experiment_id;
	__be32 number;
	__u64 mac;
} __attribute__((packed));

/* 0 -> the key of both ends */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[2]);
} keys SEC(".maps");

/* 0 -> packets whose proof was right; the toggle reads it */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} checked SEC(".maps");

static __always_inline __u64 mac_of(__u32 source, __u32 destination,
				    __u32 ports, __u32 sequence,
				    __u32 acknowledgement, __u32 number)
{
	__u64 message[MESSAGE_WORDS] = {
		source, 0, destination, 0, ports | (__u64)sequence << 32,
		number, acknowledgement,
	};
	__u32 zero = 0;
	__u64 *key = bpf_map_lookup_elem(&keys, &zero);

	return key ? sip_hash(message, MESSAGE_WORDS, key[0], key[1]) : 0;
}

static __always_inline void write_option(struct bpf_sock_ops *ops)
{
	__u32 from = ops->local_ip4, to = ops->remote_ip4;
	__u32 ports = ops->local_port << 16 | bpf_ntohl(ops->remote_port);
	struct tcphdr *tcp = ops->skb_data;
	struct option option = {
		.kind = 254,
		.bytes = sizeof(option),
		.number = bpf_htonl(1),
	};

	if ((void *)(tcp + 1) > ops->skb_data_end)
		return;
	option.mac = mac_of(from, to, ports, tcp->seq,
			    ops->skb_tcp_flags & TCP_ACK ? tcp->ack_seq : 0,
			    option.number);
	bpf_store_hdr_opt(ops, &option, sizeof(option), 0);
}

SEC("sockops")
int sock_ops(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		bpf_sock_ops_cb_flags_set(ops,
					  BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		bpf_sock_ops_cb_flags_set(ops, 0);
		break;
	case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
		if (ops->skb_tcp_flags & TCP_SYN)
			bpf_reserve_hdr_opt(ops, sizeof(struct option), 0);
		break;
	case BPF_SOCK_OPS_WRITE_HDR_OPT_CB:
		if (ops->skb_tcp_flags & TCP_SYN)
			write_option(ops);
		break;
	}
	return 1;
}

/* The option comes last in the header, as the kernel writes it. */
SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	struct iphdr *ip = (void *)(long)skb->data;
	struct tcphdr *tcp = (void *)(ip + 1);
	struct option option;
	__u32 ports, at, zero = 0;
	__u64 *right;

	if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
		return 1;
	if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_TCP ||
	    !tcp->syn)
		return 1;
	at = sizeof(*ip) + tcp->doff * 4 - sizeof(option);
	if (bpf_skb_load_bytes(skb, at, &option, sizeof(option)))
		return 0;
	ports = (__u32)bpf_ntohs(tcp->source) << 16 | bpf_ntohs(tcp->dest);
	if (option.mac != mac_of(ip->saddr, ip->daddr, ports, tcp->seq,
				 tcp->ack ? tcp->ack_seq : 0, option.number))
		return 0;
	right = bpf_map_lookup_elem(&checked, &zero);
	if (right)
		__sync_fetch_and_add(right, 1);
	return 1;
}
