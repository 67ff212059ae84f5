/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ringwall-canary [-u] ATTEMPT ADDRESS PORT TOKEN DECOY SCRATCH
 * Makes one attempt of `ringwall drill` and prints one line of JSON:
 * {"step":"connect","errno":111}, or {"skipped":"why it can't be made here"}.
 * -u: as a user without privileges.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canary.h"

#define USAGE "usage: ringwall-canary [-u] ATTEMPT ADDRESS PORT TOKEN DECOY SCRATCH\n"
#define COPY_BYTES 65536

static const struct {
	const char *name;
	attempt_function *run;
} attempts[] = {
	{ "tcp", by_tcp },
	{ "fast-open", by_fast_open },
	{ "fast-open-option", by_fast_open_option },
	{ "mptcp", by_mptcp },
	{ "mapped-address", by_mapped_address },
	{ "after-disconnect", after_disconnect },
	{ "udp", by_udp },
	{ "udp-connected", by_connected_udp },
	{ "sendmmsg", by_sendmmsg },
	{ "udp-lite", by_udp_lite },
	{ "io-uring-connect", by_uring_connect },
	{ "io-uring-send", by_uring_send },
	{ "raw-socket", by_raw_datagram },
	{ "packet-socket", by_packet_socket },
	{ "packet-bypass", by_packet_bypass },
	{ "sctp", by_sctp },
	{ "fork", from_fork },
	{ "vfork", from_vfork },
	{ "clone", from_clone },
	{ "short-life", from_short_life },
	{ "exec-chain", by_exec_chain },
	{ "memfd", from_memfd },
	{ "deleted-file", from_deleted_file },
	{ "forged-name", as_forged_name },
	{ "hard-link", from_hard_link },
	{ "symbolic-link", from_symbolic_link },
	{ "other-cgroup", from_other_cgroup },
	{ "network-namespace", from_network_namespace },
	{ "replaced-file", by_replaced_file },
	{ "bind-mount", from_bind_mount },
	{ "chroot", from_chroot },
	{ "preload", by_preload },
	{ "preload-in-namespace", by_preload_in_namespace },
	{ "preload-in-chroot", by_preload_in_chroot },
	{ "overlay", by_overlay },
	{ "handed-socket", by_handed_socket },
	{ "stolen-socket", by_stolen_socket },
	{ "inherited-socket", by_inherited_socket },
	{ "trace-from-start", by_trace_from_start },
	{ "trace", by_trace },
	{ "vm-write", by_vm_write },
	{ "memory-file", by_memory_file },
};

void skip(const char *why)
{
	printf("{\"skipped\":\"%s\"}\n", why);
	fflush(stdout);
	_exit(0);
}

void finish(const char *step, int error)
{
	printf("{\"step\":\"%s\",\"errno\":%d}\n", step, error);
	fflush(stdout);
	_exit(0);
}

int must(const char *step, int result)
{
	if (result < 0)
		finish(step, errno);
	return result;
}

char *in_scratch(const struct target *target, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", target->scratch, name) < 0)
		finish("memory", ENOMEM);
	return path;
}

void copy_file(const char *from, const char *to)
{
	int in = must("open", open(from, O_RDONLY | O_CLOEXEC));
	int out = must("create", open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
	static char buffer[COPY_BYTES];
	ssize_t got;

	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, got) != got)
			finish("write", errno);
	fchmod(out, 0755);
	close(in);
	close(out);
}

void become(const char *path, char *const argv[], char *const envp[])
{
	execve(path, argv, envp);
	finish("exec", errno);
}

void drop_privileges(void)
{
	must("setgroups", setgroups(0, NULL));
	must("setgid", setresgid(NOBODY, NOBODY, NOBODY));
	must("setuid", setresuid(NOBODY, NOBODY, NOBODY));
	prctl(PR_SET_DUMPABLE, 1);
}

static void read_target(struct target *target, char **argv)
{
	struct sockaddr_in6 *six = (void *)&target->address;
	struct sockaddr_in *four = (void *)&target->address;

	target->host = argv[1];
	target->port = argv[2];
	target->token = argv[3];
	target->decoy = argv[4];
	target->scratch = argv[5];
	target->ipv6 = inet_pton(AF_INET6, argv[1], &six->sin6_addr) == 1;
	if (target->ipv6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(atoi(argv[2]));
		target->bytes = sizeof(*six);
		return;
	}
	if (inet_pton(AF_INET, argv[1], &four->sin_addr) != 1) {
		fprintf(stderr, "ringwall-canary: %s is no address\n", argv[1]);
		_exit(2);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(atoi(argv[2]));
	target->bytes = sizeof(*four);
}

int main(int argc, char **argv)
{
	struct target target = {};
	static char self[4096];
	bool as_user = argc > 1 && strcmp(argv[1], "-u") == 0;
	ssize_t length;

	argv += 1 + as_user;
	if (argc - 1 - as_user != 6 || strlen(argv[3]) > TOKEN_BYTES_MAX) {
		fputs(USAGE, stderr);
		return 2;
	}
	read_target(&target, argv);
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	/* A root of its own may be without /proc. */
	self[length < 0 ? 0 : length] = 0;
	target.self = self;
	alarm(LIFE_SECONDS);
	if (as_user)
		drop_privileges();
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
		if (strcmp(attempts[i].name, argv[0]) == 0) {
			attempts[i].run(&target);
			finish("end", 0);
		}
	fprintf(stderr, "ringwall-canary: no attempt is called %s\n", argv[0]);
	return 2;
}
