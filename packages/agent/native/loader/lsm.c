// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Does this kernel call BPF's LSM programs? It may take and attach them and
 * still never call one: `bpf` has to be among the LSMs turned on at boot.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "loader.h"

/* A program that notes in a map that it was called. */
static int load_noting(int map)
{
	struct bpf_insn code[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map },
		{},
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 1, .imm = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int hook = libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC);
	LIBBPF_OPTS(bpf_prog_load_opts, how,
		    .expected_attach_type = BPF_LSM_MAC,
		    .attach_btf_id = hook < 0 ? 0 : hook);

	if (hook < 0)
		return -1;
	return bpf_prog_load(BPF_PROG_TYPE_LSM, "ringwall_lsm", "GPL", code,
			     sizeof(code) / sizeof(*code), &how);
}

bool lsm_is_called(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ringwall_lsm", 4, 4, 1,
				 NULL);
	int program = map < 0 ? -1 : load_noting(map);
	int link = program < 0 ? -1 : bpf_raw_tracepoint_open(NULL, program);
	__u32 zero = 0, called = 0;

	if (link >= 0) {
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
		bpf_map_lookup_elem(map, &zero, &called);
		close(link);
	}
	if (program >= 0)
		close(program);
	if (map >= 0)
		close(map);
	return called;
}
