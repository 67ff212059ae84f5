// SPDX-License-Identifier: Apache-2.0
/* What was found out about files: a table with open addressing. */
#include <string.h>

#include "gate.h"

#define SLOTS (2 * VERDICTS_MAX) /* a power of two, at most half full */

static struct {
	struct key key;
	enum verdict verdict;
} table[SLOTS];
static unsigned int used;

struct key key_of(const struct stat *info)
{
	return (struct key){
		.device = info->st_dev,
		.inode = info->st_ino,
		.ctime_s = info->st_ctim.tv_sec,
		.ctime_ns = info->st_ctim.tv_nsec,
	};
}

bool same_key(const struct key *a, const struct key *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns;
}

static unsigned int place_of(const struct key *key)
{
	uint64_t mixed = key->inode * 0x9e3779b97f4a7c15ULL;

	mixed ^= (key->device + key->ctime_s) * 0xc2b2ae3d27d4eb4fULL;
	mixed ^= key->ctime_ns;
	mixed ^= mixed >> 29;
	for (unsigned int at = mixed & (SLOTS - 1);; at = (at + 1) & (SLOTS - 1))
		if (!table[at].verdict || same_key(&table[at].key, key))
			return at;
}

enum verdict find_verdict(const struct key *key)
{
	return table[place_of(key)].verdict;
}

void keep_verdict(const struct key *key, enum verdict verdict)
{
	unsigned int at;

	if (used >= VERDICTS_MAX)
		forget_verdicts();
	at = place_of(key);
	if (!table[at].verdict)
		used++;
	table[at].key = *key;
	table[at].verdict = verdict;
}

void forget_verdicts(void)
{
	memset(table, 0, sizeof(table));
	used = 0;
}
