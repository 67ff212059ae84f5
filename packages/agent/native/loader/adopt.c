// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Takes over connections that are older than the programs. Whose they are the
 * agent knows from /proc and says on standard input, `INODE TGID` a line; the
 * rest is inet_diag's, and the judging the kernel program's.
 *
 * The programs forget a connection when it closes, so one that they met and that
 * closes after it was listed is as unknown to them as an older one. Hence two
 * lists: who is unknown after the first and still open in the second was never
 * met.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
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
	bool asks; /* the first list */
	int adopted;
	struct owner *owners; /* by inode */
	size_t count;
	__u64 *unknown; /* cookies, in order once the first list has ended */
	size_t unknown_count;
	__u8 listening[65536 / 8]; /* TCP ports */
};

static int by_inode(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static int by_cookie(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int read_owners(struct adopting *adopting)
{
	struct owner one;

	adopting->owners = calloc(OWNERS_MAX, sizeof(one));
	adopting->unknown = calloc(OWNERS_MAX, sizeof(*adopting->unknown));
	if (!adopting->owners || !adopting->unknown)
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

/* Has the program take it over, or asks it whether it would. */
static bool run_on(const struct adopting *adopting,
		   const struct inet_diag_msg *socket, __u32 tgid)
{
	__u16 local = ntohs(socket->id.idiag_sport);
	struct rw_adoption found = {
		.cookie = cookie_of(socket),
		.tgid = tgid,
		.uid = socket->idiag_uid,
		.proto = adopting->proto,
		.direction = RW_DIRECTION_OUT,
		.port = ntohs(socket->id.idiag_dport),
		.asks = adopting->asks,
	};
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = 1);

	set_address(found.address, socket);
	if (adopting->proto == IPPROTO_TCP &&
	    adopting->listening[local / 8] & 1 << local % 8) {
		found.direction = RW_DIRECTION_IN;
		found.port = local;
	}
	memcpy(packet + ETHERNET_BYTES, &found, sizeof(found));
	return !bpf_prog_test_run_opts(adopting->program, &run) &&
	       run.retval == 1;
}

static void meet_socket(void *data, const struct inet_diag_msg *socket)
{
	struct adopting *adopting = data;
	struct owner wanted = { .inode = socket->idiag_inode };
	struct owner *owner = bsearch(&wanted, adopting->owners,
				      adopting->count, sizeof(wanted), by_inode);
	__u64 cookie = cookie_of(socket);

	if (!owner || !socket->idiag_inode)
		return;
	if (adopting->asks) {
		if (adopting->unknown_count < OWNERS_MAX &&
		    run_on(adopting, socket, owner->tgid))
			adopting->unknown[adopting->unknown_count++] = cookie;
	} else if (bsearch(&cookie, adopting->unknown, adopting->unknown_count,
			   sizeof(cookie), by_cookie)) {
		adopting->adopted += run_on(adopting, socket, owner->tgid);
	}
}

static int adopt_each(struct adopting *adopting, __u8 proto, __u32 states)
{
	int error;

	adopting->proto = proto;
	adopting->asks = true;
	adopting->unknown_count = 0;
	error = each_socket(proto, states, meet_socket, adopting);
	if (error || !adopting->unknown_count)
		return error;
	qsort(adopting->unknown, adopting->unknown_count,
	      sizeof(*adopting->unknown), by_cookie);
	adopting->asks = false;
	return each_socket(proto, states, meet_socket, adopting);
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
	if (!error)
		error = adopt_each(&adopting, IPPROTO_TCP,
				   1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT);
	if (!error)
		error = adopt_each(&adopting, IPPROTO_UDP, 1 << TCP_ESTABLISHED);
	free(adopting.owners);
	free(adopting.unknown);
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
