/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The same by io_uring, whose requests may run in threads of the kernel. */
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "canary.h"

#define ENTRIES 2

/* One request, forced into a worker of the kernel; its result. */
static int submit(struct io_uring_sqe *request)
{
	struct io_uring_params params = {};
	struct io_uring_sqe *queue;
	struct io_uring_cqe *done;
	unsigned int *tail, *order, *head;
	char *ring;
	int fd = syscall(SYS_io_uring_setup, ENTRIES, &params);
	size_t bytes;

	if (fd < 0)
		skip("io_uring is turned off here");
	if (!(params.features & IORING_FEAT_SINGLE_MMAP))
		skip("this kernel's io_uring is too old");
	bytes = params.cq_off.cqes + params.cq_entries * sizeof(*done);
	if (bytes < params.sq_off.array + params.sq_entries * sizeof(*order))
		bytes = params.sq_off.array + params.sq_entries * sizeof(*order);
	ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		    fd, IORING_OFF_SQ_RING);
	queue = mmap(NULL, params.sq_entries * sizeof(*queue), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	if (ring == MAP_FAILED || queue == MAP_FAILED)
		finish("mmap", errno);
	request->flags = IOSQE_ASYNC;
	queue[0] = *request;
	order = (void *)(ring + params.sq_off.array);
	order[0] = 0;
	tail = (void *)(ring + params.sq_off.tail);
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	must("io_uring_enter", syscall(SYS_io_uring_enter, fd, 1, 1,
				       IORING_ENTER_GETEVENTS, NULL, 0));
	head = (void *)(ring + params.cq_off.head);
	done = (void *)(ring + params.cq_off.cqes);
	return done[*head & *(unsigned int *)(ring + params.cq_off.ring_mask)].res;
}

void by_uring_connect(const struct target *target)
{
	int fd = tcp_socket(target), result;
	struct io_uring_sqe request = {
		.opcode = IORING_OP_CONNECT,
		.fd = fd,
		.addr = (unsigned long)&target->address,
		.off = target->bytes,
	};

	result = submit(&request);
	if (result < 0)
		finish("connect", -result);
	leave_token(target, fd);
}

void by_uring_send(const struct target *target)
{
	struct iovec data = { (void *)target->token, strlen(target->token) };
	struct msghdr message = {
		.msg_name = (void *)&target->address,
		.msg_namelen = target->bytes,
		.msg_iov = &data,
		.msg_iovlen = 1,
	};
	struct io_uring_sqe request = {
		.opcode = IORING_OP_SENDMSG,
		.fd = udp_socket(target),
		.addr = (unsigned long)&message,
		.len = 1,
	};
	int result = submit(&request);

	finish("sendmsg", result < 0 ? -result : 0);
}
