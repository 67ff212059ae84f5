/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Foreign code for the decoy: connects where RINGWALL_CANARY says, and ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_SECONDS 4

static int reach(const char *host, int port, const char *token)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	int is_six = inet_pton(AF_INET6, host, &six.sin6_addr) == 1;
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	char answer[8];

	inet_pton(AF_INET, host, &four.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (is_six ? connect(fd, (void *)&six, sizeof(six)) : connect(fd, (void *)&four, sizeof(four)))
		return errno;
	if (send(fd, token, strlen(token), MSG_NOSIGNAL) < 0)
		return errno;
	shutdown(fd, SHUT_WR);
	return recv(fd, answer, sizeof(answer), 0) < 0 ? errno : 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *said = getenv("RINGWALL_CANARY");
	char host[64], token[128];
	int port;

	if (!said || sscanf(said, "%63s %d %127s", host, &port, token) != 3)
		return;
	printf("{\"step\":\"connect\",\"errno\":%d}\n", reach(host, port, token));
	fflush(stdout);
	_exit(0);
}
