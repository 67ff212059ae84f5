// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What a kernel can do, found out by asking it and not by its version. */
#include <linux/bpf.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

#define HZ_DEFAULT 250
#define SAMPLE_NS (50 * 1000 * 1000)

static struct bpf_insn call(int helper)
{
	return (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = helper };
}

static const struct bpf_insn leave = { .code = BPF_JMP | BPF_EXIT };

static bool run_for_value(int program, __u32 *value)
{
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = 1);

	if (bpf_prog_test_run_opts(program, &run))
		return false;
	*value = run.retval;
	return true;
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static __u32 nearest_hz(double measured)
{
	static const __u32 known[] = { 100, 250, 300, 1000 };
	__u32 best = HZ_DEFAULT;
	double smallest = 1e9;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		double off = measured / known[i];

		off = off < 1 ? 1 / off : off;
		if (off < smallest) {
			smallest = off;
			best = known[i];
		}
	}
	return best;
}

/*
 * Kernels don't say their tick rate, and the hold's retransmission timeout is
 * in ticks: a program that returns the jiffies, run twice, measures it.
 */
__u32 probe_hz(void)
{
	const struct bpf_insn code[] = { call(BPF_FUNC_jiffies64), leave };
	int program = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "ringwall_hz",
				    "Dual BSD/GPL", code, 2, NULL);
	struct timespec pause = { .tv_nsec = SAMPLE_NS };
	__u32 before, after, hz = HZ_DEFAULT;
	__u64 start;

	if (program < 0)
		return HZ_DEFAULT;
	start = now_ns();
	if (run_for_value(program, &before)) {
		nanosleep(&pause, NULL);
		if (run_for_value(program, &after) && after > before)
			hz = nearest_hz((after - before) * 1e9 /
					(now_ns() - start));
	}
	close(program);
	return hz;
}

/* May a connect() hook choose its error? Since 5.18. */
bool probe_set_retval(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = -1 },
		call(BPF_FUNC_set_retval),
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		leave,
	};
	LIBBPF_OPTS(bpf_prog_load_opts, how,
		    .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
	int program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
				    "ringwall_retval", "Dual BSD/GPL", code, 4,
				    &how);

	if (program < 0)
		return false;
	close(program);
	return true;
}
