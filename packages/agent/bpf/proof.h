/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The proof of the software in SYN and SYN-ACK: what reading and writing it
 * have in common (docs/proof.md).
 */
#ifndef RINGWALL_PROOF_H
#define RINGWALL_PROOF_H

#define PROOF_SYN 1
#define PROOF_ANSWER 2
#define PROOF_DATAGRAM 3
#define PROOF_DATAGRAM_ANSWER 4
#define PROOF_EPOCH_SHIFT 28
#define PROOF_PHASE_SHIFT 30
#define NO_ROOM_NS (500ULL * 1000 * 1000)
#define NUMBER_HOLD_NS (RW_PROOF_NUMBER_HOLD_MS_MAX * 1000ULL * 1000)

static __always_inline struct rw_proof_config *proof_switches(__u32 wanted)
{
	__u32 zero = 0;
	struct rw_proof_config *config;

	config = bpf_map_lookup_elem(&proof_config, &zero);
	return config && (config->switches & wanted) == wanted ? config : NULL;
}

static __always_inline __u32 proof_epoch(const struct rw_proof_config *config)
{
	return (recent_ns() + config->epoch_offset_ns) /
	       (RW_PROOF_EPOCH_SECONDS * 1000ULL * 1000 * 1000);
}

static __always_inline __u64 proof_mac(const struct proof_message *message,
				       const __u64 *key)
{
	return sip_hash((const __u64 *)message, PROOF_WORDS, key[0], key[1]);
}

/* What the network between the two hosts changes is not bound by the MAC. */
static __always_inline void leave_out(struct proof_message *message,
				      __u8 profile)
{
	if (profile & RW_PROFILE_NO_ADDRESSES) {
		__builtin_memset(message->source, 0, 16);
		__builtin_memset(message->destination, 0, 16);
	}
	if (profile & RW_PROFILE_NO_PORTS) {
		message->source_port = 0;
		message->destination_port = 0;
	}
}

/* Of a TCP connection's software; 0: as number_of. */
static __always_inline __u32 own_number(struct connection *connection)
{
	return *kept_number(connection) ?: number_of(connection->identity);
}

static __always_inline bool is_mute(const __u8 address[16], __u16 port)
{
	struct rw_mute_key key = { .port = port };

	__builtin_memcpy(key.address, address, 16);
	return proof_switches(RW_PROOF_SWITCH_MUTES) &&
	       bpf_map_lookup_elem(&proof_mutes, &key);
}

/* What an answer will have to prove, before there is one. */
static __always_inline void expect_proof(struct connection *connection)
{
	bool datagram = connection->proto != IPPROTO_TCP;
	struct rw_proof_peer *peer;
	__u8 path;

	if (!proof_switches(RW_PROOF_SWITCH_ON))
		return;
	peer = bpf_map_lookup_elem(&proof_peers, connection->address);
	if (!peer || (datagram && (!peer->datagram_path ||
				   connection->proto != IPPROTO_UDP)))
		return;
	path = datagram ? peer->datagram_path : peer->path;
	connection->flags |= CONNECTION_PROVES;
	if (path == RW_PATH_REVOKED)
		connection->remote = RW_REMOTE_UNKNOWN;
	else if ((path == RW_PATH_EXPECTED || path == RW_PATH_LOCAL) &&
		 (datagram ||
		  !is_mute(connection->address, connection->port)))
		connection->remote = RW_REMOTE_PROVISIONAL;
}

/*
 * A SYN with a fast open cookie has no room for the proof, and the one that TCP
 * sends a second later, without the cookie, has: the first stays here.
 */
static __always_inline bool makes_room(const struct connection *connection)
{
	return (connection->flags & CONNECTION_NO_ROOM) &&
	       elapsed_ns(connection->start_ns) < NO_ROOM_NS;
}

/*
 * Is it worth keeping the SYN back until its software has a number? Also where
 * it is not known yet who connects: without a number the other end would refuse
 * what it lets in a moment later.
 */
static __always_inline bool awaits_number(struct connection *connection)
{
	if (!(connection->flags & CONNECTION_PROVES) ||
	    (connection->process.flags & RW_TASK_AGENT) ||
	    !proof_switches(RW_PROOF_SWITCH_ON | RW_PROOF_SWITCH_NUMBERED))
		return false;
	return !own_number(connection) &&
	       elapsed_ns(connection->start_ns) < NUMBER_HOLD_NS &&
	       agent_answers();
}

/* An answer that nobody will judge: does the policy ask for what it proves? */
static __always_inline bool must_be_proved(const struct connection *connection)
{
	struct rw_slot *slot;
	__u32 index;

	if (connection->remote != RW_REMOTE_PROVISIONAL)
		return false;
	slot = slot_of(connection, &index);
	return slot && blocks(slot->mode_out) && slot->levels_remote[0];
}

#endif
