// SPDX-License-Identifier: Apache-2.0
/*
 * Inline load of what is not a new TCP connection (connect_load.c): both ends
 * and softirq in one thread on loopback, so that the median is the pure CPU path.
 * Prints "ready"; for each line "WHAT N" on standard input does it N times and
 * prints the median nanoseconds of one. WHAT:
 *   udp-flow   a socket sends one datagram and is closed
 *   udp        request and reply of one byte each, between connected sockets
 *   tcp        the same over an open connection
 *   bulk       64 KiB over an open connection
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "samples.h"

#define TIMES_MAX 1000000
#define BULK_BYTES 65536

static const struct sockaddr_in at = { .sin_family = AF_INET };
static char data[BULK_BYTES];

struct pair {
	int server;
	int client;
};

static struct sockaddr_in address(int port)
{
	struct sockaddr_in to = at;

	to.sin_port = htons(port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return to;
}

static int bound(int type, int port)
{
	struct sockaddr_in own = address(port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&own, sizeof(own)))
		err(1, "bind");
	return fd;
}

static int connected(int type, int port)
{
	struct sockaddr_in to = address(port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect");
	return fd;
}

static void move(int from, int to, size_t bytes)
{
	size_t sent = 0, got = 0;
	ssize_t n;

	while (got < bytes) {
		if (sent < bytes) {
			n = send(from, data, bytes - sent, MSG_DONTWAIT);
			sent += n > 0 ? n : 0;
		}
		n = recv(to, data, bytes - got, MSG_DONTWAIT);
		got += n > 0 ? n : 0;
	}
}

static struct pair open_udp(int port)
{
	struct pair out = { .server = bound(SOCK_DGRAM, port) };
	struct sockaddr_in from;
	socklen_t bytes = sizeof(from);

	out.client = connected(SOCK_DGRAM, port);
	if (send(out.client, "x", 1, 0) != 1 ||
	    recvfrom(out.server, data, 1, 0, (struct sockaddr *)&from, &bytes) != 1 ||
	    connect(out.server, (struct sockaddr *)&from, bytes))
		err(1, "udp");
	return out;
}

static struct pair open_tcp(int port)
{
	int listener = bound(SOCK_STREAM, port);
	struct pair out;

	if (listen(listener, 4))
		err(1, "listen");
	out.client = connected(SOCK_STREAM, port);
	out.server = accept(listener, NULL, NULL);
	if (out.server < 0)
		err(1, "accept");
	close(listener);
	return out;
}

static void send_once(int server, int port)
{
	struct sockaddr_in to = address(port);
	int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (client < 0 ||
	    sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1 ||
	    recv(server, data, 1, 0) != 1)
		err(1, "datagram");
	close(client);
}

static uint64_t measure(const char *what, int port, int times)
{
	static uint64_t took[TIMES_MAX];
	bool flow = !strcmp(what, "udp-flow"), bulk = !strcmp(what, "bulk");
	struct pair pair = flow ? (struct pair){ bound(SOCK_DGRAM, port), -1 } :
			   !strcmp(what, "udp") ? open_udp(port) :
						  open_tcp(port);

	for (int i = 0; i < times; i++) {
		uint64_t start = now_ns();

		if (flow) {
			send_once(pair.server, port);
		} else {
			move(pair.client, pair.server, bulk ? BULK_BYTES : 1);
			if (!bulk)
				move(pair.server, pair.client, 1);
		}
		took[i] = now_ns() - start;
	}
	close(pair.server);
	close(pair.client);
	return median(took, times);
}

int main(void)
{
	char line[64], what[16];
	int times, port = 9200;

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %d", what, &times) != 2 || times < 1 ||
		    times > TIMES_MAX)
			continue;
		/* A port of its own: what was closed may linger. */
		port = port < 9299 ? port + 1 : 9200;
		printf("%llu\n",
		       (unsigned long long)measure(what, port, times));
	}
	return 0;
}
