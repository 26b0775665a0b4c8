/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nng 1.5.2, which only hop_nng*.c and msg.c know. What its manual and our measurements
 * (docs/design.md, "Delivery") ask for: RECVMAXSZ before the listener starts,
 * since the default is unlimited; SENDBUF 0, since a queued message dies with
 * the process; a quick reconnect, since the default waits a second. All
 * calls but the receiving of acks are non-blocking and wait in poll, so that a signal ends any
 * wait.
 */
#include "hop_nng.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "privilege.h"

enum { CLOSE_SECONDS = 1 };

int tl_nng_error(int nng_error)
{
	switch (nng_error) {
	case 0:
		return 0;
	case NNG_ETIMEDOUT:
		return -ETIMEDOUT;
	case NNG_ENOMEM:
		return -ENOMEM;
	case NNG_EADDRINUSE:
		return -EADDRINUSE;
	case NNG_EADDRINVAL:
		return -EINVAL;
	case NNG_EPERM:
		return -EACCES;
	case NNG_ECLOSED:
		return -ESHUTDOWN;
	default:
		return nng_error & NNG_ESYSERR ? -(nng_error & ~NNG_ESYSERR) : -EIO;
	}
}

int tl_nng_explain(const char *what, const char *url, int nng_error)
{
	tl_log_err("cannot %s %s: %s", what, url, nng_strerror(nng_error));
	return tl_nng_error(nng_error);
}

static void *close_socket(void *arg)
{
	nng_close((nng_socket){.id = (uint32_t)(uintptr_t)arg});
	return 0;
}

/* 0 when the thread has ended. */
static int join_for_a_while(pthread_t thread)
{
	struct timespec until;

#ifdef __SANITIZE_THREAD__
	/* ThreadSanitizer does not know the other one, and takes the thread for one that lives. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_SECONDS;
	return pthread_timedjoin_np(thread, 0, &until);
#else
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += CLOSE_SECONDS;
	return pthread_clockjoin_np(thread, 0, CLOCK_MONOTONIC, &until);
#endif
}

bool tl_nng_close(nng_socket socket)
{
	pthread_t thread;

	if (pthread_create(&thread, 0, close_socket, (void *)(uintptr_t)socket.id) != 0) {
		return false;
	}
	if (join_for_a_while(thread) != 0) {
		pthread_detach(thread);
		return false;
	}
	return true;
}

/* --- who may dial --------------------------------------------------------- */

static int uid_of(const char *name, uid_t *uid)
{
	const struct passwd *user = getpwnam(name);
	uint64_t number;

	if (user) {
		*uid = user->pw_uid;
		return 0;
	}
	if (tl_opt_parse_number(name, &number) < 0 || number >= UINT32_MAX) {
		return -EINVAL;
	}
	*uid = (uid_t)number;
	return 0;
}

int tl_nng_peers_init(struct tl_nng_peers *peers, const struct tl_opt_list *allow)
{
	peers->uids[peers->count++] = 0;
	peers->uids[peers->count++] = geteuid();
	if (uid_of(TL_PRIVILEGE_USER, &peers->uids[peers->count]) == 0) {
		peers->count++;
	}
	peers->strangers = allow && allow->count > 0;
	for (unsigned int i = 0; allow && i < allow->count; i++) {
		if (uid_of(allow->items[i], &peers->uids[peers->count++]) < 0) {
			tl_log_err("--allow-uid %s: no such user", allow->items[i]);
			return -EINVAL;
		}
	}
	return 0;
}
