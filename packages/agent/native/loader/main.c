// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"

static const char usage[] =
	"usage: ringwall-bpf load --object FILE --pin DIR --cgroup PATH\n"
	"                         [--netns PATH] [--flow-entries N]\n"
	"                         [--connections N] [--reply-seconds N]\n"
	"                         [--tc-filters] [--prove-datagrams] [--json]\n"
	"                         [--without OPTIONAL_PROGRAM]\n"
	"       ringwall-bpf devices --pin DIR [--netns PATH] [--tc-filters]\n"
	"                         [--prove-datagrams]\n"
	"       ringwall-bpf adopt --pin DIR [--netns PATH] < INODES-AND-TGIDS\n"
	"       ringwall-bpf cut --pin DIR [--netns PATH]\n"
	"       ringwall-bpf listeners --pin DIR [--netns PATH]\n"
	"       ringwall-bpf unload --pin DIR [--netns PATH]\n"
	"       ringwall-bpf status --pin DIR [--json]\n"
	"       ringwall-bpf check --object FILE\n"
	"\n"
	"load    loads the programs of FILE, attaches them to the cgroup and\n"
	"        pins them below DIR; keeps what is already there and equal,\n"
	"        replaces what is not, link by link and without a gap\n"
	"devices attaches to network devices that came since\n"
	"adopt   takes over connections that are older than the programs\n"
	"cut     ends TCP connections that the policy in force denies, and\n"
	"        says how many\n"
	"listeners  has TCP listeners that are older than the programs answer\n"
	"        with proofs, and prints their ports\n"
	"unload  detaches and removes everything below DIR\n"
	"status  says what is loaded and what this kernel does not take\n"
	"check   says as JSON which programs this kernel's verifier takes, and\n"
	"        after how many instructions; attaches and pins nothing\n";

void complain(const char *format, ...)
{
	va_list arguments;

	fputs("ringwall-bpf: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static bool parse_count(const char *name, const char *text, unsigned int *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || !value || value > ENTRIES_MAX) {
		complain("`--%s %s`: want 1 to %d", name, text, ENTRIES_MAX);
		return false;
	}
	*out = value;
	return true;
}

static bool parse_options(int count, char **arguments, struct options *out)
{
	static const struct option known[] = {
		{ "object", required_argument, NULL, 'o' },
		{ "pin", required_argument, NULL, 'p' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ "netns", required_argument, NULL, 'n' },
		{ "flow-entries", required_argument, NULL, 'f' },
		{ "connections", required_argument, NULL, 'C' },
		{ "reply-seconds", required_argument, NULL, 'r' },
		{ "tc-filters", no_argument, NULL, 't' },
		{ "prove-datagrams", no_argument, NULL, 'd' },
		{ "without", required_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{},
	};
	int which;

	out->flow_entries = ENTRIES_DEFAULT;
	out->connections = ENTRIES_DEFAULT;
	while ((which = getopt_long(count, arguments, "", known, NULL)) != -1) {
		switch (which) {
		case 'o':
			out->object = optarg;
			break;
		case 'p':
			out->pin = optarg;
			break;
		case 'c':
			out->cgroup = optarg;
			break;
		case 'n':
			out->netns = optarg;
			break;
		case 'f':
			if (!parse_count("flow-entries", optarg,
					 &out->flow_entries))
				return false;
			break;
		case 'C':
			if (!parse_count("connections", optarg,
					 &out->connections))
				return false;
			break;
		case 'r':
			if (!parse_count("reply-seconds", optarg,
					 &out->reply_seconds))
				return false;
			break;
		case 't':
			out->tc_filters = true;
			break;
		case 'd':
			out->prove_datagrams = true;
			break;
		case 'w':
			out->without = optarg;
			break;
		case 'j':
			out->json = true;
			break;
		default:
			return false;
		}
	}
	if (optind != count) {
		complain("unexpected argument `%s`", arguments[optind]);
		return false;
	}
	return true;
}

static bool has_place(const struct options *out)
{
	if (!out->pin || out->pin[0] != '/' || strlen(out->pin) > PATH_MAX / 2) {
		complain("`--pin DIR` is missing or not an absolute path");
		return false;
	}
	return true;
}

int main(int count, char **arguments)
{
	struct options options = {};
	const char *command = count > 1 ? arguments[1] : "";

	if (!strcmp(command, "--help") || !strcmp(command, "help")) {
		fputs(usage, stdout);
		return EXIT_FINE;
	}
	if (count < 2 || !parse_options(count - 1, arguments + 1, &options)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (geteuid() != 0) {
		complain("`%s` needs root: it loads eBPF programs", command);
		return EXIT_FAILED;
	}
	if (!strcmp(command, "check"))
		return command_check(&options);
	if (!has_place(&options))
		return EXIT_USAGE;
	if (!strcmp(command, "load"))
		return command_load(&options);
	if (!strcmp(command, "devices"))
		return command_devices(&options);
	if (!strcmp(command, "adopt"))
		return command_adopt(&options);
	if (!strcmp(command, "listeners"))
		return command_listeners(&options);
	if (!strcmp(command, "cut"))
		return command_cut(&options);
	if (!strcmp(command, "unload"))
		return command_unload(&options);
	if (!strcmp(command, "status"))
		return command_status(&options);
	complain("unknown command `%s`", command);
	fputs(usage, stderr);
	return EXIT_USAGE;
}
