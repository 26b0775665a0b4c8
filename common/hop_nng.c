/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nng 1.5.2, the only file that knows it. What its manual and our measurements
 * (docs/design.md, "Delivery") ask for: RECVMAXSZ before the listener starts,
 * since the default is unlimited; SENDBUF 0, since a queued message dies with
 * the process; a quick reconnect, since the default waits a second. All
 * calls are non-blocking and wait in poll, so that a signal ends any wait.
 */
#include <errno.h>
#include <malloc.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "hop_private.h"
#include "log.h"
#include "wire.h"

enum { RECONNECT_MIN_MS = 10, RECONNECT_MAX_MS = 1000 };

/* After so long a stopping consumer takes its input for drained. */
#define SILENCE_NS (200 * TL_MS_NS)

/*
 * Messages are of mmap size by malloc's default: each would be mapped, faulted
 * in and unmapped again.
 */
static void keep_big_chunks(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

struct tl_msg *tl_msg_new(size_t capacity)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, keep_big_chunks);
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
	int fd; /* readable when a message is there */
};

struct nng_out {
	struct tl_hop_out out;
	nng_socket socket;
	int fd; /* readable when a message can be sent */
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

/* The next message if one is there: 1, 0 none, -errno. What is no batch is skipped. */
static int take_message(struct nng_in *n, struct tl_msg **msg)
{
	for (;;) {
		nng_msg *backing;
		int err = nng_recvmsg(n->socket, &backing, NNG_FLAG_NONBLOCK);
		if (err != 0) {
			return err == NNG_EAGAIN ? 0 : error_of(err);
		}
		size_t len = nng_msg_len(backing);
		if (tl_wire_peek(nng_msg_body(backing), len) == (int)len) {
			return wrap(backing, msg);
		}
		n->in.counts.skipped_bytes += len;
		nng_msg_free(backing);
	}
}

static int nng_recv_batch(struct tl_hop_in *in, struct tl_msg **msg, uint64_t timeout_ns)
{
	struct nng_in *n = (struct nng_in *)in;
	uint64_t deadline = deadline_of(timeout_ns);

	for (;;) {
		int got = take_message(n, msg);
		if (got != 0) {
			return got;
		}
		int err = tl_hop_wait_readable(n->fd, in->last_input_ns, SILENCE_NS, deadline);
		if (err < 0) {
			return err;
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
	if (err == 0) {
		err = nng_socket_get_int(n->socket, NNG_OPT_RECVFD, &n->fd);
	}
	if (err != 0) {
		nng_close(n->socket);
		free(n);
		return explain("listen at", url, err);
	}
	n->in.ops = &in_ops;
	*out = &n->in;
	return 0;
}

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
		int err = nng_sendmsg(n->socket, backing, NNG_FLAG_NONBLOCK);
		if (err == 0) {
			free(msg);
			return 0;
		}
		if (err != NNG_EAGAIN) {
			return error_of(err);
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
	return wait_writable((struct nng_out *)out, deadline_of(timeout_ns));
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
	if (err == 0) {
		err = nng_socket_get_int(n->socket, NNG_OPT_SENDFD, &n->fd);
	}
	if (err != 0) {
		nng_close(n->socket);
		free(n);
		return explain("dial", url, err);
	}
	n->out.ops = &out_ops;
	*out = &n->out;
	return 0;
}
