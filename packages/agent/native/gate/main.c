// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"

#define LINE_BYTES_MAX 8192

static const char usage[] =
	"usage: ringwall-gate probe\n"
	"       ringwall-gate run [--scope CGROUP] [--fail static|open]\n"
	"                         [--mounts] [--path PATH]...\n"
	"\n"
	"probe   exit code 0 when this kernel would ask before it executes\n"
	"run     answers for the processes below CGROUP; speaks with the agent\n"
	"        through its standard input and output, and ends with it\n";

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

bool tell(const char *format, ...)
{
	char line[LINE_BYTES_MAX];
	va_list arguments;
	int bytes;

	va_start(arguments, format);
	bytes = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	/* Lines are shorter than PIPE_BUF: all of one is written, or nothing. */
	return bytes < PIPE_BUF && write(STDOUT_FILENO, line, bytes) == bytes;
}

static int complain(const char *what)
{
	fprintf(stderr, "ringwall-gate: %s: %s\n", what, strerror(errno));
	return 1;
}

static int probe(void)
{
	int group = open_group();

	if (group < 0)
		return complain("fanotify with permission events");
	if (fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD,
			  "/proc/self/exe"))
		return complain("a mark for FAN_OPEN_EXEC_PERM");
	return 0;
}

static void obey(struct gate *gate, const char *line)
{
	char verdict[8], how[8];
	unsigned long long id;

	if (sscanf(line, "answer %llu %7s %7s", &id, verdict, how) == 3) {
		take_answer(gate, id, strcmp(verdict, "allow") ? DENY : ALLOW,
			    !strcmp(how, "keep"));
	} else if (!strncmp(line, "fail ", 5)) {
		gate->fail_open = !strcmp(line + 5, "open");
	} else if (!strcmp(line, "forget")) {
		forget_verdicts();
		forget_ignored(gate);
		gate->owed_forgotten++;
	}
	gate->stalled = false;
}

/* False at the end of the agent. */
static bool read_lines(struct gate *gate)
{
	static char pending[LINE_BYTES_MAX];
	static size_t length;
	ssize_t bytes = read(STDIN_FILENO, pending + length,
			     sizeof(pending) - 1 - length);
	char *line = pending, *end;

	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!bytes)
		return false;
	length += bytes;
	pending[length] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		obey(gate, line);
		line = end + 1;
	}
	length -= line - pending;
	memmove(pending, line, length);
	/* A line that never ends is not the agent's. */
	return length < sizeof(pending) - 1;
}

static bool has_to_say(const struct gate *gate)
{
	if (!gate->owed_ready)
		return gate->owed_forgotten;
	/* Whoever mounts again and again must not put it off. */
	return ms_until_probed() < 0 ||
	       now_ms() - gate->since_ms >= PROBE_MS_MAX;
}

/* INVARIANT: what the agent waits for is said, as soon as it has room. */
static void pay(struct gate *gate)
{
	if (gate->owed_ready && has_to_say(gate))
		gate->owed_ready = !tell("ready %d\n", gate->marks);
	while (gate->owed_forgotten && !gate->owed_ready && tell("forgotten\n"))
		gate->owed_forgotten--;
}

/* Negative is never, for poll too. */
static int sooner(int a_ms, int b_ms)
{
	return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static int run(struct gate *gate)
{
	struct pollfd waits[] = {
		{ .fd = gate->events, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
		/* Says POLLPRI when something was mounted. */
		{ .fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
		  .events = POLLPRI },
		{ .events = POLLOUT },
		{ .fd = open_probes(), .events = POLLIN },
	};
	int wait_ms;

	fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	gate->since_ms = now_ms();
	mark_all(gate);
	gate->owed_ready = true;
	for (;;) {
		pay(gate);
		waits[3].fd = has_to_say(gate) ? STDOUT_FILENO : -1;
		wait_ms = sooner(ms_until_expiry(), ms_until_probed());
		if (poll(waits, 5, wait_ms) < 0 && errno != EINTR)
			return complain("poll");
		/* The host first: whoever asks is standing still. */
		if (waits[0].revents)
			read_events(gate);
		if (waits[1].revents && !read_lines(gate))
			return 0;
		/* Before the mounts are looked at again: these need no second look. */
		if (waits[4].revents)
			take_probes(gate);
		if (waits[2].revents)
			mark_all(gate);
		/* Nobody will ever read it. */
		if (waits[3].revents & (POLLERR | POLLHUP))
			return 0;
		expire_probes();
		expire_questions(gate);
	}
}

static bool parse_options(int count, char **arguments, struct gate *gate)
{
	static const struct option known[] = {
		{ "scope", required_argument, NULL, 's' },
		{ "fail", required_argument, NULL, 'f' },
		{ "mounts", no_argument, NULL, 'm' },
		{ "path", required_argument, NULL, 'p' },
		{},
	};
	int which, paths = 0;

	while ((which = getopt_long(count, arguments, "", known, NULL)) != -1) {
		if (which == 's' && strlen(optarg) < SCOPE_BYTES_MAX)
			gate->scope = optarg;
		else if (which == 'f')
			gate->fail_open = !strcmp(optarg, "open");
		else if (which == 'm')
			gate->mount_marks = true;
		else if (which == 'p' && paths < PATHS_MAX - 1)
			gate->paths[paths++] = optarg;
		else
			return false;
	}
	return optind == count;
}

int main(int count, char **arguments)
{
	struct gate gate = { .scope = "", .agent = getppid() };
	const char *command = count > 1 ? arguments[1] : "";

	if (!strcmp(command, "probe") && count == 2)
		return probe();
	if (strcmp(command, "run") ||
	    !parse_options(count - 1, arguments + 1, &gate)) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	gate.events = open_group();
	if (gate.events < 0)
		return complain("fanotify with permission events");
	/* Not to wait for the disk while the host waits for us. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	return run(&gate);
}
