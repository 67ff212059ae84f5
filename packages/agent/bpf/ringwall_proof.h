/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel programs and the agent share about the proof of the software
 * in SYN and SYN-ACK (docs/proof.md).
 */
#ifndef RINGWALL_PROOF_LAYOUT_H
#define RINGWALL_PROOF_LAYOUT_H

enum rw_proof_limit {
	RW_PROOF_OPTION_KIND = 254,
	RW_PROOF_OPTION_BYTES = 16,
	RW_PROOF_EXPERIMENT_ID = 0x5257,
	RW_PROOF_PEERS_MAX = 65536,
	RW_PROOF_EPOCH_SECONDS = 64,
	RW_PROOF_NUMBER_HOLD_MS_MAX = 1000, /* then the SYN leaves with number 0 */
	RW_PROOF_WAIT_MS_MAX = 3000, /* for a number, or a path's mark */
};

/* The same behind the data of a datagram, in UDP's surplus area. */
enum rw_datagram_proof {
	RW_DATAGRAM_PROOF_KIND = 127, /* RFC 9868: experiments */
	RW_DATAGRAM_PROOF_BYTES = 24,
	RW_DATAGRAM_PROOF_STAMP_NS = 16, /* one step of a stamp */
	RW_DATAGRAM_PROOF_PACKET_BYTES_MAX = 1280, /* larger ones carry none */
	RW_DATAGRAM_PROOF_REPEATS = 4, /* proofs in a window */
	RW_DATAGRAM_PROOF_WINDOW_MS = 5000,
	RW_DATAGRAM_PROOF_ANSWER_MS_MAX = 30000, /* from question to answer */
};

/* Remote classes of a policy key; what the compiler numbers starts at FIRST. */
enum rw_remote {
	RW_REMOTE_NONE = 0, /* can't prove: level address */
	RW_REMOTE_UNKNOWN = 1, /* could have, and did not */
	RW_REMOTE_PROVISIONAL = 2, /* outbound, until the SYN-ACK is here */
	RW_REMOTE_FIRST = 3,
};

/* From a peer to this host, as the controller says. */
enum rw_path {
	RW_PATH_EXPECTED = 1,
	RW_PATH_STRIPPED = 2,
	RW_PATH_REVOKED = 3,
	RW_PATH_LOCAL = 4, /* the other end is carried by this very host */
};

/* What the MACs of a pair leave out, where the network between changes it. */
enum rw_profile {
	RW_PROFILE_NO_ADDRESSES = 1,
	RW_PROFILE_NO_PORTS = 2,
};

enum rw_level {
	RW_LEVEL_ADDRESS = 0,
	RW_LEVEL_IN_BAND = 1,
};

enum rw_proof_switch {
	RW_PROOF_SWITCH_ON = 1, /* write and read proofs */
	RW_PROOF_SWITCH_NUMBERED = 2, /* who has no number may soon have one */
	RW_PROOF_SWITCH_MUTES = 4, /* there are listeners that can't prove */
};

enum rw_proof_fault {
	RW_PROOF_FAULT_MISSING = 1,
	RW_PROOF_FAULT_EPOCH = 2, /* of another time */
	RW_PROOF_FAULT_KEY = 3, /* made with a key that is not known here */
	RW_PROOF_FAULT_MAC = 4,
	RW_PROOF_FAULT_REPLAY = 5,
	RW_PROOF_FAULT_NUMBER = 6, /* right, but nobody knows the number here */
};

/* 0 -> what holds for all proofs of this host */
struct rw_proof_config {
	__u64 epoch_offset_ns; /* since 1970, less CLOCK_BOOTTIME */
	__u32 switches; /* enum rw_proof_switch */
	__u32 pad;
};

/* Keys are SipHash's k0 and k1, one after the other. */
struct rw_proof_peer {
	__u64 sign[2]; /* for packets to the peer */
	__u64 verify[8]; /* by the peer's phase << 1 | own phase */
	__u32 phases; /* of `sign`: bits 31 and 30 of the word */
	__u8 path; /* enum rw_path */
	__u8 signs; /* is there a key to sign with? */
	__u8 verifies; /* bit i: verify[2i] is a key */
	__u8 datagram_path; /* enum rw_path; 0: its datagrams carry no proofs */
	__u8 profile; /* enum rw_profile, for both directions */
	__u8 pad[3];
	__u32 place; /* of what is counted of it, in `peer_counts`; 0: none */
};

/* Since the entry was made. */
struct rw_proof_counts {
	__u64 sent;
	__u64 proved;
	__u64 missing;
	__u64 wrong;
};

struct rw_proof_address {
	__u8 bytes[16];
};

struct rw_mute_key {
	__u8 address[16];
	__u16 port;
	__u16 pad;
};

struct rw_proof_event {
	struct rw_event_header header;
	__u8 source[16];
	__u8 destination[16];
	__u16 source_port;
	__u16 destination_port;
	__u32 sequence;
	__u32 acknowledgement;
	__u32 word;
	__u32 epoch; /* this host's */
	__u8 mac[8];
	__u8 fault; /* enum rw_proof_fault */
	__u8 is_answer; /* in a SYN-ACK */
	__u8 pad[2];
};

RW_SIZE(rw_proof_config, 16);
RW_SIZE(rw_proof_peer, 96);
RW_SIZE(rw_proof_counts, 32);
RW_SIZE(rw_mute_key, 20);
RW_SIZE(rw_proof_event, 80);

#endif
