/* SPDX-License-Identifier: BSD-2-Clause */
/* Consumers: PULL, and acks the other way. */
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <stdlib.h>

#include "clock.h"
#include "hop_nng.h"
#include "hop_private.h"
#include "wire.h"

/* After so long a stopping consumer takes its input for drained. */
#define SILENCE_NS (200 * TL_MS_NS)

struct nng_in {
	struct tl_hop_in in;
	int fd; /* readable when a message is there */
	struct tl_nng_ear data;
	struct tl_nng_ear acks;
	struct tl_nng_peers peers;
};

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
		int err = nng_recvmsg(n->data.socket, &backing, NNG_FLAG_NONBLOCK);
		if (err != 0) {
			return err == NNG_EAGAIN ? 0 : tl_nng_error(err);
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
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);

	in->counts.refused_peers = atomic_load(&n->peers.refused);
	for (;;) {
		tl_nng_ear_check(&n->data);
		if (in->has_acks) {
			tl_nng_ear_check(&n->acks);
		}
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

static void nng_publish(struct tl_hop_in *in, const struct tl_ack *acks, size_t count)
{
	tl_nng_acks_publish(((struct nng_in *)in)->acks.socket, acks, count);
}

static void nng_close_in(struct tl_hop_in *in)
{
	struct nng_in *n = (struct nng_in *)in;
	bool closed = tl_nng_ear_close(&n->data);

	if (in->has_acks) {
		closed = tl_nng_ear_close(&n->acks) && closed;
	}
	if (closed) {
		free(n);
	}
}

static int nng_in_fd(const struct tl_hop_in *in)
{
	return ((const struct nng_in *)in)->fd;
}

static const struct tl_hop_in_ops in_ops = {.recv = nng_recv_batch,
					    .publish = nng_publish,
					    .close = nng_close_in,
					    .fd = nng_in_fd,
					    .is_url = true};

/* The acks first: whoever finds our socket finds those too. */
static int open_in_acks(struct nng_in *n, const char *url, const struct tl_hop_config *config)
{
	char ack_url[TL_HOP_URL_MAX];

	if (config->no_acks) {
		return 0;
	}
	int err = tl_hop_ack_url(ack_url, url, config);
	if (err == 0) {
		err = tl_nng_acks_listen(&n->acks, ack_url, &n->peers);
	}
	n->in.has_acks = err == 0;
	return err;
}

static int open_in_data(struct nng_in *n, const char *url)
{
	nng_socket socket;
	int err = nng_pull0_open(&socket);

	if (err != 0) {
		return tl_nng_explain("open a socket for", url, err);
	}
	nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, TL_WIRE_MAX_BATCH);
	err = tl_nng_ear_open(&n->data, socket, url, TL_NNG_PUSH, &n->peers);
	if (err == 0) {
		err = nng_socket_get_int(socket, NNG_OPT_RECVFD, &n->fd);
	}
	if (err != 0) {
		nng_close(socket);
		return tl_nng_explain("listen at", url, err);
	}
	return 0;
}

int tl_hop_nng_open_in(struct tl_hop_in **out, const char *url, const struct tl_hop_config *config)
{
	struct nng_in *n = calloc(1, sizeof(*n));
	if (!n) {
		return -ENOMEM;
	}
	n->in.ops = &in_ops;
	int err = tl_nng_peers_init(&n->peers, config->allow_uid);
	if (err == 0) {
		err = open_in_acks(n, url, config);
	}
	if (err == 0) {
		err = open_in_data(n, url);
		if (err < 0 && n->in.has_acks) {
			tl_nng_ear_close(&n->acks);
		}
	}
	if (err < 0) {
		free(n);
		return err;
	}
	*out = &n->in;
	return 0;
}
