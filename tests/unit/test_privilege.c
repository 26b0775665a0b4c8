/* SPDX-License-Identifier: BSD-2-Clause */
/* common/privilege: each case runs in a process of its own, as nothing can be undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privilege.h"

/* Runs the case in a child; 0, or the line of the first thing that was not so. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		_exit(body());
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#define WANT(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                    \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

/* The value after `name` in a status file is exactly `value`. */
static bool status_has(const char *path, const char *name, const char *value)
{
	char line[256];
	bool found = false;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		size_t len = strlen(name);
		if (strncmp(line, name, len) == 0 && strcmp(line + len, value) == 0) {
			found = true;
		}
	}
	if (file) {
		fclose(file);
	}
	return found;
}

static bool has_nothing_left(const char *path)
{
	return status_has(path, "CapEff:\t", "0000000000000000") &&
	       status_has(path, "CapPrm:\t", "0000000000000000") &&
	       status_has(path, "CapInh:\t", "0000000000000000") &&
	       status_has(path, "CapAmb:\t", "0000000000000000") &&
	       status_has(path, "NoNewPrivs:\t", "1") && status_has(path, "Seccomp:\t", "2");
}

static void *wait_for_end(void *barrier)
{
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	return 0;
}

static int count_bare_threads(void)
{
	int count = 0;
	DIR *tasks = opendir("/proc/self/task");

	for (struct dirent *task; tasks && (task = readdir(tasks));) {
		char path[300];
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		count += task->d_name[0] != '.' && has_nothing_left(path);
	}
	closedir(tasks);
	return count;
}

static int every_thread_is_bare(void)
{
	pthread_barrier_t barrier;
	pthread_t threads[2];

	WANT(tl_privilege_drop(TL_PRIVILEGE_USER, 0) == 0);
	/* Another user's process is not dumpable, and its /proc is root's. */
	prctl(PR_SET_DUMPABLE, 1);
	pthread_barrier_init(&barrier, 0, 3);
	for (int i = 0; i < 2; i++) {
		WANT(pthread_create(&threads[i], 0, wait_for_end, &barrier) == 0);
	}
	pthread_barrier_wait(&barrier);
	int bare = count_bare_threads();
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], 0);
	}
	WANT(bare == 3);
	return 0;
}

static void threads_started_after_the_drop_have_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(every_thread_is_bare), 0);
}

static int dangerous_calls_fail(void)
{
	char *const argv[] = {"true", 0};

	WANT(tl_privilege_drop(TL_PRIVILEGE_USER, 0) == 0);
	WANT(execv("/bin/true", argv) < 0 && errno == EPERM);
	WANT(syscall(SYS_bpf, 9999, 0, 0) < 0 && errno == EPERM);
	WANT(syscall(SYS_io_uring_setup, 1, 0) < 0 && errno == EPERM);
	WANT(mount("none", "/tmp", "tmpfs", 0, 0) < 0 && errno == EPERM);
	WANT(syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) < 0 && errno == EPERM);
	WANT(setuid(getuid()) < 0 && errno == EPERM);
	WANT(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	WANT(socket(AF_VSOCK, SOCK_STREAM, 0) < 0 && errno == EPERM);
	WANT(socket(AF_KEY, SOCK_RAW, 2) < 0 && errno == EPERM);
#ifndef __SANITIZE_ADDRESS__
	WANT(ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 && errno == EPERM);
#endif
	return 0;
}

static void calls_that_reach_further_are_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(dangerous_calls_fail), 0);
}

static int ordinary_calls_work(void)
{
	int pipe_fds[2];

	WANT(tl_privilege_drop(TL_PRIVILEGE_USER, 0) == 0);
	WANT(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	WANT(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	WANT(socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
	WANT(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
	WANT(pipe(pipe_fds) == 0);
	WANT(access("/proc/self/status", F_OK) == 0);
	return 0;
}

static void calls_of_a_pipeline_still_work(void **state)
{
	(void)state;
	assert_int_equal(in_child(ordinary_calls_work), 0);
}

/* Where the kernel lets a process without capabilities get as far as that. */
static int bpf_is_kept(void)
{
	WANT(tl_privilege_drop(TL_PRIVILEGE_USER, TL_PRIVILEGE_KEEP_BPF) == 0);
	union bpf_attr attr = {.map_fd = (uint32_t)-1};
	errno = 0;
	WANT(syscall(SYS_bpf, BPF_MAP_FREEZE, &attr, sizeof(attr)) < 0);
	WANT(errno != EPERM);
	return 0;
}

static void bpf_stays_when_asked_for(void **state)
{
	(void)state;
	assert_int_equal(in_child(bpf_is_kept), 0);
}

static int user_is_kept(void)
{
	uid_t before = geteuid();

	WANT(tl_privilege_drop(TL_PRIVILEGE_USER, TL_PRIVILEGE_KEEP_USER) == 0);
	WANT(geteuid() == before);
	return 0;
}

static void user_stays_when_asked_for(void **state)
{
	(void)state;
	assert_int_equal(in_child(user_is_kept), 0);
}

static int user_is_changed(void)
{
	const struct passwd *nobody = getpwnam("nobody");
	uid_t expected = nobody ? nobody->pw_uid : 0;

	WANT(nobody);
	WANT(tl_privilege_drop("nobody", 0) == 0);
	WANT(getuid() == expected && geteuid() == expected);
	WANT(getgroups(0, 0) <= 1);
	/* And no way back. */
	WANT(setresuid(0, 0, 0) < 0);
	return 0;
}

static void root_becomes_the_user(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("not root: nobody to change from\n");
		skip();
	}
	assert_int_equal(in_child(user_is_changed), 0);
}

static int unknown_user_is_no_error(void)
{
	uid_t before = geteuid();

	WANT(tl_privilege_drop("tl-no-such-user", 0) == 0);
	WANT(geteuid() == before);
	WANT(has_nothing_left("/proc/self/status"));
	return 0;
}

static void user_that_does_not_exist_stays(void **state)
{
	(void)state;
	assert_int_equal(in_child(unknown_user_is_no_error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_started_after_the_drop_have_nothing),
		cmocka_unit_test(calls_that_reach_further_are_refused),
		cmocka_unit_test(calls_of_a_pipeline_still_work),
		cmocka_unit_test(bpf_stays_when_asked_for),
		cmocka_unit_test(user_stays_when_asked_for),
		cmocka_unit_test(root_becomes_the_user),
		cmocka_unit_test(user_that_does_not_exist_stays),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
