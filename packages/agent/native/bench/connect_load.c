// SPDX-License-Identifier: Apache-2.0
/*
 * Inline load: client, server and softirq in one thread on loopback, so that
 * the median is the pure CPU path of a connection and holds on a busy machine.
 * With the argument "apart" the server is a process of its own, as servers
 * are, and the median is what the client waits: of a quiet machine alone.
 * Prints "ready"; for each line N on standard input makes N connections and
 * prints the median nanoseconds of one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

#define CONNECTIONS_MAX 1000000
/* So many may wait for a server that is slower than its client. */
#define BATCH 200

static int listen_on(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)) || listen(fd, BATCH))
		err(1, "listen");
	return fd;
}

/* A reset at the end leaves no TIME_WAIT behind. */
static uint64_t connect_once(int listener, const struct sockaddr_in *to)
{
	struct linger reset = { .l_onoff = 1 };
	uint64_t start = now_ns();
	int client, server = -1;

	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(client, (const struct sockaddr *)to, sizeof(*to)))
		err(1, "connect");
	if (listener >= 0) {
		server = accept(listener, NULL, NULL);
		if (server < 0)
			err(1, "accept");
	}
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	if (server >= 0)
		close(server);
	return now_ns() - start;
}

/* Takes connections, one at a time, and counts them, until it is killed. */
static pid_t serve(int listener, _Atomic int *taken)
{
	pid_t pid = fork();
	char byte;

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int server = accept(listener, NULL, NULL);

		/* Until the client's reset. */
		while (server >= 0 && read(server, &byte, 1) > 0)
			;
		close(server);
		++*taken;
	}
}

static void connect_inline(const struct sockaddr_in *at, uint64_t *took, int count)
{
	int listener = listen_on(at);

	for (int i = 0; i < count; i++)
		took[i] = connect_once(listener, at);
	close(listener);
}

static void connect_apart(const struct sockaddr_in *at, uint64_t *took, int count)
{
	_Atomic int *taken = mmap(NULL, sizeof(*taken), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener = listen_on(at);
	pid_t server;

	if (taken == MAP_FAILED)
		err(1, "mmap");
	server = serve(listener, taken);
	for (int i = 0; i < count; i++) {
		while (i % BATCH == 0 && *taken < i)
			sched_yield();
		took[i] = connect_once(-1, at);
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(listener);
	munmap((void *)taken, sizeof(*taken));
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(9100),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	static uint64_t took[CONNECTIONS_MAX];
	bool apart = argc > 1 && strcmp(argv[1], "apart") == 0;
	int count;

	puts("ready");
	fflush(stdout);
	while (scanf("%d", &count) == 1 && count > 0 && count <= CONNECTIONS_MAX) {
		(apart ? connect_apart : connect_inline)(&at, took, count);
		printf("%llu\n", (unsigned long long)median(took, count));
		fflush(stdout);
	}
	return 0;
}
