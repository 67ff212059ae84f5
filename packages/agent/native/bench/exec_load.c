// SPDX-License-Identifier: Apache-2.0
/*
 * Starts a program again and again. Prints "ready"; for each line N on standard
 * input starts it N times, one after the other, and prints the median
 * nanoseconds from vfork() until it has ended.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

#define STARTS_MAX 1000000

static uint64_t start_once(char *program)
{
	char *arguments[] = { program, NULL };
	uint64_t start = now_ns();
	int status = 0;
	pid_t child = vfork();

	if (child < 0)
		err(1, "vfork");
	if (!child) {
		execve(program, arguments, environ);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "%s ended with %d", program, status);
	return now_ns() - start;
}

int main(int count, char **arguments)
{
	static uint64_t samples[STARTS_MAX];
	long wanted;
	char line[64];

	if (count != 2)
		errx(2, "usage: exec-load PROGRAM");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		wanted = strtol(line, NULL, 10);
		if (wanted < 1 || wanted > STARTS_MAX)
			continue;
		for (long i = 0; i < wanted; i++)
			samples[i] = start_once(arguments[1]);
		printf("%llu\n", (unsigned long long)median(samples, wanted));
	}
	return 0;
}
