/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps nng 1.5.2 connecting. When a peer dies while the two greet each
 * other, its listener takes that for its own end and never accepts again, and its
 * dialer never dials again (both stop at NNG_ECLOSED; seen with a consumer that
 * was stopped while its producer was killed). So a listener is dialed by its own
 * process each second, and made anew when it does not answer; a dialer without a
 * connection is made anew.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "hop_nng.h"

#define PROBE_NS  TL_SECOND_NS	     /* between probes, and for an answer */
#define REDIAL_NS (2 * TL_SECOND_NS) /* longer than any back-off */

enum { GREETING_LEN = 8 };

/* --- listeners ------------------------------------------------------------ */

/* tcp has no users: its pipes pass. */
static void admit(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct tl_nng_ear *ear = arg;
	struct tl_nng_peers *peers = ear->peers;
	uint64_t uid;
	uint64_t held_back;

	(void)event;
	atomic_fetch_add(&ear->pipes, 1);
	if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) != 0) {
		return;
	}
	for (unsigned int i = 0; i < peers->count; i++) {
		if (peers->uids[i] == uid) {
			return;
		}
	}
	nng_pipe_close(pipe);
	atomic_fetch_add(&peers->refused, 1);
	if (tl_log_allowed(&peers->limit, &held_back)) {
		tl_log_warn(
			"%s: user %llu turned away; --allow-uid %llu lets it in (%llu more since "
			"the last such line)",
			ear->url, (unsigned long long)uid, (unsigned long long)uid,
			(unsigned long long)held_back);
	}
}

static int start_listener(struct tl_nng_ear *ear)
{
	int err = nng_listener_create(&ear->listener, ear->socket, ear->url);

	if (err == 0 && strncmp(ear->url, "ipc://", 6) == 0) {
		/* The socket file is born with the umask; the mode below comes after bind. */
		int mode = ear->peers->strangers ? 0666 : 0660;
		mode_t before = umask(0777 & (mode_t)~mode);
		nng_listener_set_int(ear->listener, NNG_OPT_IPC_PERMISSIONS, mode);
		err = nng_listener_start(ear->listener, 0);
		umask(before);
	} else if (err == 0) {
		err = nng_listener_start(ear->listener, 0);
	}
	return err;
}

int tl_nng_ear_open(struct tl_nng_ear *ear, nng_socket socket, const char *url,
		    enum tl_nng_protocol peer, struct tl_nng_peers *peers)
{
	ear->socket = socket;
	ear->protocol = (uint16_t)peer;
	ear->peers = peers;
	ear->probe_fd = -1;
	ear->due_ns = tl_clock_mono_ns() + PROBE_NS;
	snprintf(ear->url, sizeof(ear->url), "%s", url);
	nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, admit, ear);
	return start_listener(ear);
}

static void hang_up(struct tl_nng_ear *ear)
{
	if (ear->probe_fd >= 0) {
		close(ear->probe_fd);
		ear->probe_fd = -1;
	}
	ear->unreachable = false;
}

bool tl_nng_ear_close(struct tl_nng_ear *ear)
{
	hang_up(ear);
	return tl_nng_close(ear->socket);
}

/* sockaddr_un of "path". */
static void look_up_ipc(struct tl_nng_ear *ear, const char *path)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&ear->address;

	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	ear->address_len = sizeof(*address);
}

/* "host:port", "[host]:port": the address we listen at is on this machine. 0 or -errno. */
static int look_up_tcp(struct tl_nng_ear *ear, const char *rest)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	const char *colon = strrchr(rest, ':');
	bool bracket = *rest == '[';
	struct addrinfo *list;
	char host[256];

	if (!colon) {
		return -EINVAL;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - rest) - 2 * bracket, rest + bracket);
	if (getaddrinfo(host[0] && strcmp(host, "*") != 0 ? host : 0, colon + 1, &hints, &list) !=
	    0) {
		return -EINVAL;
	}
	memcpy(&ear->address, list->ai_addr, list->ai_addrlen);
	ear->address_len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

/* Once: a name server that does not answer must not stop who receives each second. */
static int look_up(struct tl_nng_ear *ear)
{
	if (ear->address_len > 0) {
		return 0;
	}
	if (strncmp(ear->url, "ipc://", 6) != 0) {
		return look_up_tcp(ear, ear->url + 6);
	}
	look_up_ipc(ear, ear->url + 6);
	return 0;
}

/* A descriptor or -errno. */
static int connect_to(struct tl_nng_ear *ear)
{
	int err = look_up(ear);

	if (err < 0) {
		return err;
	}
	int fd = socket(ear->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	if (connect(fd, (struct sockaddr *)&ear->address, ear->address_len) < 0 &&
	    errno != EINPROGRESS) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/*
 * The greeting of a peer; what it is answered does not matter, that a pipe comes of it does.
 * True when it is on its way.
 */
static bool greet(const struct tl_nng_ear *ear)
{
	const uint8_t greeting[GREETING_LEN] = {
		0, 'S', 'P', 0, (uint8_t)(ear->protocol >> 8), (uint8_t)ear->protocol, 0, 0};

	return send(ear->probe_fd, greeting, sizeof(greeting), MSG_NOSIGNAL) ==
	       (ssize_t)sizeof(greeting);
}

/*
 * Nobody listens (any more), or nobody has accepted for so long that there is no room to wait
 * in. Other errors say nothing about the listener.
 */
static bool is_unreachable(int err)
{
	return err == -ECONNREFUSED || err == -ENOENT || err == -EAGAIN;
}

static void probe(struct tl_nng_ear *ear)
{
	ear->pipes_before = atomic_load(&ear->pipes);
	int fd = connect_to(ear);
	ear->unreachable = is_unreachable(fd);
	ear->probe_fd = fd < 0 ? -1 : fd;
	ear->greeted = fd >= 0 && greet(ear);
}

static bool is_probing(const struct tl_nng_ear *ear)
{
	return ear->probe_fd >= 0 || ear->unreachable;
}

static void listen_anew(struct tl_nng_ear *ear)
{
	nng_listener_close(ear->listener);
	int err = start_listener(ear);
	if (err != 0) {
		tl_nng_explain("listen again at", ear->url, err);
	} else {
		tl_log_note("%s: listening again: a connection had died while it was made",
			    ear->url);
	}
}

void tl_nng_ear_check(struct tl_nng_ear *ear)
{
	uint64_t now = tl_clock_mono_ns();

	if (ear->probe_fd >= 0 && !ear->greeted) {
		ear->greeted = greet(ear);
	}
	if (is_probing(ear) && atomic_load(&ear->pipes) != ear->pipes_before) {
		hang_up(ear);
		ear->due_ns = now + PROBE_NS;
	}
	if (now < ear->due_ns) {
		return;
	}
	ear->due_ns = now + PROBE_NS;
	if (is_probing(ear) && ear->waited) {
		hang_up(ear);
		listen_anew(ear);
	} else if (is_probing(ear)) {
		ear->waited = true; /* twice: it may be us who had no time */
	} else {
		ear->waited = false;
		probe(ear);
	}
}

/* --- dialers -------------------------------------------------------------- */

int tl_nng_caller_open(struct tl_nng_caller *caller, nng_socket socket, const char *url,
		       int reconnect_max_ms)
{
	caller->socket = socket;
	caller->down_since_ns = tl_clock_mono_ns();
	snprintf(caller->url, sizeof(caller->url), "%s", url);
	nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, TL_NNG_RECONNECT_MIN_MS);
	nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, reconnect_max_ms);
	return nng_dial(socket, url, &caller->dialer, NNG_FLAG_NONBLOCK);
}

void tl_nng_caller_check(struct tl_nng_caller *caller, bool connected)
{
	uint64_t now = tl_clock_mono_ns();

	if (connected) {
		caller->down_since_ns = now;
	} else if (now - caller->down_since_ns >= REDIAL_NS) {
		caller->down_since_ns = now;
		nng_dialer_close(caller->dialer);
		nng_dial(caller->socket, caller->url, &caller->dialer, NNG_FLAG_NONBLOCK);
	}
}
