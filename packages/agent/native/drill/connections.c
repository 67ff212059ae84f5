/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Ways to send the first bytes. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "canary.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif

static int family_of(const struct target *target)
{
	return target->ipv6 ? AF_INET6 : AF_INET;
}

static int patient(int fd)
{
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

int tcp_socket(const struct target *target)
{
	return patient(must("socket", socket(family_of(target), SOCK_STREAM, 0)));
}

int udp_socket(const struct target *target)
{
	return patient(must("socket", socket(family_of(target), SOCK_DGRAM, 0)));
}

int connect_to(const struct target *target, int fd)
{
	return connect(fd, (const void *)&target->address, target->bytes);
}

void leave_token(const struct target *target, int fd)
{
	char answer[8];

	must("send", send(fd, target->token, strlen(target->token), MSG_NOSIGNAL));
	shutdown(fd, SHUT_WR);
	must("receive", recv(fd, answer, sizeof(answer), 0));
	finish("answer", 0);
}

void by_tcp(const struct target *target)
{
	int fd = tcp_socket(target);

	must("connect", connect_to(target, fd));
	leave_token(target, fd);
}

void by_fast_open(const struct target *target)
{
	int fd = tcp_socket(target);

	must("sendto", sendto(fd, target->token, strlen(target->token),
			      MSG_FASTOPEN | MSG_NOSIGNAL,
			      (const void *)&target->address, target->bytes));
	leave_token(target, fd);
}

void by_fast_open_option(const struct target *target)
{
	int fd = tcp_socket(target), on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)))
		skip("this kernel has no TCP_FASTOPEN_CONNECT");
	must("connect", connect_to(target, fd));
	leave_token(target, fd);
}

void by_mptcp(const struct target *target)
{
	int fd = socket(family_of(target), SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ENOPROTOOPT || errno == EINVAL))
		skip("this kernel has no multipath TCP");
	patient(must("socket", fd));
	must("connect", connect_to(target, fd));
	leave_token(target, fd);
}

void by_mapped_address(const struct target *target)
{
	const struct sockaddr_in *four = (const void *)&target->address;
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };
	int fd;

	if (target->ipv6)
		skip("the target has no IPv4 address");
	mapped.sin6_port = four->sin_port;
	mapped.sin6_addr.s6_addr[10] = 0xff;
	mapped.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&mapped.sin6_addr.s6_addr[12], &four->sin_addr, 4);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0)
		skip("IPv6 is turned off");
	patient(fd);
	must("connect", connect(fd, (void *)&mapped, sizeof(mapped)));
	leave_token(target, fd);
}

/* The verdict of a first connect() must not stick to the socket. */
void after_disconnect(const struct target *target)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = tcp_socket(target);

	connect_to(target, fd);
	connect(fd, &none, sizeof(none));
	must("connect", connect_to(target, fd));
	leave_token(target, fd);
}

void by_udp(const struct target *target)
{
	must("sendto", sendto(udp_socket(target), target->token, strlen(target->token), 0,
			      (const void *)&target->address, target->bytes));
}

void by_connected_udp(const struct target *target)
{
	int fd = udp_socket(target);

	must("connect", connect_to(target, fd));
	must("send", send(fd, target->token, strlen(target->token), 0));
}

void by_sendmmsg(const struct target *target)
{
	struct iovec data = { (void *)target->token, strlen(target->token) };
	struct mmsghdr messages[2] = {};

	for (int i = 0; i < 2; i++) {
		messages[i].msg_hdr.msg_name = (void *)&target->address;
		messages[i].msg_hdr.msg_namelen = target->bytes;
		messages[i].msg_hdr.msg_iov = &data;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	must("sendmmsg", sendmmsg(udp_socket(target), messages, 2, 0));
}

void by_udp_lite(const struct target *target)
{
	int fd = socket(family_of(target), SOCK_DGRAM, IPPROTO_UDPLITE);

	if (fd < 0 && errno == EPROTONOSUPPORT)
		skip("this kernel has no UDP-Lite");
	must("socket", fd);
	must("sendto", sendto(fd, target->token, strlen(target->token), 0,
			      (const void *)&target->address, target->bytes));
}
