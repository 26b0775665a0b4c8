/* SPDX-License-Identifier: BSD-2-Clause */
#include <cap-ng.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "offload_private.h"

/* What ends or wakes the daemon's process group must not end its guard before it. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGINT,  SIGTERM, SIGHUP,	 SIGQUIT,
				      SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};

	for (unsigned int i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		signal(ignored[i], SIG_IGN);
	}
	/* Where the daemon leads the group this would fail; in a child it cannot. */
	(void)setsid();
}

/* Standard error and these two stay: another's pipe must not be kept open by us. */
static void close_others(int a, int b)
{
	unsigned int low = (unsigned int)(a < b ? a : b);
	unsigned int high = (unsigned int)(a < b ? b : a);

	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	if (low > STDERR_FILENO + 1) {
		(void)close_range(STDERR_FILENO + 1, low - 1, 0);
	}
	if (high > low + 1) {
		(void)close_range(low + 1, high - 1, 0);
	}
	(void)close_range(high + 1, UINT_MAX, 0);
}

static int keep_net_admin(void)
{
	if (capng_get_caps_process() != 0) {
		return -EIO;
	}
	/* Without CAP_SETPCAP there is no bounding set to clear. */
	bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) > 0;
	capng_select_t what = may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS;
	capng_clear(what);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) != 0 ||
	    capng_apply(what) != 0) {
		return -EPERM;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static void wait_for_end(int fd)
{
	char byte;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n > 0 || (n < 0 && errno == EINTR));
}

/* The child; `file` holds the lock until it ends. */
static int guard_run(const struct nic *nic, const struct offload_state *state, int fd, int file)
{
	ignore_signals();
	(void)prctl(PR_SET_NAME, "xdp-flowd-guard", 0, 0, 0);
	close_others(fd, file);
	/* The byte says that from now on nothing ends us but our parent's end. */
	if (keep_net_admin() < 0 || write(fd, "", 1) != 1) {
		return 1;
	}
	wait_for_end(fd);
	return offload_undo(nic, state) < 0;
}

static int reap(pid_t pid)
{
	int status = 0;
	pid_t ended;

	do {
		ended = waitpid(pid, &status, 0);
	} while (ended < 0 && errno == EINTR);
	return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* Takes over fds[0] and closes fds[1]. */
static int await(struct offload_guard *guard, pid_t pid, const int fds[2])
{
	char byte;
	ssize_t n;

	close(fds[1]);
	do {
		n = read(fds[0], &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1) {
		*guard = (struct offload_guard){.fd = fds[0], .pid = pid};
		return 0;
	}
	close(fds[0]);
	(void)reap(pid);
	return -ECHILD;
}

static int start(struct offload_guard *guard, const struct nic *nic,
		 const struct offload_state *state, int file)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		return -errno;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(guard_run(nic, state, fds[1], file));
	}
	if (pid < 0) {
		int err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	return await(guard, pid, fds);
}

int offload_guard_start(struct offload_guard *guard, const struct nic *nic)
{
	struct offload_state state;
	int file = offload_state_take(nic, &state);

	*guard = (struct offload_guard){.fd = -1};
	/* Nothing was changed, or another instance's guard has it. */
	if (file == -ENOENT || file == -EWOULDBLOCK) {
		return 0;
	}
	int err = file < 0 ? file : start(guard, nic, &state, file);
	if (err < 0) {
		tl_log_err("%s: cannot start the guard of its offloads: %s", nic->name,
			   strerror(-err));
	}
	/* The child shares the lock, and alone from here on. */
	if (file >= 0) {
		close(file);
	}
	return err;
}

void offload_guard_stop(struct offload_guard *guard)
{
	if (guard->fd < 0) {
		return;
	}
	close(guard->fd);
	guard->fd = -1;
	if (reap(guard->pid) < 0) {
		tl_log_warn("the guard of the offloads (process %d) could not undo all",
			    (int)guard->pid);
	}
}
