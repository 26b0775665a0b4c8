/* SPDX-License-Identifier: BSD-2-Clause */
/* common/service: who is told that a tool is ready, and what of it may fail. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/privilege.h"
#include "../../common/service.h"

/* A manager that listens at `name`; '@' begins an abstract one. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && len < sizeof(address.sun_path));
	memcpy(address.sun_path, name, len);
	if (name[0] == '@') {
		address.sun_path[0] = '\0';
	}
	len += offsetof(struct sockaddr_un, sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void assert_told(int manager, const char *expected)
{
	char got[64] = "";
	ssize_t len = recv(manager, got, sizeof(got) - 1, 0);

	if (!expected) {
		assert_true(len < 0 && errno == EAGAIN);
		return;
	}
	assert_int_equal(len, strlen(expected));
	assert_string_equal(got, expected);
}

static void make_name(char *name, size_t size)
{
	snprintf(name, size, "/tmp/tl-notify-XXXXXX");
	assert_non_null(mkdtemp(name));
	strncat(name, "/s", size - strlen(name) - 1);
}

static void remove_name(char *name)
{
	unlink(name);
	*strrchr(name, '/') = '\0';
	rmdir(name);
}

static void ready_with_a_descriptor_writes_one_newline_and_closes_it(void **state)
{
	int pipe_fd[2];
	char got[8];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(tl_service_ready(pipe_fd[1]), 0);
	assert_int_equal(read(pipe_fd[0], got, sizeof(got)), 1);
	assert_int_equal(got[0], '\n');
	assert_int_equal(read(pipe_fd[0], got, sizeof(got)), 0);
	close(pipe_fd[0]);
	assert_int_equal(tl_service_ready(0), 0);
}

static void ready_with_a_descriptor_that_is_none_fails(void **state)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(tl_service_ready(fd), -EBADF);
}

static void ready_with_a_manager_tells_it_once(void **state)
{
	char path[64];
	char abstract[64];

	(void)state;
	make_name(path, sizeof(path));
	snprintf(abstract, sizeof(abstract), "@tl-notify-%d", (int)getpid());
	const char *names[] = {path, abstract};
	for (int i = 0; i < 2; i++) {
		int manager = listen_at(names[i]);
		assert_int_equal(tl_service_ready(0), 0);
		assert_told(manager, "READY=1");
		assert_told(manager, 0);
		close(manager);
	}
	remove_name(path);
}

static void ready_with_a_manager_that_is_gone_is_no_error(void **state)
{
	static const char *const names[] = {"",		"/",	     "@",
					    "relative", "vsock:2:9", "/nowhere/at/all"};
	char path[64];
	char longest[200];

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		assert_int_equal(tl_service_ready(0), 0);
	}
	memset(longest, '/', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(tl_service_ready(0), 0);
	make_name(path, sizeof(path));
	close(listen_at(path)); /* the socket file stays */
	assert_int_equal(tl_service_ready(0), 0);
	remove_name(path);
}

/* A manager that never reads: its queue is full at some time. */
static void ready_with_a_manager_that_is_stuck_returns(void **state)
{
	char name[64];
	char word[8] = "";

	(void)state;
	snprintf(name, sizeof(name), "@tl-stuck-%d", (int)getpid());
	int manager = listen_at(name);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path + 1, name + 1, strlen(name + 1));
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	for (int i = 0; i < 100000; i++) {
		if (sendto(fd, word, 1, 0, (struct sockaddr *)&address, len) < 0) {
			break;
		}
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(tl_service_ready(0), 0);
	close(fd);
	close(manager);
}

/* Last: what it gives up does not come back. */
static void ready_after_privileges_were_dropped_tells_the_manager(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@tl-dropped-%d", (int)getpid());
	int manager = listen_at(name);
	assert_int_equal(tl_privilege_drop(TL_PRIVILEGE_USER, 0), 0);
	assert_int_equal(tl_service_ready(0), 0);
	assert_told(manager, "READY=1");
	close(manager);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_with_a_descriptor_writes_one_newline_and_closes_it),
		cmocka_unit_test(ready_with_a_descriptor_that_is_none_fails),
		cmocka_unit_test(ready_with_a_manager_tells_it_once),
		cmocka_unit_test(ready_with_a_manager_that_is_gone_is_no_error),
		cmocka_unit_test(ready_with_a_manager_that_is_stuck_returns),
		cmocka_unit_test(ready_after_privileges_were_dropped_tells_the_manager),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
