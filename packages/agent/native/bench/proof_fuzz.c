// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Runs packets through the kernel's reading of the proof by BPF_PROG_TEST_RUN.
 *   proof_fuzz OBJECT COUNT SEED      random packets, held against the reader
 *                                     below; prints {"runs":…,"found":…}
 *   proof_fuzz OBJECT KEY EPOCH HEX   one packet from its Ethernet header on;
 *                                     prints what was read
 * Exit codes: 0, 1 when the two readers differ, 2 when it could not run.
 */
#include <stdbool.h>
#include <string.h>
#include "fuzz.h"

#define TCP_BYTES 20
#define OPTION_BYTES 16

static bool is_option(const uint8_t *at)
{
	return at[0] == 254 && at[1] == OPTION_BYTES && at[2] == 0x52 &&
	       at[3] == 0x57;
}

/*
 * Another reader of the same rules (docs/proof.md): the option at the very end
 * of the header, else the first among at most 20 options.
 */
static const uint8_t *expect(const uint8_t *packet, uint32_t bytes)
{
	const uint8_t *ip = packet + ETHERNET, *end = packet + bytes;
	bool v4 = packet[12] == 0x08 && packet[13] == 0x00;
	bool v6 = packet[12] == 0x86 && packet[13] == 0xdd;
	const uint8_t *tcp, *at, *last;

	if (!v4 && !v6)
		return NULL;
	if (ip + (v4 ? 20 : 40) > end || ip[v4 ? 9 : 6] != 6)
		return NULL;
	if (v4 && ((ip[6] << 8 | ip[7]) & 0x1fff))
		return NULL;
	tcp = ip + (v4 ? (ip[0] & 15) * 4 : 40);
	if (tcp + 16 > end)
		return NULL;
	last = tcp + (tcp[12] >> 4) * 4;
	at = tcp + TCP_BYTES;
	if (last - at < OPTION_BYTES || last > end)
		return NULL;
	if (is_option(last - OPTION_BYTES))
		return last - OPTION_BYTES;
	for (int i = 0; i < 20 && at + OPTION_BYTES <= last; i++) {
		if (at[0] == 0)
			return NULL;
		if (at[0] == 1) {
			at++;
			continue;
		}
		if (is_option(at))
			return at;
		if (at[1] < 2)
			return NULL;
		at += at[1];
	}
	return NULL;
}

/* A packet that is nearly one: lengths, offsets and options are often off. */
static uint32_t make(uint8_t *packet)
{
	bool v4 = below(2), whole = below(4);
	uint32_t ip = v4 ? 20 : 40, header = TCP_BYTES + 4 * below(11);
	uint32_t bytes = ETHERNET + ip + header;
	uint8_t *tcp = packet + ETHERNET + ip, *at = tcp + TCP_BYTES;

	for (uint32_t i = 0; i < PACKET_MAX; i++)
		packet[i] = below(8) ? 0 : random32();
	packet[12] = v4 ? 0x08 : 0x86;
	packet[13] = v4 ? 0x00 : 0xdd;
	packet[ETHERNET] = v4 ? 0x45 : 0x60;
	packet[ETHERNET + (v4 ? 9 : 6)] = below(50) ? 6 : 17;
	if (v4 && below(20))
		packet[ETHERNET + 6] = packet[ETHERNET + 7] = 0;
	if (v4 && !below(20))
		packet[ETHERNET] = 0x40 | below(16);
	tcp[12] = (below(10) ? header / 4 : below(16)) << 4;
	tcp[13] = 2;
	while (at + 2 <= tcp + header) {
		uint32_t kind = below(6);

		if (kind == 0 && at + OPTION_BYTES <= tcp + header) {
			const uint8_t proof[] = { 254, 16, 0x52, 0x57 };

			memcpy(at, proof, sizeof(proof));
			for (int i = 4; i < OPTION_BYTES; i++)
				at[i] = random32();
			at[below(30) ? 4 : below(4)] ^= below(2);
			at += OPTION_BYTES;
		} else if (kind < 3) {
			*at++ = 1;
		} else {
			at[0] = below(20) ? 2 + below(252) : 0;
			at[1] = below(15) ? 2 + below(9) : random32();
			at += at[1] < 2 ? 2 : at[1];
		}
	}
	return whole ? bytes : ETHERNET + below(bytes - ETHERNET + 1);
}

static int fuzz(struct program program, uint64_t count, uint64_t seed)
{
	uint8_t packet[PACKET_MAX + 256];
	uint64_t found = 0, runs = 0;

	state = seed;
	for (uint64_t i = 0; runs < count; i++) {
		uint32_t bytes = make(packet);
		const uint8_t *right = expect(packet, bytes);
		struct proof_probe read;

		/* The kernel makes no packet of less than the IP header. */
		if (bytes < ETHERNET + (packet[12] == 0x08 ? 20 : 40))
			continue;
		runs++;
		read = run(program, (struct proof_probe){}, packet, bytes);
		found += read.found;
		if (!!right == !!read.found &&
		    (!right || !memcmp(&read.mac, right + 8, 8)))
			continue;
		return differ("proof_fuzz", i, seed, packet, bytes, read.found,
			      !!right);
	}
	printf("{\"runs\":%llu,\"found\":%llu}\n", (unsigned long long)runs,
	       (unsigned long long)found);
	return 0;
}

int main(int argc, char **argv)
{
	struct program program;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "proof_fuzz: see the file's head\n");
		return 2;
	}
	program = load(argv[1], "probe");
	if (argc == 4)
		return fuzz(program, strtoull(argv[2], NULL, 10),
			    strtoull(argv[3], NULL, 10));
	answer(program, argv + 2);
	return 0;
}
