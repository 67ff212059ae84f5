/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Files and mounts: another program in the place of the allowed one, and the
 * allowed one with foreign code in it. The machine's own files are not touched:
 * what is mounted is seen by this process and its children only.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "canary.h"

extern char **environ;
#define PRELOAD "ringwall-canary.so"

static char *beside(const struct target *target, const char *name)
{
	char *path = NULL, *slash = strrchr(target->self, '/');

	if (asprintf(&path, "%.*s/%s", (int)(slash - target->self), target->self, name) < 0)
		finish("memory", ENOMEM);
	return path;
}

static void run_plain(const struct target *target, char *path)
{
	char *argv[] = { path, "tcp", target->host, target->port,
			 (char *)target->token, target->decoy, target->scratch, NULL };

	become(path, argv, environ);
}

/* The decoy at rest; it is the preloaded code that connects. */
static void run_idle(const char *path, char *const envp[])
{
	char *argv[] = { (char *)path, "rest", NULL };

	become(path, argv, envp);
}

static char *preload_variable(const struct target *target)
{
	char *said = NULL;

	if (asprintf(&said, "RINGWALL_CANARY=%s %s %s", target->host, target->port, target->token) < 0)
		finish("memory", ENOMEM);
	return said;
}

void by_replaced_file(const struct target *target)
{
	char *place = in_scratch(target, "ringwall-decoy"), *next = in_scratch(target, "next");

	copy_file(target->decoy, place);
	copy_file(target->self, next);
	must("rename", rename(next, place));
	run_plain(target, place);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			finish("write", errno);
		close(fd);
	}
}

/* Mounts of one's own: for root at once, for a user by a user namespace. */
static void own_mounts(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (uid == 0) {
		must("unshare", unshare(CLONE_NEWNS));
	} else {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			skip("users can't make user namespaces here");
		write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %d 1", uid);
		write_text("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "0 %d 1", gid);
		write_text("/proc/self/gid_map", map);
	}
	must("mount", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

void from_bind_mount(const struct target *target)
{
	own_mounts();
	must("mount", mount(target->self, target->decoy, NULL, MS_BIND, NULL));
	run_plain(target, target->decoy);
}

void by_preload(const struct target *target)
{
	char *preload = NULL;
	char *envp[] = { NULL, preload_variable(target), NULL };

	if (asprintf(&preload, "LD_PRELOAD=%s", beside(target, PRELOAD)) < 0)
		finish("memory", ENOMEM);
	envp[0] = preload;
	run_idle(target->decoy, envp);
}

/*
 * No variable at all: the dynamic loader is told by a file that only this
 * mount namespace has. Whoever can make a user namespace can do that.
 */
void by_preload_in_namespace(const struct target *target)
{
	char *envp[] = { preload_variable(target), NULL };

	own_mounts();
	must("mount", mount("none", "/etc", "tmpfs", 0, NULL));
	write_text("/etc/ld.so.preload", beside(target, PRELOAD));
	run_idle(target->decoy, envp);
}

/* A root of its own with the genuine program and another loader's orders. */
static void bind_into(const char *root, const char *folder)
{
	char *there = NULL;

	if (asprintf(&there, "%s%s", root, folder) < 0)
		finish("memory", ENOMEM);
	if (mkdir(there, 0755) && errno != EEXIST)
		finish("mkdir", errno);
	if (mount(folder, there, NULL, MS_BIND | MS_REC, NULL) && errno != ENOENT)
		finish("mount", errno);
}

static char *make_root(const struct target *target)
{
	static const char *const folders[] = { "/usr", "/lib", "/lib64", "/bin", "/proc" };
	char *root = in_scratch(target, "root"), *place = NULL;

	mkdir(root, 0755);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (access(folders[i], F_OK) == 0)
			bind_into(root, folders[i]);
	if (asprintf(&place, "%s/etc", root) < 0)
		finish("memory", ENOMEM);
	mkdir(place, 0755);
	return root;
}

void from_chroot(const struct target *target)
{
	char *root = in_scratch(target, "root"), *place = NULL;

	mkdir(root, 0755);
	if (asprintf(&place, "%s/ringwall-decoy", root) < 0)
		finish("memory", ENOMEM);
	copy_file(target->self, place);
	must("chroot", chroot(root));
	must("chdir", chdir("/"));
	run_plain(target, "/ringwall-decoy");
}

void by_preload_in_chroot(const struct target *target)
{
	char *envp[] = { preload_variable(target), NULL };
	char *root, *place = NULL;

	own_mounts();
	root = make_root(target);
	if (asprintf(&place, "%s/etc/ld.so.preload", root) < 0)
		finish("memory", ENOMEM);
	write_text(place, "/canary.so");
	if (asprintf(&place, "%s/canary.so", root) < 0)
		finish("memory", ENOMEM);
	copy_file(beside(target, PRELOAD), place);
	if (asprintf(&place, "%s/decoy", root) < 0)
		finish("memory", ENOMEM);
	copy_file(target->decoy, place);
	must("chroot", chroot(root));
	must("chdir", chdir("/"));
	run_idle("/decoy", envp);
}

/*
 * The allowed program is started from an overlay and then changed in the layer
 * below, where nothing keeps a running program's file from being written.
 */
void by_overlay(const struct target *target)
{
	char *top = NULL, *layers = in_scratch(target, "layers"), *place = NULL;

	own_mounts();
	mkdir(layers, 0755);
	must("mount", mount("none", layers, "tmpfs", 0, NULL));
	if (chdir(layers))
		finish("chdir", errno);
	mkdir("low", 0755);
	mkdir("up", 0755);
	mkdir("work", 0755);
	mkdir("all", 0755);
	copy_file(target->decoy, "low/decoy");
	if (asprintf(&top, "lowerdir=%s/low,upperdir=%s/up,workdir=%s/work", layers, layers, layers) < 0)
		finish("memory", ENOMEM);
	if (mount("overlay", "all", "overlay", 0, top))
		skip("no overlay can be mounted here");
	/* Copy-up: the same content in a file of the upper layer, then another. */
	must("chmod", chmod("all/decoy", 0700));
	copy_file(target->self, "up/decoy");
	if (asprintf(&place, "%s/all/decoy", layers) < 0)
		finish("memory", ENOMEM);
	run_plain(target, place);
}
