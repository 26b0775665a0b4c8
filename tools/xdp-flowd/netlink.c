/* SPDX-License-Identifier: BSD-2-Clause */
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Only a filter that the kernel refuses when it cannot apply it is worth having (4.20). */
static void be_strict(int fd)
{
	int on = 1;
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

int netlink_open(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0) {
		return -errno;
	}
	struct timeval timeout = {.tv_sec = NETLINK_TIMEOUT_S};
	struct sockaddr_nl self = {.nl_family = AF_NETLINK};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	be_strict(fd);
	return fd;
}

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags,
		   const void *header, size_t len)
{
	*request = (struct netlink_request){
		.head =
			{
				.nlmsg_type = type,
				.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
				.nlmsg_len = (uint32_t)(sizeof(request->head) + padded(len)),
				.nlmsg_seq = 1,
			},
	};
	memcpy(request->body, header, len);
}

void netlink_put(struct netlink_request *request, uint16_t type, const void *value, size_t len)
{
	struct nlattr attr = {.nla_type = type, .nla_len = (uint16_t)(sizeof(attr) + len)};
	size_t at = request->head.nlmsg_len - sizeof(request->head);
	size_t need = padded(sizeof(attr) + len);

	if (len > sizeof(request->body) || need > sizeof(request->body) - at) {
		return;
	}
	memcpy(request->body + at, &attr, sizeof(attr));
	memcpy(request->body + at + sizeof(attr), value, len);
	request->head.nlmsg_len += (uint32_t)need;
}

bool netlink_take(struct netlink_span *span, void *value, size_t len)
{
	if (span->len < len) {
		return false;
	}
	memcpy(value, span->at, len);
	size_t step = padded(len) < span->len ? padded(len) : span->len;
	span->at += step;
	span->len -= step;
	return true;
}

bool netlink_next(struct netlink_span *rest, struct netlink_attr *attr)
{
	struct nlattr head;

	if (rest->len < sizeof(head)) {
		return false;
	}
	memcpy(&head, rest->at, sizeof(head));
	if (head.nla_len < sizeof(head) || head.nla_len > rest->len) {
		return false;
	}
	*attr = (struct netlink_attr){
		.type = head.nla_type & NLA_TYPE_MASK,
		.value = {rest->at + sizeof(head), head.nla_len - sizeof(head)},
	};
	size_t step = padded(head.nla_len) < rest->len ? padded(head.nla_len) : rest->len;
	rest->at += step;
	rest->len -= step;
	return true;
}

bool netlink_get(const struct netlink_attr *attr, void *value, size_t len)
{
	if (attr->value.len < len) {
		return false;
	}
	memcpy(value, attr->value.at, len);
	return true;
}

void netlink_get_text(const struct netlink_attr *attr, char *text, size_t size)
{
	size_t len = attr->value.len < size - 1 ? attr->value.len : size - 1;

	memcpy(text, attr->value.at, len);
	text[len] = '\0';
}

/* Bytes of one message at `rest`; 0 when it is none. */
static size_t message_len(struct netlink_span rest, struct nlmsghdr *head)
{
	if (rest.len < sizeof(*head)) {
		return 0;
	}
	memcpy(head, rest.at, sizeof(*head));
	return head->nlmsg_len < sizeof(*head) || head->nlmsg_len > rest.len ? 0 : head->nlmsg_len;
}

/* 1 = more to come, 0 = the end, or -errno. */
static int read_message(const struct nlmsghdr *head, struct netlink_span body,
			const struct netlink_reader *reader)
{
	int32_t error = 0;

	if (head->nlmsg_flags & NLM_F_DUMP_INTR) {
		return -EINTR;
	}
	if (head->nlmsg_type == NLMSG_ERROR || head->nlmsg_type == NLMSG_DONE) {
		bool given = netlink_take(&body, &error, sizeof(error));
		return !given && head->nlmsg_type == NLMSG_ERROR ? -EBADMSG
		       : error > 0				 ? -EBADMSG
								 : error;
	}
	if (head->nlmsg_type >= NLMSG_MIN_TYPE) {
		reader->each(reader->ctx, head->nlmsg_type, body);
	}
	return 1;
}

static int read_messages(struct netlink_span rest, const struct netlink_reader *reader)
{
	int more = 1;

	while (more > 0 && rest.len > 0) {
		struct nlmsghdr head;
		size_t len = message_len(rest, &head);
		if (len == 0) {
			return -EBADMSG;
		}
		struct netlink_span body = {rest.at + sizeof(head), len - sizeof(head)};
		more = read_message(&head, body, reader);
		size_t step = padded(len) < rest.len ? padded(len) : rest.len;
		rest.at += step;
		rest.len -= step;
	}
	return more;
}

/* One datagram of the kernel's; what others send is not ours to read. */
static ssize_t receive(int fd, uint8_t *answer, size_t size)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = answer, .iov_len = size};
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	for (;;) {
		ssize_t n = recvmsg(fd, &message, 0);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		if (message.msg_flags & MSG_TRUNC) {
			return -EMSGSIZE;
		}
		if (from.nl_pid == 0) {
			return n;
		}
	}
}

int netlink_ask(int fd, struct netlink_request *request, const struct netlink_reader *reader)
{
	uint8_t answer[NETLINK_ANSWER_MAX];
	int more = 1;

	if (send(fd, request, request->head.nlmsg_len, 0) < 0) {
		return -errno;
	}
	while (more > 0) {
		ssize_t n = receive(fd, answer, sizeof(answer));
		if (n < 0) {
			return (int)n;
		}
		more = read_messages((struct netlink_span){answer, (size_t)n}, reader);
	}
	return more;
}
