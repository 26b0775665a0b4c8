/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nng 1.5.2, the only file that knows it. What its manual and our measurements
 * (docs/design.md, "Delivery") ask for: RECVMAXSZ before the listener starts,
 * since the default is unlimited; SENDBUF 0, since a queued message dies with
 * the process; a quick reconnect, since the default waits a second.
 */
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "hop_private.h"
#include "log.h"
#include "service.h"
#include "wire.h"

enum {
	RECONNECT_MIN_MS = 10,
	RECONNECT_MAX_MS = 1000,
	SLICE_MS = 50, /* between looks at the stop flag: nng cannot be woken by a descriptor of
			   ours */
};

#define SILENCE_NS                                                                                 \
	(200 * TL_MS_NS) /* after which a stopping consumer takes its input for drained */

struct tl_msg *tl_msg_new(size_t capacity)
{
	struct tl_msg *msg = calloc(1, sizeof(*msg));
	nng_msg *backing;

	if (!msg || nng_msg_alloc(&backing, capacity) != 0) {
		free(msg);
		return 0;
	}
	*msg = (struct tl_msg){
		.memory = nng_msg_body(backing), .capacity = capacity, .backing = backing};
	msg->data = msg->memory;
	return msg;
}

void tl_msg_free(struct tl_msg *msg)
{
	if (msg) {
		nng_msg_free(msg->backing);
		free(msg);
	}
}

struct nng_in {
	struct tl_hop_in in;
	nng_socket socket;
};

struct nng_out {
	struct tl_hop_out out;
	nng_socket socket;
	int uncertain; /* a message was handed to nng and may not have left yet */
};

static int error_of(int nng_error)
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

static int explain(const char *what, const char *url, int nng_error)
{
	tl_log_err("cannot %s %s: %s", what, url, nng_strerror(nng_error));
	return error_of(nng_error);
}

/* Milliseconds to wait now: waiting goes in slices, so that a signal is seen. */
static nng_duration slice(uint64_t deadline_ns)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + TL_MS_NS - 1) / TL_MS_NS : 0;

	return left_ms < SLICE_MS ? (nng_duration)left_ms : SLICE_MS;
}

static uint64_t deadline_of(uint64_t timeout_ns)
{
	uint64_t now = tl_clock_mono_ns();
	return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

static int wrap(nng_msg *backing, struct tl_msg **out)
{
	struct tl_msg *msg = calloc(1, sizeof(*msg));

	if (!msg) {
		nng_msg_free(backing);
		return -ENOMEM;
	}
	size_t len = nng_msg_len(backing);
	uint8_t *body = nng_msg_body(backing);
	*msg = (struct tl_msg){
		.data = body, .len = len, .memory = body, .capacity = len, .backing = backing};
	*out = msg;
	return 1;
}

static int nng_recv_batch(struct tl_hop_in *in, struct tl_msg **msg, uint64_t timeout_ns)
{
	struct nng_in *n = (struct nng_in *)in;
	uint64_t deadline = deadline_of(timeout_ns);

	for (;;) {
		nng_msg *backing;
		nng_socket_set_ms(n->socket, NNG_OPT_RECVTIMEO, slice(deadline));
		int err = nng_recvmsg(n->socket, &backing, 0);
		if (err == 0) {
			size_t len = nng_msg_len(backing);
			if (tl_wire_peek(nng_msg_body(backing), len) == (int)len) {
				return wrap(backing, msg);
			}
			in->counts.skipped_bytes += len;
			nng_msg_free(backing);
			continue;
		}
		if (err != NNG_ETIMEDOUT) {
			return error_of(err);
		}
		if (tl_hop_stop_waiting(in->last_input_ns, SILENCE_NS)) {
			return -EINTR;
		}
		if (tl_clock_mono_ns() >= deadline) {
			return -ETIMEDOUT;
		}
	}
}

static void nng_close_in(struct tl_hop_in *in)
{
	struct nng_in *n = (struct nng_in *)in;

	nng_close(n->socket);
	free(n);
}

static const struct tl_hop_in_ops in_ops = {
	.recv = nng_recv_batch, .close = nng_close_in, .is_url = true};

static int listen_at(nng_socket socket, const char *url)
{
	nng_listener listener;
	int err = nng_listener_create(&listener, socket, url);

	if (err == 0 && strncmp(url, "ipc://", 6) == 0) {
		/* The socket file is born with the umask; the mode below comes after bind. */
		mode_t before = umask(0117);
		nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0660);
		err = nng_listener_start(listener, 0);
		umask(before);
	} else if (err == 0) {
		err = nng_listener_start(listener, 0);
	}
	return err;
}

int tl_hop_nng_open_in(struct tl_hop_in **out, const char *url)
{
	struct nng_in *n = calloc(1, sizeof(*n));
	if (!n) {
		return -ENOMEM;
	}
	int err = nng_pull0_open(&n->socket);
	if (err != 0) {
		free(n);
		return explain("open a socket for", url, err);
	}
	nng_socket_set_size(n->socket, NNG_OPT_RECVMAXSZ, TL_WIRE_MAX_BATCH);
	err = listen_at(n->socket, url);
	if (err != 0) {
		nng_close(n->socket);
		free(n);
		return explain("listen at", url, err);
	}
	n->in.ops = &in_ops;
	*out = &n->in;
	return 0;
}

static int nng_send_batch(struct tl_hop_out *out, struct tl_msg *msg, uint64_t timeout_ns)
{
	struct nng_out *n = (struct nng_out *)out;
	uint64_t deadline = deadline_of(timeout_ns);
	size_t before = (size_t)(msg->data - msg->memory);
	nng_msg *backing = msg->backing;

	if (before > 0) {
		nng_msg_trim(backing, before);
	}
	nng_msg_chop(backing, nng_msg_len(backing) - msg->len);
	msg->memory = msg->data;
	msg->capacity = msg->len;
	for (;;) {
		nng_socket_set_ms(n->socket, NNG_OPT_SENDTIMEO, slice(deadline));
		int err = nng_sendmsg(n->socket, backing, 0);
		if (err == 0) {
			n->uncertain = 1;
			free(msg);
			return 0;
		}
		if (err != NNG_ETIMEDOUT) {
			return error_of(err);
		}
		if (tl_clock_mono_ns() >= deadline) {
			return -ETIMEDOUT;
		}
	}
}

/*
 * A push socket is writable again when its pipe has taken the last message:
 * with SENDBUF 0 the only one there was. What lies in the kernel's buffer
 * belongs to the peer by then.
 */
static void nng_drain(struct tl_hop_out *out, uint64_t timeout_ns)
{
	struct nng_out *n = (struct nng_out *)out;
	uint64_t deadline = deadline_of(timeout_ns);
	int fd;

	if (!n->uncertain || nng_socket_get_int(n->socket, NNG_OPT_SENDFD, &fd) != 0) {
		return;
	}
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	while (tl_clock_mono_ns() < deadline && poll(&pfd, 1, slice(deadline)) == 0) {
	}
}

static void nng_close_out(struct tl_hop_out *out)
{
	struct nng_out *n = (struct nng_out *)out;

	nng_close(n->socket);
	free(n);
}

static const struct tl_hop_out_ops out_ops = {
	.send = nng_send_batch, .drain = nng_drain, .close = nng_close_out};

int tl_hop_nng_open_out(struct tl_hop_out **out, const char *url)
{
	struct nng_out *n = calloc(1, sizeof(*n));
	if (!n) {
		return -ENOMEM;
	}
	int err = nng_push0_open(&n->socket);
	if (err != 0) {
		free(n);
		return explain("open a socket for", url, err);
	}
	nng_socket_set_int(n->socket, NNG_OPT_SENDBUF, 0);
	nng_socket_set_ms(n->socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
	nng_socket_set_ms(n->socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
	err = nng_dial(n->socket, url, 0, NNG_FLAG_NONBLOCK);
	if (err != 0) {
		nng_close(n->socket);
		free(n);
		return explain("dial", url, err);
	}
	n->out.ops = &out_ops;
	*out = &n->out;
	return 0;
}
