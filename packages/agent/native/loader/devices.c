// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The optional program at every network device: through tcx (since 6.6), one
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

#define TCX_INGRESS 46 /* enum bpf_attach_type; newer than Debian's header */
#define FILTER_PRIORITY 0x5257
#define LOOPBACK "lo"

/* The part of bpf_attr that a link at a device needs; zeros mean: at the end. */
struct link_request {
	__u32 program;
	__u32 device;
	__u32 attach_type;
	__u32 flags;
	__u32 relative[4];
};

/* libbpf 1.1 has no call for tcx. */
static int link_device(int program, unsigned int device)
{
	struct link_request request = {
		.program = program,
		.device = device,
		.attach_type = TCX_INGRESS,
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

static int attach_filter(int program, const char *pin, unsigned int device)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = device,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program,
		    .handle = filter_handle(pin), .priority = FILTER_PRIORITY,
		    .flags = BPF_TC_F_REPLACE);
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		return error;
	return bpf_tc_attach(&hook, &filter);
}

static void detach_filter(const char *pin, unsigned int device)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = device,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = filter_handle(pin),
		    .priority = FILTER_PRIORITY);

	bpf_tc_detach(&hook, &filter);
}

static int attach_link(int program, const char *path, unsigned int device)
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
	link = link_device(program, device);
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

/*
 * Not at the loopback: what passes there was judged on its way out by this very
 * kernel, and a program for every packet is felt where a packet costs little.
 */
static int attach_each(int program, const struct options *options)
{
	struct if_nameindex *devices = if_nameindex();
	int failed = 0, error;
	unsigned long netns = options->netns ? netns_inode(options->netns) : 0;
	char path[PATH_MAX], name[32];

	for (int i = 0; devices && devices[i].if_index; i++) {
		unsigned int device = devices[i].if_index;

		if (!strcmp(devices[i].if_name, LOOPBACK))
			continue;
		/* Each namespace numbers its devices by itself. */
		if (netns)
			snprintf(name, sizeof(name), "%u-%lu", device, netns);
		else
			snprintf(name, sizeof(name), "%u", device);
		if (!pin_path(path, options->pin, "devices", name))
			continue;
		error = options->tc_filters ? -EINVAL :
					      attach_link(program, path, device);
		if (error == -EINVAL)
			error = attach_filter(program, options->pin, device);
		/* A device may go while we look. */
		if (error && error != -ENODEV && !failed)
			failed = error;
	}
	if_freenameindex(devices);
	return failed;
}

static int detach_each(int program, const struct options *options)
{
	struct if_nameindex *devices = if_nameindex();

	(void)program;
	for (int i = 0; devices && devices[i].if_index; i++)
		detach_filter(options->pin, devices[i].if_index);
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

static int enter(const char *netns)
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
		error = options->netns ? enter(options->netns) : 0;
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
	forget_devices(options->pin);
	return with_program(options, DEVICE_PROGRAM, attach_each);
}

/* Links go with their pins; filters have none. */
void detach_devices(const struct options *options)
{
	with_program(options, DEVICE_PROGRAM, detach_each);
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
