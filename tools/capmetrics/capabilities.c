/* SPDX-License-Identifier: BSD-2-Clause */
#include "capabilities.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { PAUSE_MS = 1 };

const char *const capabilities_engines[] = {"xdp-flowd", "tpv3-capd", "afp-capd", "eve-tail", 0};

extern char **environ;

/* stdin and stderr are nobody's; stdout is the pipe's end. */
static int spawn(const char *path, int write_fd, pid_t *pid)
{
	char *const argv[] = {(char *)path, (char *)"--capabilities", 0};
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err != 0) {
		return -err;
	}
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, write_fd, STDOUT_FILENO);
	err = posix_spawn(pid, path, &actions, 0, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

/* Until its end, the limit, or the deadline: how much there is, -ETIMEDOUT, -E2BIG, other -errno.
 */
static ssize_t read_answer(int fd, char *text, size_t room, uint64_t deadline_ns)
{
	size_t len = 0;

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		uint64_t now = tl_clock_mono_ns();
		int left_ms = deadline_ns > now ? (int)((deadline_ns - now) / TL_MS_NS) + 1 : 0;
		int ready = poll(&pfd, 1, left_ms);
		if (ready == 0) {
			return -ETIMEDOUT;
		}
		ssize_t got = ready > 0 ? read(fd, text + len, room - len) : -1;
		if (got == 0) {
			return (ssize_t)len;
		}
		if (got < 0 && errno != EINTR) {
			return -errno;
		}
		len += got > 0 ? (size_t)got : 0;
		if (len == room) {
			return -E2BIG;
		}
	}
}

/* Its exit code; whoever still runs at the deadline is killed. -errno. */
static int reap(pid_t pid, uint64_t deadline_ns)
{
	bool killed = false;
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, killed ? 0 : WNOHANG);
		if (got == pid) {
			return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
		}
		if (got < 0 && errno != EINTR) {
			return -errno;
		}
		if (!killed && tl_clock_mono_ns() >= deadline_ns) {
			kill(pid, SIGKILL);
			killed = true;
		} else if (!killed) {
			poll(0, 0, PAUSE_MS);
		}
	}
}

/* What a program says that ends by itself: a length, or -errno. */
static ssize_t ask(const char *path, char *text, size_t room)
{
	uint64_t deadline_ns = tl_clock_mono_ns() + CAPABILITIES_WAIT_MS * TL_MS_NS;
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		return -errno;
	}
	int err = spawn(path, pipe_fds[1], &pid);
	close(pipe_fds[1]);
	if (err < 0) {
		close(pipe_fds[0]);
		return err;
	}
	ssize_t len = read_answer(pipe_fds[0], text, room, deadline_ns);
	close(pipe_fds[0]);
	/* With its stdout closed it may still be on its way out. */
	int code = reap(pid, len >= 0 ? deadline_ns : 0);
	return len < 0 ? len : code == 0 ? len : -EIO;
}

/* One object, without what is around it: its length, 0 = none. */
static size_t trim(const char **text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", (*text)[len - 1])) {
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", **text)) {
		(*text)++;
		len--;
	}
	return len > 1 && **text == '{' && (*text)[len - 1] == '}' ? len : 0;
}

static int put(struct tl_textbuf *out, const char *text)
{
	return tl_textbuf_add(out, text, strlen(text));
}

/* 1 it answered, 0 not, -ENOMEM. */
static int add_engine(struct tl_textbuf *out, const char *folder, const char *name, bool first)
{
	char path[4096];
	char answer[CAPABILITIES_ANSWER_MAX];
	const char *object = answer;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (access(path, X_OK) < 0) {
		return 0;
	}
	ssize_t got = ask(path, answer, sizeof(answer));
	size_t len = got > 0 ? trim(&object, (size_t)got) : 0;
	if (len == 0) {
		tl_log_warn("%s --capabilities: %s", path,
			    got < 0 ? strerror((int)-got) : "no JSON object");
		return 0;
	}
	int err = first ? 0 : put(out, ",");
	err = err < 0 ? err : tl_textbuf_add(out, object, len);
	return err < 0 ? err : 1;
}

int capabilities_read(struct tl_textbuf *out, const char *folder, const char *const *names)
{
	int count = 0;
	int err = put(out, "{\"engines\":[");

	for (; *names && err == 0; names++) {
		int got = add_engine(out, folder, *names, count == 0);
		err = got < 0 ? got : 0;
		count += got > 0;
	}
	err = err < 0 ? err : put(out, "]}\n");
	return err < 0 ? err : count;
}
