/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * SipHash-2-4 with 64 bits of output (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF", 2012) of whole words.
 */
#ifndef RINGWALL_SIPHASH_H
#define RINGWALL_SIPHASH_H

struct sip_state {
	__u64 v0;
	__u64 v1;
	__u64 v2;
	__u64 v3;
};

static __always_inline __u64 rotate64(__u64 x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static __always_inline void sip_round(struct sip_state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate64(s->v1, 13) ^ s->v0;
	s->v0 = rotate64(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate64(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate64(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate64(s->v1, 17) ^ s->v2;
	s->v2 = rotate64(s->v2, 32);
}

static __always_inline void sip_absorb(struct sip_state *s, __u64 word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

/* `words` is a constant, so that the loop is unrolled. */
static __always_inline __u64 sip_hash(const __u64 *message, const int words,
				      __u64 k0, __u64 k1)
{
	struct sip_state s = {
		.v0 = k0 ^ 0x736f6d6570736575ULL,
		.v1 = k1 ^ 0x646f72616e646f6dULL,
		.v2 = k0 ^ 0x6c7967656e657261ULL,
		.v3 = k1 ^ 0x7465646279746573ULL,
	};

#pragma clang loop unroll(disable)
	for (int i = 0; i < words; i++)
		sip_absorb(&s, message[i]);
	sip_absorb(&s, (__u64)(words * 8) << 56);
	s.v2 ^= 0xff;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
