/** The newest key and the one before it. */
export const PROOF_KEYS_MAX = 2;
export const PROOF_KEY_BYTES = 32;
export const PROOF_GENERATION_MAX = 2 ** 31 - 1;
/** Sockets of one host that listen since before its agent. */
export const MUTE_PORTS_MAX = 4_096;
/** Numbers that one host may take; beyond it gets 0, so that no host can use up the fleet's. */
export const NUMBERS_PER_HOST_MAX = 100_000;
/** Identities that every agent is told of by itself; beyond it they are told of those they ask for. */
export const DIRECTORY_PUSHED_MAX = 20_000;
/** Peers of one report: the hosts of a fleet. */
export const PROOF_COUNTS_MAX = 20_000;
/** Forgotten hosts whose addresses still count as revoked; beyond it the oldest are as if they had never had an agent. */
export const REVOKED_MAX = 10_000;
/** Changes are told together, this long after the first of them. */
export const NOTIFY_AFTER_MS = 50;
/** Peers that one host may say it talks with; beyond it the one met first goes. */
export const ACQUAINTANCES_MAX = 4_096;
/** Hosts whose policy changed at once, up to which only those related to them are told; beyond it everybody is. */
export const RELATIONS_LOOKED_UP_MAX = 256;
/** Policies wait this long for their hosts to have the keys that they need; who has not fetched by then gets the policy all the same. */
export const KEYS_AHEAD_MS_MAX = 1_000;
/** New numbers wait this long for the hosts that may meet them to know them; the asker's SYNs wait meanwhile. */
export const NUMBERS_AHEAD_MS_MAX = 200;
/** A host that is away holds up its peers' newer keys this long; once it is back, it may refuse them until it has fetched. */
export const AWAY_AWAITED_MS_MAX = 7 * 24 * 3_600_000;
/** Nobody hears at once: a host that others wait for is named this long after the first of them began to, or the controller started. */
export const AWAITED_SHOWN_AFTER_MS = 60_000;
/** How often hosts are told that nobody waits for the one that is away any more. */
export const AWAITED_LOOK_MS = 60_000;
/** Hosts that wait for another which are named in its problem; the rest are counted. */
export const AWAITED_NAMED_MAX = 3;
