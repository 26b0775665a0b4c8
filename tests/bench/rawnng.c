/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawnng: the peer of bench-pipeline. Messages over nng pipelines with nothing
 * in them: what the hops cost without Tapline.
 *   rawnng send URL COUNT BYTES     dials, sends
 *   rawnng pass URL-IN URL-OUT COUNT
 *   rawnng take URL COUNT           listens, receives
 */
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(int err, const char *what)
{
	if (err != 0) {
		fprintf(stderr, "rawnng: %s: %s\n", what, nng_strerror(err));
		exit(1);
	}
}

static nng_socket dial(const char *url)
{
	nng_socket socket;

	check(nng_push0_open(&socket), "open");
	nng_socket_set_int(socket, NNG_OPT_SENDBUF, 0);
	nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 10);
	check(nng_dial(socket, url, 0, NNG_FLAG_NONBLOCK), url);
	return socket;
}

static nng_socket listen_at(const char *url)
{
	nng_socket socket;

	check(nng_pull0_open(&socket), "open");
	nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 4 << 20);
	check(nng_listen(socket, url, 0, 0), url);
	return socket;
}

/* An accepted message is still on its way; the taker counts, so an empty one more does no harm. */
static void close_sender(nng_socket socket)
{
	nng_msg *empty;

	check(nng_msg_alloc(&empty, 0), "alloc");
	nng_sendmsg(socket, empty, 0);
	usleep(100000);
	nng_close(socket);
}

static void send_all(const char *url, unsigned long count, size_t bytes)
{
	nng_socket socket = dial(url);

	for (unsigned long i = 0; i < count; i++) {
		nng_msg *msg;
		check(nng_msg_alloc(&msg, bytes), "alloc");
		memset(nng_msg_body(msg), (int)i, bytes);
		check(nng_sendmsg(socket, msg, 0), "send");
	}
	close_sender(socket);
}

static void pass_all(const char *in_url, const char *out_url, unsigned long count)
{
	nng_socket in = listen_at(in_url);
	nng_socket out = dial(out_url);

	for (unsigned long i = 0; i < count; i++) {
		nng_msg *msg;
		check(nng_recvmsg(in, &msg, 0), "receive");
		check(nng_sendmsg(out, msg, 0), "send");
	}
	close_sender(out);
	nng_close(in);
}

static void take_all(const char *url, unsigned long count)
{
	nng_socket socket = listen_at(url);

	for (unsigned long i = 0; i < count; i++) {
		nng_msg *msg;
		check(nng_recvmsg(socket, &msg, 0), "receive");
		nng_msg_free(msg);
	}
	nng_close(socket);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "send") == 0) {
		send_all(argv[2], strtoul(argv[3], 0, 10), strtoul(argv[4], 0, 10));
	} else if (argc == 5 && strcmp(argv[1], "pass") == 0) {
		pass_all(argv[2], argv[3], strtoul(argv[4], 0, 10));
	} else if (argc == 4 && strcmp(argv[1], "take") == 0) {
		take_all(argv[2], strtoul(argv[3], 0, 10));
	} else {
		fprintf(stderr, "usage: rawnng send URL COUNT BYTES | pass URL URL COUNT | "
				"take URL COUNT\n");
		return 2;
	}
	return 0;
}
