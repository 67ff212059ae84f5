/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ringwall-bpf: loads, attaches and pins the kernel programs. */
#ifndef RINGWALL_LOADER_H
#define RINGWALL_LOADER_H

#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "ringwall.h"

enum exit_code {
	EXIT_FINE = 0,
	EXIT_FAILED = 1, /* the kernel or the machine refused */
	EXIT_USAGE = 2, /* the call or its input is wrong */
};

#define DEVICE_PROGRAM "judge_at_device"
#define FRAMES_PROGRAM "judge_frames_out"
#define CUT_PROGRAM "judge_again"
#define ADOPT_PROGRAM "adopt"
#define LISTENERS_PROGRAM "prove_listeners"
#define ENTRIES_DEFAULT 65536
#define ENTRIES_MAX (1 << 20)

struct options {
	const char *object;
	const char *pin;
	const char *cgroup;
	const char *netns;
	unsigned int flow_entries;
	unsigned int connections;
	unsigned int reply_seconds; /* 0: as the programs say */
	bool json;
	const char *without; /* an optional program that is left out */
	bool tc_filters; /* even where the kernel has tcx */
	bool prove_datagrams; /* attach what proves and reads proofs of UDP */
	const struct device_program *device_program; /* devices.c: at work */
};

struct scope {
	__u64 id;
	__u32 level;
	int fd; /* the cgroup's directory */
};

/* main.c: one line to standard error, lower case, no period. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* load.c, status.c, place.c */
int command_load(const struct options *options);
int command_unload(const struct options *options);
int command_status(const struct options *options);
int command_check(const struct options *options); /* check.c */
void print_json_string(const char *text);

/* scope.c: 0, or EXIT_* after a message. */
int find_scope(const char *path, struct scope *scope);

/* probe.c */
__u32 probe_hz(void); /* the kernel's CONFIG_HZ; 250 when it can't be seen */
bool probe_set_retval(void);

/* lsm.c */
bool lsm_is_called(void);

/* optional.c: tries each optional program by itself. */
extern const char *const optional_programs[];
bool is_optional(const char *name);
int try_optional(const struct options *options, struct rw_meta *meta);
const char *verifier_reason(char *log); /* its last line that says something */

/* constants.c: false when the object has no such constant of that size. */
bool set_constant(struct bpf_object *object, const char *name,
		  const void *value, size_t bytes);
bool set_variable(struct bpf_object *object, const char *name,
		  const void *value, size_t bytes); /* once it is loaded */

/* links.c: attaches, or replaces what is attached; 0 or a negative errno. */
int attach_program(struct bpf_object *object, struct bpf_program *program,
		   const struct options *options, const struct scope *scope);

/* devices.c: 0 or a negative errno; devices that came later need a new call. */
int command_devices(const struct options *options);
int attach_devices(const struct options *options);
int attach_lookup(const struct options *options);
unsigned long netns_inode(const char *path);
int enter_netns(const char *netns);
void detach_devices(const struct options *options);
int with_program(const struct options *options, const char *name,
		 int (*what)(int program, const struct options *options));
/* A program that is attached to no cgroup: below devices/, by its name. */
int pin_device_program(struct bpf_program *program, const char *pin);

/* namespaces.c: with `netns` of the options for each of the machine's. */
void each_netns(const struct options *options,
		void (*visit)(const struct options *inside));

/* cut.c: ends connections that the policy in force denies. */
int command_cut(const struct options *options);

/* adopt.c: takes over connections that are older than the programs. */
int command_adopt(const struct options *options);

/* listeners.c: has listeners that are older than the programs prove themselves. */
int command_listeners(const struct options *options);

/* pinned.c */
void reuse_maps(struct bpf_object *object, const struct options *options);
int pin_maps(struct bpf_object *object, const struct options *options);

/* Is the map one of those that are pinned, and the one pinned there? */
bool is_shared(const struct bpf_map *map);
bool is_pinned(const struct bpf_map *map, const char *path);

/* carry.c: what is in pinned maps of another layout; 0 or EXIT_*. */
int carry_maps(struct bpf_object *object, const struct options *options,
	       bool again);

/* layouts.c: a type, and what knows it. */
struct side {
	const struct btf *btf;
	__u32 type;
};

bool convert(const struct side *to, const struct side *from, void *out,
	     const void *in);
bool same_fields(const struct side *to, const struct side *from);
const struct btf_member *find_member(const struct btf *btf,
				     const struct btf_type *type,
				     const char *name);

/* place.c */
int lock_place(const char *pin); /* descriptor to close, or -1 */
int make_place(const char *pin);
void clear_place(const char *pin);
bool pin_path(char out[PATH_MAX], const char *pin, const char *kind,
	      const char *name);
bool replace_pin(int fd, const char *path);
bool read_meta(const char *pin, struct rw_meta *meta);

/* sha256.c */
bool sha256_file(const char *path, unsigned char out[32]);

#endif
