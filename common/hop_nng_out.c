/* SPDX-License-Identifier: BSD-2-Clause */
/* Producers: PUSH, and acks the other way. */
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/push.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "hop_nng.h"
#include "hop_private.h"

enum {
	RECONNECT_MAX_MS = 1000,
	QUICK_SUSPECT = 4, /* connections in a row that ended at once, before it is said */
};

#define AWAY_NS	     (3 * TL_SECOND_NS) /* without a consumer, before it is said */
#define QUICK_NS     (50 * TL_MS_NS)	/* a connection that lived shorter has ended at once */
#define PAUSE_NS     (10 * TL_MS_NS)
#define PAUSE_MAX_NS TL_SECOND_NS

/* What the callbacks of one socket write; there until it is closed. */
struct wire {
	atomic_int pipes;
	atomic_uint_fast64_t up_since_ns;
	atomic_uint_fast64_t losses;
};

/*
 * A push socket is used for one connection. nng 1.5.2 may put a pipe that was closed
 * while it sent back among those that can take a message, and the next message then goes to memory
 * that was freed; so before each message it is seen to that no connection has ended, and if one
 * has, the socket is closed and another one opened.
 */
struct nng_out {
	struct tl_hop_out out;
	const char *url;
	int queue; /* of hop_config */
	int fd;	   /* readable when a message can be sent */
	struct tl_nng_caller data;
	struct wire *wire; /* 0: no socket until dial_ns */
	uint64_t losses;   /* of the sockets before */
	uint64_t dial_ns;
	unsigned int quick;	/* connections in a row that ended at once */
	uint64_t away_since_ns; /* 0: connected */
	bool away_told;
	struct tl_nng_caller acks;
	nng_aio *acks_aio; /* of who hears; stopped for good at the end */
	atomic_int acks_up;
	atomic_bool acks_ended;
	bool acks_closed;
};

/* --- sockets -------------------------------------------------------------- */

/*
 * ADD_POST does not come when the protocols differ, and may come after REM_POST: what is
 * told of every pipe that may ever carry something is ADD_PRE and REM_POST.
 */
static void watch_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct wire *wire = arg;

	(void)pipe;
	if (event == NNG_PIPE_EV_ADD_PRE) {
		atomic_store(&wire->up_since_ns, tl_clock_mono_ns());
		atomic_fetch_add(&wire->pipes, 1);
	} else {
		atomic_fetch_sub(&wire->pipes, 1);
		atomic_fetch_add(&wire->losses, 1);
	}
}

static int open_data(struct nng_out *n)
{
	nng_socket socket;
	struct wire *wire = calloc(1, sizeof(*wire));
	int err = wire ? nng_push0_open(&socket) : NNG_ENOMEM;

	if (err != 0) {
		free(wire);
		return tl_nng_explain("open a socket for", n->url, err);
	}
	nng_socket_set_int(socket, NNG_OPT_SENDBUF, n->queue);
	nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, watch_pipe, wire);
	nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, watch_pipe, wire);
	err = tl_nng_caller_open(&n->data, socket, n->url, RECONNECT_MAX_MS);
	if (err == 0) {
		err = nng_socket_get_int(socket, NNG_OPT_SENDFD, &n->fd);
	}
	if (err != 0) {
		nng_close(socket);
		free(wire);
		return tl_nng_explain("dial", n->url, err);
	}
	n->wire = wire;
	return 0;
}

/* What its callbacks use stays when closing hangs. */
static bool close_data(struct nng_out *n)
{
	struct wire *wire = n->wire;

	n->wire = 0;
	if (!wire) {
		return true;
	}
	bool closed = tl_nng_close(n->data.socket);
	n->losses += atomic_load(&wire->losses);
	if (closed) {
		free(wire);
	}
	return closed;
}

/* Ever more seldom. */
static void say_quick(const struct nng_out *n)
{
	bool is_power_of_two = (n->quick & (n->quick - 1)) == 0;

	if (n->quick >= QUICK_SUSPECT && is_power_of_two) {
		tl_log_warn(
			"%s: connections end as soon as they are made: is this user let in there "
			"(--allow-uid)?",
			n->url);
	}
}

/* The next one at once, unless connections do not last. */
static void retire(struct nng_out *n)
{
	uint64_t now = tl_clock_mono_ns();
	bool quick = now - atomic_load(&n->wire->up_since_ns) < QUICK_NS;

	n->quick = quick ? n->quick + 1 : 0;
	say_quick(n);
	unsigned int doublings = n->quick > QUICK_SUSPECT ? n->quick - QUICK_SUSPECT : 0;
	uint64_t pause_ns = doublings < 7 ? PAUSE_NS << doublings : PAUSE_MAX_NS;
	n->dial_ns = n->quick >= QUICK_SUSPECT ? now + pause_ns : now;
	close_data(n);
}

/* A socket on which nothing went wrong so far. False: not in time. */
static bool have_socket(struct nng_out *n, uint64_t deadline_ns)
{
	if (n->wire && atomic_load(&n->wire->losses) > 0) {
		retire(n);
	}
	while (!n->wire) {
		uint64_t now = tl_clock_mono_ns();
		if (now >= n->dial_ns && open_data(n) == 0) {
			return true;
		}
		if (now >= deadline_ns) {
			return false;
		}
		n->dial_ns = now >= n->dial_ns ? now + PAUSE_MAX_NS : n->dial_ns;
		uint64_t until = n->dial_ns < deadline_ns ? n->dial_ns : deadline_ns;
		const struct timespec ts = {.tv_sec = (time_t)((until - now) / TL_SECOND_NS),
					    .tv_nsec = (long)((until - now) % TL_SECOND_NS)};
		nanosleep(&ts, 0);
	}
	return true;
}

/* --- sending -------------------------------------------------------------- */

static bool wait_writable(const struct nng_out *n, uint64_t deadline_ns)
{
	struct pollfd pfd = {.fd = n->fd, .events = POLLIN};

	for (;;) {
		uint64_t now = tl_clock_mono_ns();
		uint64_t left_ms = deadline_ns > now ? (deadline_ns - now) / TL_MS_NS + 1 : 0;
		int ready = poll(&pfd, 1, left_ms > 1000 ? 1000 : (int)left_ms);
		if (ready > 0) {
			return true;
		}
		if (tl_clock_mono_ns() >= deadline_ns) {
			return false;
		}
	}
}

static int nng_send_batch(struct tl_hop_out *out, struct tl_msg *msg, uint64_t timeout_ns)
{
	struct nng_out *n = (struct nng_out *)out;
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);
	size_t before = (size_t)(msg->data - msg->memory);
	nng_msg *backing = msg->backing;

	if (before > 0) {
		nng_msg_trim(backing, before);
	}
	nng_msg_chop(backing, nng_msg_len(backing) - msg->len);
	msg->memory = msg->data;
	msg->capacity = msg->len;
	for (;;) {
		if (!have_socket(n, deadline)) {
			return -ETIMEDOUT;
		}
		int err = nng_sendmsg(n->data.socket, backing, NNG_FLAG_NONBLOCK);
		if (err == 0) {
			free(msg);
			return 0;
		}
		if (err != NNG_EAGAIN) {
			return tl_nng_error(err);
		}
		if (!wait_writable(n, deadline)) {
			return -ETIMEDOUT;
		}
	}
}

/*
 * A push socket is writable again when its pipe has taken the last message:
 * with SENDBUF 0 the only one there was. What lies in the kernel's buffer
 * belongs to the peer by then.
 */
static bool nng_drain(struct tl_hop_out *out, uint64_t timeout_ns)
{
	struct nng_out *n = (struct nng_out *)out;

	/* Without a connection nothing is on its way. */
	return !n->wire || atomic_load(&n->wire->pipes) <= 0 ||
	       wait_writable(n, tl_clock_deadline_ns(timeout_ns));
}

static int nng_recv_acks(struct tl_hop_out *out, struct tl_ack *acks, size_t max)
{
	struct nng_out *n = (struct nng_out *)out;

	return tl_nng_acks_recv(n->acks.socket, n->acks_aio, acks, max);
}

static void nng_end_acks(struct tl_hop_out *out)
{
	struct nng_out *n = (struct nng_out *)out;

	if (!atomic_exchange(&n->acks_ended, true)) {
		/* Who hears has to wake also when the closing hangs. */
		nng_aio_stop(n->acks_aio);
		n->acks_closed = tl_nng_close(n->acks.socket);
	}
}

/* What nng does not say of a socket file: that it is not there, or not for us. */
static const char *why_away(const char *url)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;

	if (fd < 0 || strncmp(url, "ipc://", 6) != 0) {
		err = EAGAIN;
	} else {
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", url + 6);
		err = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno
										    : EAGAIN;
	}
	if (fd >= 0) {
		close(fd);
	}
	return err == EAGAIN ? "no answer" : strerror(err);
}

/* Once each time: stages start in any order, and a consumer may be started anew. */
static void tell_away(struct nng_out *n, bool up)
{
	uint64_t now = tl_clock_mono_ns();

	if (up) {
		if (n->away_told) {
			tl_log_note("%s: a consumer is there", n->url);
		}
		n->away_since_ns = 0;
		n->away_told = false;
	} else if (n->away_since_ns == 0) {
		n->away_since_ns = now;
	} else if (!n->away_told && n->quick < QUICK_SUSPECT && now - n->away_since_ns >= AWAY_NS) {
		n->away_told = true;
		tl_log_warn("%s: nobody takes events there: %s; trying on", n->url,
			    why_away(n->url));
	}
}

static struct tl_hop_link nng_link(struct tl_hop_out *out)
{
	struct nng_out *n = (struct nng_out *)out;

	bool up = n->wire && atomic_load(&n->wire->pipes) > 0;

	tell_away(n, up);
	if (n->wire) {
		tl_nng_caller_check(&n->data, up);
	}
	if (out->has_acks && !atomic_load(&n->acks_ended)) {
		tl_nng_caller_check(&n->acks, atomic_load(&n->acks_up) > 0);
	}
	return (struct tl_hop_link){
		.losses = n->losses + (n->wire ? atomic_load(&n->wire->losses) : 0),
		.up_since_ns = up ? atomic_load(&n->wire->up_since_ns) : 0,
		.acks_up = atomic_load(&n->acks_up) > 0,
	};
}

static void nng_close_out(struct tl_hop_out *out)
{
	struct nng_out *n = (struct nng_out *)out;

	close_data(n);
	if (out->has_acks) {
		nng_end_acks(out);
	}
	if (!out->has_acks || n->acks_closed) {
		nng_aio_free(n->acks_aio);
		free(n);
	}
}

static const struct tl_hop_out_ops out_ops = {
	.send = nng_send_batch,
	.drain = nng_drain,
	.recv_acks = nng_recv_acks,
	.end_acks = nng_end_acks,
	.link = nng_link,
	.close = nng_close_out,
};

static int open_out_acks(struct nng_out *n, const char *url, const struct tl_hop_config *config)
{
	char ack_url[TL_HOP_URL_MAX];

	if (config->no_acks) {
		return 0;
	}
	int err = tl_hop_ack_url(ack_url, url, config);
	if (err == 0 && nng_aio_alloc(&n->acks_aio, 0, 0) != 0) {
		err = -ENOMEM;
	}
	if (err == 0) {
		err = tl_nng_acks_dial(&n->acks, ack_url, &n->acks_up);
	}
	n->out.has_acks = err == 0;
	return err;
}

int tl_hop_nng_open_out(struct tl_hop_out **out, const char *url,
			const struct tl_hop_config *config)
{
	struct nng_out *n = calloc(1, sizeof(*n));
	if (!n) {
		return -ENOMEM;
	}
	n->out.ops = &out_ops;
	n->url = url;
	n->queue = config->queue;
	/* The acks first, so that they are heard from the first batch on. */
	int err = open_out_acks(n, url, config);
	if (err == 0) {
		err = open_data(n);
		if (err < 0) {
			tl_hop_end_acks(&n->out);
		}
	}
	if (err < 0) {
		nng_aio_free(n->acks_aio);
		free(n);
		return err;
	}
	*out = &n->out;
	return 0;
}
