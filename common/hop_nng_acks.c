/* SPDX-License-Identifier: BSD-2-Clause */
/* Acks travel against the data, by PUB and SUB: one that is lost is told again. */
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>

#include "hop_nng.h"

/* Sooner than the data: a peer whose acks are not heard is taken for one that has none. */
enum { RECONNECT_MAX_MS = 100 };

int tl_nng_acks_listen(struct tl_nng_ear *ear, const char *url, struct tl_nng_peers *peers)
{
	nng_socket socket;
	int err = nng_pub0_open(&socket);

	if (err != 0) {
		return tl_nng_explain("open a socket for", url, err);
	}
	/* A publisher reads nothing, but what a stranger sends is held in memory first. */
	nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, TL_ACK_LEN);
	err = tl_nng_ear_open(ear, socket, url, TL_NNG_SUB, peers);
	if (err != 0) {
		nng_close(socket);
		return tl_nng_explain("listen for acknowledgements at", url, err);
	}
	return 0;
}

void tl_nng_acks_publish(nng_socket socket, const struct tl_ack *acks, size_t count)
{
	nng_msg *msg;

	if (nng_msg_alloc(&msg, count * TL_ACK_LEN) != 0) {
		return;
	}
	uint8_t *at = nng_msg_body(msg);
	for (size_t i = 0; i < count; i++) {
		at = tl_ack_put(at, &acks[i]);
	}
	if (nng_sendmsg(socket, msg, NNG_FLAG_NONBLOCK) != 0) {
		nng_msg_free(msg);
	}
}

static void count_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	(void)pipe;
	atomic_fetch_add((atomic_int *)arg, event == NNG_PIPE_EV_ADD_PRE ? 1 : -1);
}

int tl_nng_acks_dial(struct tl_nng_caller *caller, const char *url, atomic_int *up)
{
	nng_socket socket;
	int err = nng_sub0_open(&socket);

	if (err != 0) {
		return tl_nng_explain("open a socket for", url, err);
	}
	nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
	nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, (size_t)TL_ACK_MAX * TL_ACK_LEN);
	nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, count_pipe, up);
	nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, count_pipe, up);
	err = tl_nng_caller_open(caller, socket, url, RECONNECT_MAX_MS);
	if (err != 0) {
		nng_close(socket);
		return tl_nng_explain("dial", url, err);
	}
	return 0;
}

int tl_nng_acks_recv(nng_socket socket, nng_aio *aio, struct tl_ack *acks, size_t max)
{
	nng_recv_aio(socket, aio);
	nng_aio_wait(aio);
	int err = nng_aio_result(aio);
	if (err != 0) {
		return err == NNG_ECLOSED || err == NNG_ECANCELED ? -ESHUTDOWN : tl_nng_error(err);
	}
	nng_msg *msg = nng_aio_get_msg(aio);
	size_t count = tl_ack_count(nng_msg_len(msg));
	const uint8_t *body = nng_msg_body(msg);
	for (size_t i = 0; i < count && i < max; i++) {
		tl_ack_get(body + i * TL_ACK_LEN, &acks[i]);
	}
	nng_msg_free(msg);
	return (int)(count < max ? count : max);
}
