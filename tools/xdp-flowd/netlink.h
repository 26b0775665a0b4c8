/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The little of netlink that facts about an interface need: one request, its
 * answers by callback, attributes through a bounded cursor. What comes back
 * is read as hostile: a short or overlong message or attribute ends the walk,
 * a short value leaves its target alone. Nothing logs.
 */
#ifndef XDP_FLOWD_NETLINK_H
#define XDP_FLOWD_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NETLINK_REQUEST_MAX = 256,	/* bytes of a request, header included */
	NETLINK_ANSWER_MAX = 32 * 1024, /* bytes one receive may bring; the kernel's own limit */
	NETLINK_TIMEOUT_S = 5,
};

struct netlink_request {
	struct nlmsghdr head;
	uint8_t body[NETLINK_REQUEST_MAX - sizeof(struct nlmsghdr)];
};

/* Bytes not yet read. */
struct netlink_span {
	const uint8_t *at;
	size_t len;
};

struct netlink_attr {
	uint16_t type; /* without the flag bits */
	struct netlink_span value;
};

/* Called for each message of an answer; `body` follows the netlink header. */
struct netlink_reader {
	void (*each)(void *ctx, uint16_t type, struct netlink_span body);
	void *ctx;
};

/* A socket of `protocol` (NETLINK_ROUTE, NETLINK_GENERIC) that the caller closes; or -errno. */
int netlink_open(int protocol);

/* Begins a request with the fixed header `header`; `flags` beside REQUEST and ACK. */
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags,
		   const void *header, size_t len);

/* Appends an attribute; one for which there is no room is left out. */
void netlink_put(struct netlink_request *request, uint16_t type, const void *value, size_t len);

/*
 * Sends it and reads to the end of the answer. 0; the kernel's -errno; -EINTR
 * when what a dump tells changed meanwhile (ask again, from nothing); -EBADMSG
 * or -EMSGSIZE for an answer that is none; -EAGAIN when none comes.
 */
int netlink_ask(int fd, struct netlink_request *request, const struct netlink_reader *reader);

/* Takes `len` bytes off the front of `span` into `value`, padded to 4; false when it is shorter. */
bool netlink_take(struct netlink_span *span, void *value, size_t len);

/* The next attribute; false at the end and at one that is malformed. */
bool netlink_next(struct netlink_span *rest, struct netlink_attr *attr);

/* Copies the value; false, and `value` untouched, when the attribute is shorter. */
bool netlink_get(const struct netlink_attr *attr, void *value, size_t len);

/* As a string, cut to size - 1 bytes and always ended. */
void netlink_get_text(const struct netlink_attr *attr, char *text, size_t size);

#endif
