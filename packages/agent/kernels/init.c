// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The first process of a test guest: the host's file system read-only over 9p
 * with a layer in memory above it, one command, and the power off again. What
 * comes out goes through the second share, `results`. Static, so that the
 * initial file system holds nothing but this and a few modules.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARE "trans=virtio,version=9p2000.L,msize=524288"
#define MODULE_NAME_BYTES 128

static void stop(const char *what)
{
	printf("guest: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	exit(1);
}

static void mount_at(const char *source, const char *path, const char *type,
		     unsigned long flags, const char *how)
{
	mkdir(path, 0755);
	if (mount(source, path, type, flags, how))
		stop(path);
}

/* For file systems that a kernel may have been built without. */
static void mount_if_there(const char *path, const char *type)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, NULL))
		printf("guest: no %s\n", type);
}

/* /modules/list names them so that each comes after what it needs. */
static void load_modules(void)
{
	char name[MODULE_NAME_BYTES], path[MODULE_NAME_BYTES + 16];
	FILE *list = fopen("/modules/list", "r");

	if (!list)
		stop("/modules/list");
	while (fscanf(list, "%127s", name) == 1) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 ||
		    (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			stop(path);
		close(fd);
	}
	fclose(list);
}

static void mount_root(void)
{
	mount_at("host", "/host", "9p", MS_RDONLY, SHARE ",cache=loose");
	mount_at("layer", "/layer", "tmpfs", 0, NULL);
	mkdir("/layer/upper", 0755);
	mkdir("/layer/work", 0755);
	mount_at("root", "/root", "overlay", 0,
		 "lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work");
	mount_at("proc", "/root/proc", "proc", 0, NULL);
	mount_at("sysfs", "/root/sys", "sysfs", 0, NULL);
	mount_at("devtmpfs", "/root/dev", "devtmpfs", 0, NULL);
	mount_at("devpts", "/root/dev/pts", "devpts", 0, NULL);
	mount_at("tmpfs", "/root/dev/shm", "tmpfs", 0, NULL);
	mount_at("tmpfs", "/root/run", "tmpfs", 0, "mode=0755");
	mount_at("cgroup2", "/root/sys/fs/cgroup", "cgroup2", 0, NULL);
	mount_at("bpf", "/root/sys/fs/bpf", "bpf", 0, NULL);
	mount_if_there("/root/sys/kernel/security", "securityfs");
	mount_if_there("/root/sys/kernel/tracing", "tracefs");
	symlink("/proc/self/fd", "/root/dev/fd");
	symlink("/proc/self/fd/0", "/root/dev/stdin");
	symlink("/proc/self/fd/1", "/root/dev/stdout");
	symlink("/proc/self/fd/2", "/root/dev/stderr");
	mount_at("results", "/root/run/results", "9p", 0, SHARE);
}

/*
 * Moved over the first root, and not only entered: whoever is in a root of its
 * own may make no user namespaces.
 */
static void become_root(void)
{
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		stop("chroot");
}

/* Waits for everything, as a first process has to, until `wanted` is over. */
static int wait_for(pid_t wanted)
{
	int status = 0;
	pid_t pid;

	do {
		pid = wait(&status);
	} while (pid != wanted && (pid > 0 || errno == EINTR));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int main(void)
{
	char *command[] = { "/bin/sh", "/run/results/run.sh", NULL };
	char *environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "TERM=dumb", NULL
	};
	FILE *result;
	pid_t child;
	int code;

	setvbuf(stdout, NULL, _IONBF, 0);
	load_modules();
	mount_root();
	become_root();
	child = fork();
	if (child < 0)
		stop("fork");
	if (!child) {
		setsid();
		execve(command[0], command, environment);
		_exit(127);
	}
	code = wait_for(child);
	result = fopen("/run/results/exit", "w");
	if (!result)
		stop("/run/results/exit");
	fprintf(result, "%d\n", code);
	fclose(result);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
