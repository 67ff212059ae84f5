/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the attempts of a drill share. Each is one function that tries to reach
 * the drill's own listener by one way around the policy, and leaves its token
 * there where it gets through. Harmless: it talks to nobody else, changes
 * nothing that outlives it, and ends by itself within LIFE_SECONDS.
 */
#ifndef RINGWALL_CANARY_H
#define RINGWALL_CANARY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define LIFE_SECONDS 12
#define PATIENCE_SECONDS 4
#define TOKEN_BYTES_MAX 120
#define NOBODY 65534

struct target {
	struct sockaddr_storage address;
	socklen_t bytes;
	bool ipv6;
	const char *token;
	/* As they were given, to be passed on. */
	char *host;
	char *port;
	/* A file that the policy allows to connect, and this program's own. */
	char *decoy;
	char *self;
	/* A folder for what an attempt needs; the drill removes it. */
	char *scratch;
};

/* Why an attempt can't be made here; it ends the program. */
void skip(const char *why) __attribute__((noreturn));
/* What the kernel said to the attempt; it ends the program. */
void finish(const char *step, int error) __attribute__((noreturn));
/* Takes `result` of a system call: on an error it ends the program. */
int must(const char *step, int result);

/* Sends the token by a connected socket and waits for the other end's end. */
void leave_token(const struct target *target, int fd) __attribute__((noreturn));
int tcp_socket(const struct target *target);
int udp_socket(const struct target *target);
int connect_to(const struct target *target, int fd);
/* Runs a program to its end and says what it said. */
void become(const char *path, char *const argv[], char *const envp[])
	__attribute__((noreturn));
/* Copies a file with mode 0755; ends the program where that fails. */
void copy_file(const char *from, const char *to);
/* `scratch/name`, in memory of its own. */
char *in_scratch(const struct target *target, const char *name);
/* Gives up every privilege, as a service's user has none. */
void drop_privileges(void);

typedef void attempt_function(const struct target *target);
attempt_function by_tcp, by_fast_open, by_fast_open_option, by_mptcp,
	by_mapped_address, after_disconnect, by_udp, by_connected_udp,
	by_sendmmsg, by_udp_lite;
attempt_function by_uring_connect, by_uring_send;
attempt_function by_raw_datagram, by_packet_socket, by_packet_bypass, by_sctp;
attempt_function from_fork, from_vfork, from_clone, from_short_life,
	by_exec_chain, from_memfd, from_deleted_file, as_forged_name,
	from_hard_link, from_symbolic_link, from_other_cgroup,
	from_network_namespace;
attempt_function by_replaced_file, from_bind_mount, from_chroot,
	by_preload, by_preload_in_namespace, by_preload_in_chroot,
	by_overlay;
attempt_function by_handed_socket, by_stolen_socket, by_inherited_socket;
attempt_function by_trace_from_start, by_trace, by_vm_write, by_memory_file;

#endif
