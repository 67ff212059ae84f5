/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What proof_probe.bpf.c and native/bench/proof_fuzz.c share. */
#ifndef RINGWALL_PROOF_PROBE_H
#define RINGWALL_PROOF_PROBE_H

struct proof_probe {
	__u64 key[2]; /* asked: the key */
	__u64 mac; /* read from the option, as it lies in the packet */
	__u64 right_mac; /* what it should be */
	__u32 epoch; /* asked */
	__u32 word; /* read, in host order */
	__u32 parsed;
	__u32 found;
};

#endif
