/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packet sockets (AF_PACKET, AF_XDP) meet no hook that a cgroup has for what is
 * sent. What they send is judged at the device: a frame as the packet that it
 * carries, by the process that sends it. Two ways go around the device's
 * program, PACKET_QDISC_BYPASS and AF_XDP; both begin with a setsockopt(), which
 * is refused to whoever may not make a raw socket. So is a route of TCP's own.
 */
#ifndef RINGWALL_PACKET_SOCKET_H
#define RINGWALL_PACKET_SOCKET_H

#define AF_PACKET 17
#define AF_XDP 44
#define SOL_PACKET 263
#define SOL_XDP 283
#define PACKET_QDISC_BYPASS 20
#define SOL_IP 0
#define SOL_IPV6 41
#define IP_OPTIONS 4
#define IPV6_2292PKTOPTIONS 6
#define IPV6_RTHDR 57
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_EAPOL 0x888e
#define ETHERTYPE_LLDP 0x88cc
#define TOLD_WINDOW_NS (30ULL * 1000 * 1000 * 1000)

/* The task at work: not every kind of program may ask for its number. */
static __always_inline void process_of_task(struct rw_process *process,
					    __u64 cgroup_id)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct rw_task *known;

	__builtin_memset(process, 0, sizeof(*process));
	process->tgid = BPF_CORE_READ(task, tgid);
	process->uid = BPF_CORE_READ(task, cred, uid.val);
	process->cgroup_id = cgroup_id;
	known = bpf_map_lookup_elem(&tasks, &process->tgid);
	if (!known) {
		process->flags = RW_TASK_PENDING;
		return;
	}
	adopt_task(process, known);
	resolve_process(process, ~0ULL);
}

/* Like start_outbound, which asks for the process in another way. */
static __always_inline void start_sending(struct connection *connection,
					  const struct target *target,
					  __u64 cgroup_id)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	process_of_task(&connection->process, cgroup_id);
	connection->start_ns = bpf_ktime_get_boot_ns();
	__builtin_memcpy(connection->address, target->address, 16);
	connection->port = target->port;
	connection->proto = target->proto;
	connection->direction = RW_DIRECTION_OUT;
}

/* Frames that pass the device's program by. */
static __always_inline bool goes_around(__s32 level, __s32 name)
{
	return level == SOL_XDP ||
	       (level == SOL_PACKET && name == PACKET_QDISC_BYPASS);
}

/*
 * A way of the program's own (a source route, a routing header) takes what is
 * for the peer to any other host first. Each datagram is judged by where it goes
 * first, and so is what raw sockets send; TCP is judged once, by its peer.
 * Without a value it takes away what was set.
 */
static __always_inline bool leads_elsewhere(const struct bpf_sock *sk,
					    __s32 level, __s32 name,
					    __s32 bytes)
{
	if (level == SOL_IP ? name != IP_OPTIONS :
			      level != SOL_IPV6 ||
				      (name != IPV6_RTHDR &&
				       name != IPV6_2292PKTOPTIONS))
		return false;
	return bytes > 0 && sk && sk->type == SOCK_STREAM;
}

/* Made to go around: judged like the creation of a raw socket. */
SEC("cgroup/setsockopt")
int guard_options(struct bpf_sockopt *ctx)
{
	struct target target = { .proto = RW_PROTO_OTHER };
	struct connection connection;
	__s32 level = ctx->level, name = ctx->optname, bytes = ctx->optlen;

	/* The caller's own value is used: of more than a page none was copied. */
	ctx->optlen = 0;
	if (!goes_around(level, name) &&
	    !leads_elsewhere(ctx->sk, level, name, bytes))
		return 1;
	start_sending(&connection, &target, bpf_get_current_cgroup_id());
	return judge_creation(&connection, true);
}

/* Is the sender one of ours? Frames of other workloads leave here as well. */
static __always_inline bool sender_in_scope(struct __sk_buff *skb)
{
	if (!scope_id)
		return true;
	return bpf_skb_ancestor_cgroup_id(skb, scope_level) == scope_id;
}

/* The link's own business, which no rule speaks of and no host does without. */
static __always_inline bool is_of_the_link(__u16 type)
{
	return type == bpf_htons(ETHERTYPE_ARP) ||
	       type == bpf_htons(ETHERTYPE_EAPOL) ||
	       type == bpf_htons(ETHERTYPE_LLDP);
}

/* Whether it is needed by all; what can't be read stays RW_PROTO_OTHER. */
static __always_inline bool read_frame(struct __sk_buff *skb,
				       struct target *target)
{
	struct headers packet = {};
	__u16 type = 0;
	int proto;

	/* What skb->protocol says is the sender's word: the frame has to agree. */
	if (bpf_skb_load_bytes(skb, ETHERNET_TYPE_AT, &type, sizeof(type)) ||
	    type != (__u16)skb->protocol)
		return false;
	if (is_of_the_link(type))
		return true;
	proto = transport_of(skb);
	if (proto < 0)
		return false;
	if (is_icmp(proto)) {
		if (parse_icmp(skb, &packet, proto) != PARSED)
			return false;
		if (is_needed(proto, packet.destination_port))
			return true;
		proto = IPPROTO_ICMP;
	} else if (parse(skb, &packet, proto) != PARSED) {
		return false;
	} else if (!has_ports(proto)) {
		packet.destination_port = 0;
		proto = RW_PROTO_OTHER;
	}
	__builtin_memcpy(target->address, packet.destination, 16);
	target->port = packet.destination_port;
	target->proto = proto;
	return false;
}

/* Tells of a flow once in a while: nothing says when one ends. */
static __always_inline bool is_told(const struct connection *connection)
{
	const __u64 *half = (const __u64 *)connection->address;
	__u64 what = half[0] ^ half[1] ^
		     ((__u64)connection->process.tgid << 32) ^
		     (connection->port | connection->proto << 16 |
		      connection->verdict << 24);

	return !may_report(what ^ AF_PACKET, TOLD_WINDOW_NS, 1);
}

static __noinline int judge_frame(struct __sk_buff *skb)
{
	struct target target = { .proto = RW_PROTO_OTHER };
	struct judgement result = {};
	struct connection *connection;
	struct rw_slot *slot;
	__u32 index, zero = 0;

	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	if (!connection || read_frame(skb, &target))
		return TC_GO_ON;
	/* A frame goes to its device within the system call that sends it. */
	start_sending(connection, &target, bpf_skb_cgroup_id(skb));
	if (connection->process.flags & RW_TASK_AGENT)
		return TC_GO_ON;
	slot = slot_of(connection, &index);
	if (!slot)
		return TC_GO_ON;
	if (!judge_connection(connection, slot, index, &result)) {
		report_miss(&connection->process);
		if (connection->verdict == RW_VERDICT_BLOCKED &&
		    !agent_answers() &&
		    settle_unknown(connection, &result,
				   RW_REASON_HOLD_GIVE_UP))
			return TC_GO_ON;
	}
	if (connection->verdict == RW_VERDICT_BLOCKED) {
		count(RW_COUNT_RAW_REFUSED);
		if (!is_told(connection))
			record_denied(connection, 0);
		return TC_DROP;
	}
	if (is_told(connection))
		return TC_GO_ON;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, 0, 0);
	if (connection->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
		report_denial(connection, 0);
	return TC_GO_ON;
}

/* Everything else that leaves was judged at its socket, or is passed on. */
SEC("tc")
int judge_frames_out(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk || sk->family != AF_PACKET || !sender_in_scope(skb))
		return TC_GO_ON;
	return judge_frame(skb);
}

#endif
