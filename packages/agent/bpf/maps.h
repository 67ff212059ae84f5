/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every map: what its key and value are, who writes it, and what happens when
 * it is full. Names are a contract with the agent (src/kernel).
 */
#ifndef RINGWALL_MAPS_H
#define RINGWALL_MAPS_H

/* Set by the loader before the programs are verified. */
const volatile __u64 scope_id; /* cgroup id; 0: every process */
const volatile __u32 scope_level; /* depth of that cgroup below the root */
const volatile __u32 kernel_hz = 250;
const volatile __u32 reply_seconds = 30; /* datagram flows: not answered */
const volatile __u32 reply_answered_seconds = 180;
const volatile __u8 refuse_with_reset; /* bpf_set_retval loads here */

/* index (enum rw_active) -> 0 or 1; agent; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RW_ACTIVE_MAX);
	__type(key, __u32);
	__type(value, __u32);
} active SEC(".maps");

/* slot -> header of a policy; agent; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RW_SLOTS);
	__type(key, __u32);
	__type(value, struct rw_slot);
} slots SEC(".maps");

/*
 * The maps that the agent makes and puts into these slots have sizes and no
 * BTF. So must these: between 5.15 and 6.1 a map of maps takes no map without
 * BTF where it was declared with.
 */

/* policy key -> action; agent, created at the size it needs: can't be full */
struct policy_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct rw_policy_key));
	__uint(value_size, sizeof(struct rw_policy_value));
};

/* slot -> policy map; agent; an empty slot denies by default */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RW_SLOTS);
	__type(key, __u32);
	__array(values, struct policy_map);
} policies SEC(".maps");

/* address prefix -> peer class; agent, created at the size it needs */
struct peer_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct rw_peer_key));
	__uint(value_size, sizeof(struct rw_peer_value));
};

/* slot -> peer map; agent; an empty slot knows no peer */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RW_SLOTS);
	__type(key, __u32);
	__array(values, struct peer_map);
} peers SEC(".maps");

/* identity -> subject class; agent, created with room to grow */
struct subject_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
};

/* slot -> subject map; agent; an empty slot knows no software */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RW_SLOTS);
	__type(key, __u32);
	__array(values, struct subject_map);
} subjects SEC(".maps");

/* workload -> whether a draft is set, and until when; agent; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RW_WORKLOADS);
	__type(key, __u32);
	__type(value, struct rw_shadow);
} shadow SEC(".maps");

/*
 * what a draft would have done otherwise -> counts; kernel, emptied by the
 * agent before the next draft. Full: counted (rw_shadow.full).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rw_shadow_key);
	__type(value, struct rw_shadow_value);
} differences SEC(".maps");

/*
 * file -> executable number; agent. Full: the agent sees E2BIG and drops the
 * least used; a file that is not here is pending at each exec.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct rw_file_key);
	__type(value, struct rw_executable);
} executables SEC(".maps");

/*
 * tgid -> process; kernel (fork, exec, exit), and the agent's seeds. Full:
 * counted (TASKS_FULL); the process counts as unknown.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct rw_task);
} tasks SEC(".maps");

/*
 * execve -> what it runs; agent, which also sweeps it. Full: the agent sees
 * E2BIG; the process stays pending.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct rw_exec_key);
	__type(value, struct rw_resolution);
} resolutions SEC(".maps");

/*
 * executable, script, user, cgroup -> identity; agent, which takes away what
 * belongs to a cgroup that is gone. It gives out no more than there is room
 * for; past it the process counts as unknown software.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RW_IDENTITIES_MAX);
	__type(key, struct rw_identity_key);
	__type(value, __u32);
} identities SEC(".maps");

/*
 * port -> process that listens since before the programs; agent. Full: the
 * agent sees E2BIG; the listener counts as unknown software.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct rw_listener_key);
	__type(value, struct rw_process);
} listeners SEC(".maps");

/* 0 -> CLOCK_BOOTTIME of the agent's last sign of life, ns; agent */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} heartbeat SEC(".maps");

/*
 * flow -> counts; kernel writes the live one of the two, the agent empties the
 * other. Full: counted (FLOWS_FULL), the verdict is unchanged.
 */
struct flow_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct rw_flow_key);
	__type(value, struct rw_flow_value);
};

struct flow_map flows_0 SEC(".maps");
struct flow_map flows_1 SEC(".maps");

/* index -> flow map; fixed */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct flow_map);
} flow_buffers SEC(".maps") = {
	.values = { &flows_0, &flows_1 },
};

/* What is known of a connection, or of a datagram socket. Kernel only. */
enum connection_flag {
	CONNECTION_JUDGED = 1,
	CONNECTION_HELD = 2, /* its SYN is kept back */
	CONNECTION_DENIED = 4, /* its SYN is dropped for good */
	CONNECTION_SAW_RESET = 8,
	CONNECTION_RECORDED = 16, /* its flow is counted */
	CONNECTION_WATCHED = 64, /* TCP: its last state will be told */
	CONNECTION_PROVES = 0x1000, /* its peer has a key: proofs both ways */
	CONNECTION_NO_ROOM = 0x2000, /* its SYN had no room for the proof */
	CONNECTION_BEGUN = 0x4000, /* datagrams: the flow has begun */
	CONNECTION_ANSWERED = 0x8000,
};

struct connection {
	struct rw_process process;
	__u64 start_ns;
	__u64 generation; /* of the policy that judged it */
	__u64 bytes_out; /* datagrams: since the last flush; TCP: see answer.h */
	__u64 bytes_in;
	__u32 identity;
	__u32 subject;
	__u32 peer_class;
	__u32 rule;
	__u8 address[16];
	__u16 port;
	__u16 flags; /* enum connection_flag */
	__u8 proto;
	__u8 direction;
	__u8 verdict;
	__u8 reason;
	__u32 remote_number; /* the peer's software, where it proved it */
	__u8 remote; /* enum rw_remote; FIRST: as the number says */
	__u8 level; /* enum rw_level */
	__u16 workload; /* whose it is; | RW_BY_HOST: the host's policy judged */
	__u32 met_at; /* datagrams: step of the last one; TCP: see proof_maps.h */
	__u16 peer_port; /* datagrams; `port` where the flow is outbound */
	__u16 in_second; /* datagrams since then, of an inbound flow */
};

struct listening {
	struct rw_process process;
	__u64 since_ns;
	__u64 cookie; /* of the socket */
	__u32 untracked; /* passed connect() while `connections` was full */
	__u32 judged; /* a datagram to it has met the socket's hook */
};

/*
 * bound socket -> its process; kernel. No memory: counted (STORAGE_FAILED);
 * the listener counts as unknown software.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct listening);
} bound_sockets SEC(".maps");

/* When the last SYN was held, so that others need not be looked up. */
__u64 last_hold_jiffies;

/* Until then a SYN may be of a connect() that the former programs met. */
__u64 taken_over_until_jiffies;

/* Is there a flow of datagrams whose socket has no place in `connections`? */
__u32 placeless_any;

/* Has anything inbound been refused yet? */
__u32 refused_any;

/* Has a device's program judged an inbound SYN yet? */
__u32 arrived_any;

struct throttle_state {
	__u64 window_ns;
	__u64 used;
};

/* what is repeated -> events in this window; kernel. Full: the oldest goes */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct throttle_state);
} throttle SEC(".maps");

/* enum rw_counter -> count; kernel; never reset */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RW_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Events to the agent. Full: the event is dropped and counted (RING_FULL). */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* 0 -> room for an exec event; kernel, with preemption off */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_exec_event);
} exec_scratch SEC(".maps");

/* 0 -> what was loaded; loader */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_meta);
} meta SEC(".maps");

struct tick {
	__u64 jiffies;
	__u64 boot_ns;
};

/* 0 -> the clock at this CPU's last reading; kernel; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tick);
} ticks SEC(".maps");

/*
 * CLOCK_BOOTTIME to the tick, 10 ms at most behind: a reading takes as long as
 * two look-ups. For flows, and for what lasts seconds.
 */
static __always_inline __u64 recent_ns(void)
{
	__u64 now = bpf_jiffies64();
	__u32 zero = 0;
	struct tick *last = bpf_map_lookup_elem(&ticks, &zero);

	if (!last)
		return bpf_ktime_get_boot_ns();
	if (last->jiffies != now) {
		last->boot_ns = bpf_ktime_get_boot_ns();
		last->jiffies = now;
	}
	return last->boot_ns;
}

/* CPUs differ by a tick: what began on another may lie ahead. */
static __always_inline __u64 elapsed_ns(__u64 since_ns)
{
	__u64 now = recent_ns();

	return now > since_ns ? now - since_ns : 0;
}

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		(*value)++;
}

/* Tells at most `limit` times in `window_ns` that `what` may be reported. */
static __always_inline bool may_report(__u64 what, __u64 window_ns, __u64 limit)
{
	struct throttle_state *seen = bpf_map_lookup_elem(&throttle, &what);
	__u64 now = bpf_ktime_get_boot_ns();

	if (!seen) {
		struct throttle_state first = { .window_ns = now, .used = 1 };

		bpf_map_update_elem(&throttle, &what, &first, BPF_ANY);
		return true;
	}
	if (now - seen->window_ns > window_ns) {
		seen->window_ns = now;
		seen->used = 1;
		return true;
	}
	/* Not exact across CPUs: 5.10 has no atomic that returns a value. */
	return seen->used++ < limit;
}

#endif
