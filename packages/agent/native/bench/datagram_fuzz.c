// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Runs datagrams through the kernel's reading of the proof by BPF_PROG_TEST_RUN.
 *   datagram_fuzz OBJECT COUNT SEED      random packets, held against the reader
 *                                        below; prints {"runs":…,"found":…}
 *   datagram_fuzz OBJECT KEY EPOCH HEX   one packet from its Ethernet header on;
 *                                        prints what was read
 * Exit codes: 0, 1 when the two readers differ, 2 when it could not run.
 */
#include <stdbool.h>
#include <string.h>
#include "fuzz.h"

#define SURPLUS_BYTES 26

/*
 * Another reader of the same rules (docs/proof.md): no fragment, no extension
 * header of IPv6, and the option behind two bytes of checksum at the first even
 * offset behind UDP's end, within IP's.
 */
static const uint8_t *expect(const uint8_t *packet, uint32_t bytes)
{
	const uint8_t *ip = packet + ETHERNET, *udp, *at;
	bool v4 = packet[12] == 0x08 && packet[13] == 0x00;
	bool v6 = packet[12] == 0x86 && packet[13] == 0xdd;
	uint32_t ip_bytes, udp_bytes, udp_at;

	if ((!v4 && !v6) || ip[v4 ? 9 : 6] != 17)
		return NULL;
	if (v4 && ((ip[6] << 8 | ip[7]) & 0x3fff))
		return NULL;
	udp_at = v4 ? (ip[0] & 15) * 4 : 40;
	ip_bytes = v4 ? ip[2] << 8 | ip[3] : 40 + (ip[4] << 8 | ip[5]);
	udp = ip + udp_at;
	if (udp + 6 > packet + bytes)
		return NULL;
	udp_bytes = udp[4] << 8 | udp[5];
	if (udp_bytes < 8 || udp_at + udp_bytes > ip_bytes)
		return NULL;
	at = udp + udp_bytes + udp_bytes % 2;
	if (at + SURPLUS_BYTES > ip + ip_bytes ||
	    at + SURPLUS_BYTES > packet + bytes)
		return NULL;
	return at[2] == 127 && at[3] == 24 && at[4] == 0x52 && at[5] == 0x57 ?
		       at + 2 :
		       NULL;
}

/* A datagram that is nearly one: lengths and options are often off. */
static uint32_t make(uint8_t *packet)
{
	bool v4 = below(2);
	uint32_t ip = v4 ? 20 : 40, data = below(60);
	uint32_t surplus = below(6) ? SURPLUS_BYTES + (data & 1) : below(40);
	uint32_t udp = 8 + data, whole = ETHERNET + ip + udp + surplus;
	uint8_t *at = packet + ETHERNET + ip + udp + (data & 1);
	const uint8_t proof[] = { 127, 24, 0x52, 0x57 };

	for (uint32_t i = 0; i < PACKET_MAX; i++)
		packet[i] = below(8) ? 0 : random32();
	packet[12] = v4 ? 0x08 : 0x86;
	packet[13] = v4 ? 0x00 : 0xdd;
	packet[ETHERNET] = v4 ? below(20) ? 0x45 : 0x40 | below(16) : 0x60;
	packet[ETHERNET + (v4 ? 9 : 6)] = below(50) ? 17 : below(64);
	if (v4 && below(20))
		packet[ETHERNET + 6] = packet[ETHERNET + 7] = 0;
	packet[ETHERNET + (v4 ? 2 : 4)] = 0;
	packet[ETHERNET + (v4 ? 3 : 5)] =
		(v4 ? ip : 0) + udp + (below(12) ? surplus : below(64));
	packet[ETHERNET + ip + 4] = below(50) ? 0 : random32();
	packet[ETHERNET + ip + 5] = below(12) ? udp : below(100);
	for (int i = 0; i < 24; i++)
		at[2 + i] = random32();
	memcpy(at + 2, proof, sizeof(proof));
	if (!below(8))
		at[2 + below(4)] ^= 1 << below(8);
	return below(8) ? whole : ETHERNET + below(whole - ETHERNET + 1);
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
		    (!right || !memcmp(&read.mac, right + 16, 8)))
			continue;
		return differ("datagram_fuzz", i, seed, packet, bytes,
			      read.found, !!right);
	}
	printf("{\"runs\":%llu,\"found\":%llu}\n", (unsigned long long)runs,
	       (unsigned long long)found);
	return 0;
}

int main(int argc, char **argv)
{
	struct program program;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "datagram_fuzz: see the file's head\n");
		return 2;
	}
	program = load(argv[1], "probe_datagram");
	if (argc == 4)
		return fuzz(program, strtoull(argv[2], NULL, 10),
			    strtoull(argv[3], NULL, 10));
	answer(program, argv + 2);
	return 0;
}
