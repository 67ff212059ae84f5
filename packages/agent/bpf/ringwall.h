/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel programs, the loader and the agent share: the layout of map
 * keys and values, of events, and the numbers with a meaning. The TypeScript
 * side (src/kernel/layout.ts) is generated from the BTF of this file; a test
 * compares the two, so a field that moves here fails before an agent runs.
 *
 * Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d. Ports are in host order.
 * Times are nanoseconds of CLOCK_BOOTTIME. Nothing has implicit padding.
 */
#ifndef RINGWALL_H
#define RINGWALL_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#include "outcomes.h"

/*
 * Raised when the meaning of a pinned map changes though its layout does not.
 * Where the layout changes, the loader takes over fields by their names, and
 * leaves 0 in those that are new (native/loader/carry.c): let 0 mean nothing.
 */
#define RW_LAYOUT_VERSION 1

#define RW_ANY 0xffffffffU /* policy key: any subject, any peer */
/* Policy key: what the most welcome of all peers would meet (listen.h). */
#define RW_SOMEBODY 0xfffffffeU

enum rw_limit {
	RW_ARGUMENTS_BYTES_MAX = 8192,
	RW_ENVIRONMENT_BYTES_MAX = 16384,
	RW_FILENAME_BYTES_MAX = 256,
	RW_VARIABLES_MAX = 256, /* looked at for code injection at exec */
	RW_VARIABLE_BYTES = 4096, /* of one of them in one go */
	RW_COMM_BYTES = 16,
	RW_PORT_BITS_MAX = 16,
	RW_PAIRS = 4, /* (s,p) (any,p) (s,any) (any,any): the order of look-up */
	RW_HOLD_MS_MAX = 3000, /* then an unknown process is denied */
	RW_FRESH_MS_MAX = 10000, /* then a container's host decides for it */
	RW_HOLD_RTO_MS = 50, /* a SYN kept back is sent again after this */
	RW_DENIAL_EVENTS_PER_WINDOW = 20,
	RW_OPTIONAL_PROGRAMS_MAX = 24,
	RW_WHY_BYTES_MAX = 160,
	RW_SLOTS_EACH = 3, /* two for revisions, one for a draft beside them */
	RW_SHADOW_SLOT = 2,
	RW_CARRIED_MAX = 1000, /* containers and pods of one host */
	RW_CARRIED_ADDRESSES_MAX = 64, /* of one of them; further ones are the host's */
	RW_WORKLOADS = 1001, /* 0 is the host */
	RW_BY_HOST = 0x8000, /* beside a workload: the host's policy judged */
	RW_SLOTS = 3003, /* of workload w: 3 w, 3 w + 1, 3 w + 2 */
	RW_IDENTITIES_MAX = 32768, /* at a time */
};

enum rw_direction {
	RW_DIRECTION_OUT = 1,
	RW_DIRECTION_IN = 2,
};

/* Stands for every protocol that has no ports and is not ICMP. */
enum rw_proto {
	RW_PROTO_OTHER = 255,
};

enum rw_mode {
	RW_MODE_UNGOVERNED = 0, /* no segment governs the direction */
	RW_MODE_OBSERVE = 1,
	RW_MODE_ALERT = 2,
	RW_MODE_BLOCK = 3,
};

enum rw_action {
	RW_ACTION_ALLOW = 1,
	RW_ACTION_DENY = 2,
};

enum rw_policy_flag {
	RW_POLICY_IMMEDIATE = 1, /* a deny that is refused in every mode */
	RW_POLICY_ESSENTIAL = 2, /* an allow that no deny overrides */
};

enum rw_slot_flag {
	RW_SLOT_IMMEDIATE_IN = 1, /* has inbound denies that hold in every mode */
	RW_SLOT_CUT = 2, /* open connections are judged again by it */
	RW_SLOT_LISTENERS = 4, /* says who may wait for others */
};

enum rw_peer_flag {
	RW_PEER_SELF = 1, /* an address of this very workload */
	RW_PEER_MANAGED = 2, /* owned by a workload with an agent */
};

/*
 * Reserved subject classes; what the compiler numbers starts at FIRST. Odd ones
 * are of software that the policy names, and of the agent.
 */
enum rw_subject {
	RW_SUBJECT_UNKNOWN = 0,
	RW_SUBJECT_AGENT = 1,
	RW_SUBJECT_FIRST = 2,
};

enum rw_executable_flag {
	RW_EXECUTABLE_INTERPRETER = 1, /* its script decides: pending at exec */
};

enum rw_task_flag {
	RW_TASK_PENDING = 1, /* the agent has not said what it is */
	RW_TASK_AGENT = 2, /* the agent itself; never inherited */
	RW_TASK_UNATTRIBUTABLE = 4, /* -c, stdin, memfd, deleted file */
	RW_TASK_INJECTED = 8, /* foreign code by environment, mounts or a tracer */
};

/* Index into the map `active`. */
enum rw_active {
	RW_ACTIVE_SLOT = 0, /* which slot of the host is live: 0 or 1; | 2: it carries */
	RW_ACTIVE_FLOWS = 1, /* which flow buffer is written: 0 or 1 */
	RW_ACTIVE_MAX = 2,
};

struct rw_slot {
	__u64 generation;
	__u8 mode_out; /* enum rw_mode */
	__u8 mode_in;
	__u8 loopback_enforce;
	__u8 fail_open;
	__u32 flags; /* enum rw_slot_flag */
	/* Bit b set: entries with b port bits exist; by direction and pair. */
	__u32 levels_out[4];
	__u32 levels_in[4];
	/* The same of what names a remote class: out, in. */
	__u32 levels_remote[2];
};

struct rw_policy_key {
	__u32 subject; /* class or RW_ANY */
	__u32 peer; /* class or RW_ANY */
	__u16 port; /* masked to its port bits */
	__u8 proto; /* IP protocol number */
	__u8 direction_bits; /* direction << 5 | port bits 0..16 */
	__u32 remote; /* class of the peer's software, or enum rw_remote */
};

struct rw_policy_value {
	__u8 action; /* enum rw_action */
	__u8 flags; /* enum rw_policy_flag */
	__u16 pad;
	__u32 rule; /* the compiler's number; 0 is the default */
};

struct rw_peer_key {
	__u32 prefix_bits; /* 0..128; IPv4 prefixes are 96 longer */
	__u8 address[16];
};

struct rw_peer_value {
	__u32 peer_class; /* 0: no selector matches the address */
	__u32 flags; /* enum rw_peer_flag */
};

struct rw_file_key {
	__u64 inode;
	__u64 ctime_ns;
	__u32 device; /* the kernel's dev_t: major << 20 | minor */
	__u32 generation;
};

struct rw_executable {
	__u32 exe_id; /* the agent's number of the file's content */
	__u32 flags; /* enum rw_executable_flag */
};

/* One execve: who runs, until the next one. Children share it. */
struct rw_exec_key {
	__u64 exec_ns;
	__u32 exec_tgid;
	__u32 pad;
};

struct rw_task {
	__u64 exec_ns;
	__u64 cgroup_id;
	__u32 exec_tgid;
	__u32 exe_id;
	__u32 script_id;
	__u32 flags; /* enum rw_task_flag */
	__u32 ppid;
	__u32 pad;
};

/* The agent's answer for one execve. */
struct rw_resolution {
	__u32 exe_id;
	__u32 script_id;
	__u32 flags; /* enum rw_task_flag, without PENDING */
	__u32 pad;
};

struct rw_identity_key {
	__u64 cgroup_id;
	__u32 exe_id;
	__u32 script_id;
	__u32 uid;
	__u32 pad;
};

/* A process as it was when it touched a socket. */
struct rw_process {
	__u64 exec_ns;
	__u64 cgroup_id;
	__u32 exec_tgid;
	__u32 tgid;
	__u32 exe_id;
	__u32 script_id;
	__u32 uid;
	__u32 flags; /* enum rw_task_flag */
};

/* A connection that is older than the programs, as the loader found it. */
struct rw_adoption {
	__u64 cookie;
	__u8 address[16]; /* the peer */
	__u32 tgid;
	__u32 uid;
	__u16 port; /* the service port */
	__u8 proto;
	__u8 direction;
	__u32 asks; /* only whether it would be taken over */
};

struct rw_listener_key {
	__u16 port;
	__u8 proto;
	__u8 pad;
	__u32 workload; /* 0: the host's */
};

struct rw_flow_key {
	__u32 identity; /* 0: not known */
	__u32 rule;
	__u8 address[16]; /* the peer */
	__u16 port; /* the service port: ours inbound, the peer's outbound */
	__u8 proto;
	__u8 direction;
	__u8 verdict;
	__u8 state;
	__u8 reason;
	__u8 level; /* enum rw_level */
	__u16 workload; /* whose process it is; | RW_BY_HOST */
	__u16 pad;
};

struct rw_flow_value {
	__u64 count; /* attempts; TCP connections, UDP socket and peer pairs */
	__u64 bytes_out;
	__u64 bytes_in;
	__u64 first_ns;
	__u64 last_ns;
};

/* A draft beside the live policy; its slot is RW_SHADOW_SLOT. */
struct rw_shadow {
	__u64 until_ns; /* 0: there is none */
	__u64 met; /* attempts that were judged by the draft as well */
	__u64 full; /* differences that were not counted */
};

/* What the draft would have done otherwise. */
struct rw_shadow_key {
	__u32 identity; /* 0: not known */
	__u32 live_rule;
	__u32 draft_rule;
	__u8 address[16]; /* the peer */
	__u16 port; /* as in a flow */
	__u8 proto;
	__u8 direction;
	__u8 live_verdict; /* enum rw_verdict */
	__u8 draft_verdict;
	__u16 workload; /* whose draft */
};

struct rw_shadow_value {
	__u64 count;
	__u64 first_ns;
	__u64 last_ns;
};

enum rw_event_type {
	RW_EVENT_EXEC = 1,
	RW_EVENT_IDENTITY_MISS = 3,
	RW_EVENT_DENIAL = 4,
	RW_EVENT_UNKNOWN_LISTENER = 5,
	RW_EVENT_PROOF = 20,
	RW_EVENT_LSM = 30,
	RW_EVENT_CGROUP = 40,
};

enum rw_exec_flag {
	RW_EXEC_ARGUMENTS_TRUNCATED = 1,
	RW_EXEC_ENVIRONMENT_TRUNCATED = 2,
	RW_EXEC_ARGUMENTS_UNREADABLE = 4,
	RW_EXEC_USER_NAMESPACE = 8, /* not the host's: its user mounts what it likes */
	RW_EXEC_TRACED = 16, /* by a process without CAP_SYS_PTRACE */
};

struct rw_event_header {
	__u64 time_ns;
	__u32 tgid;
	__u16 type; /* enum rw_event_type */
	__u16 pad;
};

struct rw_exec_event {
	struct rw_event_header header;
	struct rw_file_key file;
	struct rw_task task;
	__u32 uid;
	__u32 flags; /* enum rw_exec_flag */
	__u32 arguments_bytes;
	__u32 environment_bytes;
	__u64 cwd_inode; /* the working directory, for relative paths */
	char comm[16];
	char filename[256]; /* as given to execve: the script for #! */
	/* NUL-separated arguments, then NUL-separated environment */
	char data[8192 + 16384];
};

struct rw_identity_miss_event {
	struct rw_event_header header;
	struct rw_process process;
	char comm[16];
};

struct rw_denial_event {
	struct rw_event_header header;
	struct rw_process process;
	__u64 generation;
	__u32 identity;
	__u32 subject;
	__u32 peer_class;
	__u32 rule;
	__u8 address[16]; /* the peer */
	__u16 port; /* the service port */
	__u16 peer_port; /* inbound: the client's port; outbound: 0 */
	__u8 proto;
	__u8 direction;
	__u8 verdict;
	__u8 reason;
};

struct rw_unknown_listener_event {
	struct rw_event_header header;
	__u8 address[16]; /* the local address the packet came to */
	__u16 port;
	__u8 proto;
	__u8 pad[5];
};

/* One record for each process in scope, read from the pinned iterator. */
struct rw_task_record {
	struct rw_file_key file;
	__u64 start_ns;
	__u64 cgroup_id;
	__u32 tgid;
	__u32 ppid;
	__u32 uid;
	__u32 pad;
	char comm[16];
};

struct rw_optional_program {
	char name[32];
	__u32 loaded;
	__u32 pad;
	char why[160]; /* in words, when not loaded */
};

/* What the loader leaves beside the programs. */
struct rw_meta {
	__u8 object_sha256[32];
	__u64 scope_id; /* cgroup id */
	__u32 scope_level;
	__u32 layout_version;
	__u32 hz;
	__u32 refuse_with_reset; /* ECONNREFUSED possible at connect() */
	struct rw_optional_program optional[24];
};

#include "sizes.h"

#endif
