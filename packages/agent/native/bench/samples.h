/* SPDX-License-Identifier: Apache-2.0 */
/* What the loads of the benchmarks share: the clock, and the median of what was measured. */
#ifndef RINGWALL_SAMPLES_H
#define RINGWALL_SAMPLES_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static inline int compare_samples(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorts them; `count` is 1 or more. */
static inline uint64_t median(uint64_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare_samples);
	return samples[count / 2];
}

#endif
