/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the fuzzers of the proof share: randomness by a seed, and one packet's test run. */
#ifndef RINGWALL_FUZZ_H
#define RINGWALL_FUZZ_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/types.h>
#include "proof_probe.h"

#define ETHERNET 14
#define PACKET_MAX 256

static uint64_t state;

static uint32_t random32(void)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return state >> 33;
}

static uint32_t below(uint32_t limit)
{
	return random32() % limit;
}

struct program {
	int program;
	int result;
};

static struct program load(const char *object, const char *name)
{
	struct bpf_object *opened = bpf_object__open_file(object, NULL);
	struct program out = { -1, -1 };

	if (!opened || bpf_object__load(opened)) {
		fprintf(stderr, "proof_fuzz: %s can't be loaded\n", object);
		exit(2);
	}
	out.program = bpf_program__fd(
		bpf_object__find_program_by_name(opened, name));
	out.result = bpf_object__find_map_fd_by_name(opened, "probe_result");
	return out;
}

/* The result of one packet; `asked` has key and epoch. */
static struct proof_probe run(struct program program, struct proof_probe asked,
			      const uint8_t *packet, uint32_t bytes)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet,
		    .data_size_in = bytes, .repeat = 1);
	uint32_t zero = 0;

	if (bpf_map_update_elem(program.result, &zero, &asked, BPF_ANY) ||
	    bpf_prog_test_run_opts(program.program, &options) ||
	    bpf_map_lookup_elem(program.result, &zero, &asked)) {
		perror("proof_fuzz: run");
		exit(2);
	}
	return asked;
}

static uint32_t from_hex(const char *text, uint8_t *out, uint32_t room)
{
	uint32_t bytes = 0;

	while (bytes < room && sscanf(text + bytes * 2, "%2hhx", out + bytes) == 1)
		bytes++;
	return bytes;
}

/* What was read of one packet that is given in hexadecimal, as JSON. */
static inline void answer(struct program program, char **argv)
{
	struct proof_probe asked = {}, read;
	uint8_t packet[PACKET_MAX];
	uint32_t bytes;

	if (from_hex(argv[0], (uint8_t *)asked.key, 16) != 16)
		exit(2);
	asked.epoch = strtoul(argv[1], NULL, 10);
	bytes = from_hex(argv[2], packet, sizeof(packet));
	read = run(program, asked, packet, bytes);
	printf("{\"parsed\":%u,\"found\":%u,\"word\":%u,\"mac\":\"%016llx\","
	       "\"rightMac\":\"%016llx\"}\n",
	       read.parsed, read.found, read.word,
	       (unsigned long long)__builtin_bswap64(read.mac),
	       (unsigned long long)__builtin_bswap64(read.right_mac));
}

/* The two readers differ: says of which packet. */
static inline int differ(const char *tool, uint64_t which, uint64_t seed,
			 const uint8_t *packet, uint32_t bytes, int read,
			 int expected)
{
	fprintf(stderr, "%s: packet %llu of seed %llu: ", tool,
		(unsigned long long)which, (unsigned long long)seed);
	for (uint32_t k = 0; k < bytes; k++)
		fprintf(stderr, "%02x", packet[k]);
	fprintf(stderr, " read %d, expected %d\n", read, expected);
	return 1;
}

#endif
