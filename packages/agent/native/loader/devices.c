// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The optional programs at every network device: through tcx (since 6.6), one
 * pinned link for each, or through a filter of the device's clsact queue. A
 * device that goes takes either with it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

/* enum bpf_attach_type; newer than Debian's header */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define FILTER_PRIORITY 0x5257
#define LOOPBACK "lo"

/* What is attached where; a pin's name is the device's number and the suffix. */
struct device_program {
	const char *name;
	const char *suffix;
	__u32 tcx_type;
	enum bpf_tc_attach_point filter_point;
	__u32 filter_priority;
	bool proves; /* only where proofs of datagrams are wanted */
};

static const struct device_program device_programs[] = {
	{ DEVICE_PROGRAM, "", TCX_INGRESS, BPF_TC_INGRESS, FILTER_PRIORITY,
	  false },
	{ "read_datagrams", "_read", TCX_INGRESS, BPF_TC_INGRESS,
	  FILTER_PRIORITY + 1, true },
	{ FRAMES_PROGRAM, "_frames", TCX_EGRESS, BPF_TC_EGRESS,
	  FILTER_PRIORITY - 1, false },
	{ "prove_datagrams", "_prove", TCX_EGRESS, BPF_TC_EGRESS,
	  FILTER_PRIORITY, true },
};

#define DEVICE_PROGRAMS (sizeof(device_programs) / sizeof(*device_programs))

/* The part of bpf_attr that a link at a device needs; zeros mean: at the end. */
struct link_request {
	__u32 program;
	__u32 device;
	__u32 attach_type;
	__u32 flags;
	__u32 relative[4];
};

/* libbpf 1.1 has no call for tcx. */
static int link_device(int program, unsigned int device, __u32 tcx_type)
{
	struct link_request request = {
		.program = program,
		.device = device,
		.attach_type = tcx_type,
	};
	long fd = syscall(__NR_bpf, BPF_LINK_CREATE, &request, sizeof(request));

	return fd < 0 ? -errno : (int)fd;
}

/* Is the pinned link still at a device? The last one's number may be reused. */
static bool is_attached(int link)
{
	struct bpf_link_info info = {};
	__u32 bytes = sizeof(info);

	/* The device's number lies where other links keep their first number. */
	return !bpf_obj_get_info_by_fd(link, &info, &bytes) &&
	       *(__u32 *)&info.raw_tracepoint;
}

/* One instance's filter among those of others on the same device. */
static __u32 filter_handle(const char *pin)
{
	__u32 hash = 2166136261U;

	while (*pin)
		hash = (hash ^ (unsigned char)*pin++) * 16777619U;
	return hash >> 12 ? hash >> 12 : 1;
}

static int attach_filter(int program, const struct device_program *what,
			 const char *pin, unsigned int device)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = device,
		    .attach_point = what->filter_point);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program,
		    .handle = filter_handle(pin),
		    .priority = what->filter_priority,
		    .flags = BPF_TC_F_REPLACE);
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		return error;
	return bpf_tc_attach(&hook, &filter);
}

static void detach_filter(const struct device_program *what, const char *pin,
			  unsigned int device)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = device,
		    .attach_point = what->filter_point);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = filter_handle(pin),
		    .priority = what->filter_priority);

	bpf_tc_detach(&hook, &filter);
}

static int attach_link(int program, const struct device_program *what,
		       const char *path, unsigned int device)
{
	int link = bpf_obj_get(path);
	int error;

	if (link >= 0) {
		bool attached = is_attached(link);

		error = attached ? bpf_link_update(link, program, NULL) : 0;
		close(link);
		if (attached)
			return error;
		unlink(path);
	}
	link = link_device(program, device, what->tcx_type);
	if (link < 0)
		return link;
	error = replace_pin(link, path) ? 0 : -errno;
	close(link);
	return error;
}

/* Links of devices that are gone. */
static void forget_devices(const char *pin)
{
	char directory[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	DIR *listing;

	if (!pin_path(directory, pin, "devices", NULL))
		return;
	listing = opendir(directory);
	while (listing && (entry = readdir(listing))) {
		int link;

		if (!strtoul(entry->d_name, NULL, 10) ||
		    !pin_path(path, pin, "devices", entry->d_name))
			continue;
		link = bpf_obj_get(path);
		if (link >= 0 && !is_attached(link))
			unlink(path);
		if (link >= 0)
			close(link);
	}
	if (listing)
		closedir(listing);
}

/* Each namespace numbers its devices by itself. */
static bool link_path(char path[PATH_MAX], const struct options *options,
		      unsigned int device)
{
	unsigned long netns = options->netns ? netns_inode(options->netns) : 0;
	const char *suffix = options->device_program->suffix;
	char name[48];

	if (netns)
		snprintf(name, sizeof(name), "%u-%lu%s", device, netns, suffix);
	else
		snprintf(name, sizeof(name), "%u%s", device, suffix);
	return pin_path(path, options->pin, "devices", name);
}

static int attach_one(int program, const struct options *options,
		      unsigned int device)
{
	const struct device_program *what = options->device_program;
	char path[PATH_MAX];
	int error;

	if (!link_path(path, options, device))
		return -ENAMETOOLONG;
	error = options->tc_filters ? -EINVAL :
				      attach_link(program, what, path, device);
	if (error == -EINVAL)
		error = attach_filter(program, what, options->pin, device);
	return error;
}

/*
 * Not at the loopback: what passes there was judged on its way out by this very
 * kernel, and a program for every packet is felt where a packet costs little.
 */
static int attach_each(int program, const struct options *options)
{
	struct if_nameindex *devices = if_nameindex();
	int failed = 0, error;

	for (int i = 0; devices && devices[i].if_index; i++) {
		if (!strcmp(devices[i].if_name, LOOPBACK))
			continue;
		error = attach_one(program, options, devices[i].if_index);
		/* A device may go while we look. */
		if (error && error != -ENODEV && !failed)
			failed = error;
	}
	if_freenameindex(devices);
	return failed;
}

/* Links go with their pins; filters have none. */
static int detach_each(int program, const struct options *options)
{
	const struct device_program *what = options->device_program;
	struct if_nameindex *devices = if_nameindex();
	char path[PATH_MAX];

	(void)program;
	for (int i = 0; devices && devices[i].if_index; i++) {
		if (link_path(path, options, devices[i].if_index))
			unlink(path);
		detach_filter(what, options->pin, devices[i].if_index);
	}
	if_freenameindex(devices);
	return 0;
}

static int be_quiet(enum libbpf_print_level level, const char *format,
		    va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

int enter_netns(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* Does something with the pinned program in the namespace of the devices. */
int with_program(const struct options *options, const char *name,
		 int (*what)(int program, const struct options *options))
{
	libbpf_print_fn_t before = libbpf_set_print(be_quiet);
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[PATH_MAX];
	int program = -1, error = 0;

	if (pin_path(path, options->pin, "devices", name))
		program = bpf_obj_get(path);
	if (program >= 0) {
		error = options->netns ? enter_netns(options->netns) : 0;
		if (!error)
			error = what(program, options);
		if (options->netns && setns(home, CLONE_NEWNET))
			abort(); /* never go on in a namespace not ours */
		close(program);
	}
	close(home);
	libbpf_set_print(before);
	return error;
}

int attach_devices(const struct options *options)
{
	struct options own = *options;
	int failed = 0, error;

	forget_devices(options->pin);
	for (size_t i = 0; i < DEVICE_PROGRAMS; i++) {
		bool wanted = !device_programs[i].proves ||
			      options->prove_datagrams;

		own.device_program = &device_programs[i];
		error = with_program(&own, device_programs[i].name,
				     wanted ? attach_each : detach_each);
		if (error && !failed)
			failed = error;
	}
	return failed;
}

static void detach_inside(const struct options *options)
{
	struct options own = *options;

	for (size_t i = 0; i < DEVICE_PROGRAMS; i++) {
		own.device_program = &device_programs[i];
		with_program(&own, device_programs[i].name, detach_each);
	}
}

/* Filters have no pin that says where they are: a container's devices too. */
void detach_devices(const struct options *options)
{
	detach_inside(options);
	each_netns(options, detach_inside);
}

int pin_device_program(struct bpf_program *program, const char *pin)
{
	char path[PATH_MAX];

	if (!pin_path(path, pin, "devices", bpf_program__name(program)))
		return -ENAMETOOLONG;
	return replace_pin(bpf_program__fd(program), path) ? 0 : -errno;
}

int command_devices(const struct options *options)
{
	int lock = lock_place(options->pin);
	int error;

	if (lock < 0)
		return EXIT_FAILED;
	error = attach_devices(options);
	if (options->netns && !error)
		error = attach_lookup(options);
	close(lock);
	if (!error)
		return EXIT_FINE;
	complain("can't attach to all network devices: %s", strerror(-error));
	return EXIT_FAILED;
}
