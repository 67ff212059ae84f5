/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses as 16 bytes, IPv4 mapped into IPv6. */
#ifndef RINGWALL_ADDRESS_H
#define RINGWALL_ADDRESS_H

/* The unspecified address means this host. */
static __always_inline void set_address4(__u8 address[16], __u32 ip)
{
	__u32 *word = (__u32 *)address;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = ip ? ip : bpf_htonl(0x7f000001);
}

/*
 * The last word of an address: the unspecified one means this host. Global, so
 * that the verifier takes what was found as one state and not as three.
 */
__noinline __u32 last_word(__u32 a, __u32 b, __u32 c, __u32 d)
{
	if (a || b || d)
		return d;
	if (c == bpf_htonl(0xffff))
		return bpf_htonl(0x7f000001);
	return c ? d : bpf_htonl(1);
}

static __always_inline void set_address6(__u8 address[16], __u32 a, __u32 b,
					 __u32 c, __u32 d)
{
	__u32 *word = (__u32 *)address;

	word[0] = a;
	word[1] = b;
	word[2] = c;
	word[3] = last_word(a, b, c, d);
}

static __always_inline bool same_address(const __u8 a[16], const __u8 b[16])
{
	const __u32 *x = (const __u32 *)a;
	const __u32 *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

#endif
