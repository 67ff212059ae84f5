// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Takes over connections that are older than the programs. Whose they are the
 * agent knows from /proc and says on standard input, `INODE TGID` a line; the
 * rest is inet_diag's, and the judging the kernel program's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "diag.h"
#include "loader.h"

#define ETHERNET_BYTES 14
#define OWNERS_MAX (1 << 20)

struct owner {
	__u32 inode;
	__u32 tgid;
};

struct adopting {
	int program;
	__u8 proto;
	int adopted;
	struct owner *owners; /* by inode */
	size_t count;
	__u8 listening[65536 / 8]; /* TCP ports */
};

static int by_inode(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static int read_owners(struct adopting *adopting)
{
	struct owner one;

	adopting->owners = calloc(OWNERS_MAX, sizeof(one));
	if (!adopting->owners)
		return -ENOMEM;
	while (adopting->count < OWNERS_MAX &&
	       scanf("%u %u", &one.inode, &one.tgid) == 2)
		adopting->owners[adopting->count++] = one;
	qsort(adopting->owners, adopting->count, sizeof(one), by_inode);
	return 0;
}

static void note_listener(void *data, const struct inet_diag_msg *socket)
{
	struct adopting *adopting = data;
	__u16 port = ntohs(socket->id.idiag_sport);

	adopting->listening[port / 8] |= 1 << port % 8;
}

static void set_address(__u8 out[16], const struct inet_diag_msg *socket)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (socket->idiag_family == AF_INET6) {
		memcpy(out, socket->id.idiag_dst, 16);
		return;
	}
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + sizeof(mapped), socket->id.idiag_dst, 4);
}

static void meet_socket(void *data, const struct inet_diag_msg *socket)
{
	struct adopting *adopting = data;
	struct owner wanted = { .inode = socket->idiag_inode };
	struct owner *owner = bsearch(&wanted, adopting->owners,
				      adopting->count, sizeof(wanted), by_inode);
	__u16 local = ntohs(socket->id.idiag_sport);
	struct rw_adoption found = {
		.cookie = cookie_of(socket),
		.uid = socket->idiag_uid,
		.proto = adopting->proto,
		.direction = RW_DIRECTION_OUT,
		.port = ntohs(socket->id.idiag_dport),
	};
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = 1);

	if (!owner || !socket->idiag_inode)
		return;
	found.tgid = owner->tgid;
	set_address(found.address, socket);
	if (adopting->proto == IPPROTO_TCP &&
	    adopting->listening[local / 8] & 1 << local % 8) {
		found.direction = RW_DIRECTION_IN;
		found.port = local;
	}
	memcpy(packet + ETHERNET_BYTES, &found, sizeof(found));
	if (!bpf_prog_test_run_opts(adopting->program, &run) && run.retval == 1)
		adopting->adopted++;
}

static int adopt_all(int program, const struct options *options)
{
	static struct adopting adopting;
	int error;

	(void)options;
	adopting.program = program;
	error = read_owners(&adopting);
	if (!error)
		error = each_socket(IPPROTO_TCP, 1 << TCP_LISTEN, note_listener,
				    &adopting);
	adopting.proto = IPPROTO_TCP;
	if (!error)
		error = each_socket(IPPROTO_TCP,
				    1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT,
				    meet_socket, &adopting);
	adopting.proto = IPPROTO_UDP;
	if (!error)
		error = each_socket(IPPROTO_UDP, 1 << TCP_ESTABLISHED,
				    meet_socket, &adopting);
	free(adopting.owners);
	printf("%d\n", adopting.adopted);
	return error;
}

int command_adopt(const struct options *options)
{
	int error = with_program(options, ADOPT_PROGRAM, adopt_all);

	if (!error)
		return EXIT_FINE;
	complain("can't take over all open connections: %s", strerror(-error));
	return EXIT_FAILED;
}
