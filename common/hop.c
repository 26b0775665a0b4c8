/* SPDX-License-Identifier: BSD-2-Clause */
#include "hop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "hop_private.h"
#include "log.h"
#include "service.h"

#define STOP_MAX_NS   (4 * TL_SECOND_NS)
#define STOP_SLICE_NS (50 * TL_MS_NS)

bool tl_hop_is_url(const char *place)
{
	return strstr(place, "://") != 0;
}

/* By address, not by text: tcp://127.example.org is somewhere else. */
static bool is_loopback(const char *url)
{
	const char *start = url + strlen("tcp://");
	const char *colon = strrchr(start, ':');
	size_t len = colon ? (size_t)(colon - start) : strlen(start);
	char host[64];
	struct in_addr v4;
	struct in6_addr v6;

	if (len >= 2 && start[0] == '[' && start[len - 1] == ']') {
		start++;
		len -= 2;
	}
	if (len >= sizeof(host)) {
		return false;
	}
	memcpy(host, start, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, &v4) == 1) {
		return ntohl(v4.s_addr) >> 24 == 127;
	}
	return strcmp(host, "localhost") == 0 ||
	       (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

static bool is_tcp(const char *url)
{
	return strncmp(url, "tcp://", 6) == 0;
}

/* The port after: acks of tcp://HOST:4000 are at tcp://HOST:4001. */
static int next_port(char *ack_url, const char *url)
{
	const char *colon = strrchr(url, ':');
	char *end = 0;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

	if (port == 0 || port >= 65535 || *end != '\0') {
		tl_log_err("%s: wants a port from 1 to 65534", url);
		return -EINVAL;
	}
	snprintf(ack_url, TL_HOP_URL_MAX, "%.*s:%lu", (int)(colon - url), url, port + 1);
	return 0;
}

int tl_hop_ack_url(char ack_url[TL_HOP_URL_MAX], const char *url,
		   const struct tl_hop_config *config)
{
	const char *given = config->ack_url;

	if (strlen(given ? given : url) + sizeof(".ack") + 1 > TL_HOP_URL_MAX) {
		tl_log_err("%s: too long", given ? given : url);
		return -EINVAL;
	}
	if (!given && is_tcp(url)) {
		return next_port(ack_url, url);
	}
	snprintf(ack_url, TL_HOP_URL_MAX, "%s%s", given ? given : url, given ? "" : ".ack");
	return 0;
}

static int check_url(const char *url, const struct tl_hop_config *config)
{
	if (strncmp(url, "ipc://", 6) == 0) {
		return 0;
	}
	const char *colon = strrchr(url, ':');
	if (!is_tcp(url) || colon[1] < '0' || colon[1] > '9') {
		tl_log_err("%s: bad place: wants ipc://PATH, tcp://HOST:PORT, a file or -", url);
		return -EINVAL;
	}
	if (!is_loopback(url) && !config->insecure) {
		tl_log_err("%s: tcp has no authentication; use a loopback address or --insecure",
			   url);
		return -EINVAL;
	}
	return 0;
}

static int check_urls(const char *url, const struct tl_hop_config *config)
{
	int err = check_url(url, config);

	return err == 0 && config->ack_url ? check_url(config->ack_url, config) : err;
}

int tl_hop_open_in(struct tl_hop_in **out, const char *place, const struct tl_hop_config *config)
{
	if (!tl_hop_is_url(place)) {
		return tl_hop_file_open_in(out, place);
	}
	int err = check_urls(place, config);
	return err < 0 ? err : tl_hop_nng_open_in(out, place, config);
}

void tl_hop_close_in(struct tl_hop_in *in)
{
	if (in) {
		in->ops->close(in);
	}
}

int tl_hop_recv(struct tl_hop_in *in, struct tl_msg **msg, uint64_t timeout_ns)
{
	/* A producer that never pauses does not keep its consumer from stopping. */
	if (tl_hop_stop_waiting(UINT64_MAX, UINT64_MAX)) {
		return -EINTR;
	}
	int got = in->ops->recv(in, msg, timeout_ns);
	if (got > 0) {
		in->last_input_ns = tl_clock_mono_ns();
		in->counts.messages++;
		in->counts.bytes += (*msg)->len;
	}
	return got;
}

bool tl_hop_stop_waiting(uint64_t last_input_ns, uint64_t silence_ns)
{
	uint64_t stop_ns = tl_service_stop_ns();
	uint64_t now = tl_clock_mono_ns();
	uint64_t since = last_input_ns > stop_ns ? last_input_ns : stop_ns;

	return stop_ns != 0 &&
	       (now - stop_ns >= STOP_MAX_NS || (now >= since && now - since >= silence_ns));
}

/* While stopping the signal's descriptor stays readable: only the input is waited for. */
static int poll_once(int fd, uint64_t timeout_ns)
{
	bool stopping = tl_service_stopping();
	struct pollfd fds[] = {
		{.fd = fd, .events = POLLIN},
		{.fd = stopping ? -1 : tl_service_fd(), .events = POLLIN},
	};

	if (stopping && timeout_ns > STOP_SLICE_NS) {
		timeout_ns = STOP_SLICE_NS;
	}
	struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / TL_SECOND_NS),
		.tv_nsec = (long)(timeout_ns % TL_SECOND_NS),
	};
	int ready = ppoll(fds, 2, timeout_ns == UINT64_MAX ? 0 : &ts, 0);
	if (ready < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	return ready > 0 && fds[0].revents ? 1 : 0;
}

int tl_hop_wait_readable(int fd, uint64_t last_input_ns, uint64_t silence_ns, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now = tl_clock_mono_ns();
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		int ready = poll_once(fd, deadline_ns == UINT64_MAX ? UINT64_MAX : left);
		if (ready != 0) {
			return ready;
		}
		if (tl_hop_stop_waiting(last_input_ns, silence_ns)) {
			return -EINTR;
		}
		if (!tl_service_stopping() || tl_clock_mono_ns() >= deadline_ns) {
			tl_service_clear();
			return -ETIMEDOUT;
		}
	}
}

struct tl_hop_counts tl_hop_in_counts(const struct tl_hop_in *in)
{
	return in->counts;
}

int tl_hop_in_fd(const struct tl_hop_in *in)
{
	return in->ops->fd(in);
}

bool tl_hop_in_is_url(const struct tl_hop_in *in)
{
	return in->ops->is_url;
}

void tl_hop_publish(struct tl_hop_in *in, const struct tl_ack *acks, size_t count)
{
	for (size_t done = 0; in->has_acks && done < count; done += TL_ACK_MAX) {
		size_t left = count - done;
		in->ops->publish(in, acks + done, left < TL_ACK_MAX ? left : TL_ACK_MAX);
	}
}

bool tl_hop_in_has_acks(const struct tl_hop_in *in)
{
	return in->has_acks;
}

bool tl_hop_out_has_acks(const struct tl_hop_out *out)
{
	return out->has_acks;
}

int tl_hop_recv_acks(struct tl_hop_out *out, struct tl_ack *acks, size_t max)
{
	return out->has_acks ? out->ops->recv_acks(out, acks, max) : -EOPNOTSUPP;
}

void tl_hop_end_acks(struct tl_hop_out *out)
{
	if (out->has_acks) {
		out->ops->end_acks(out);
	}
}

struct tl_hop_link tl_hop_link(struct tl_hop_out *out)
{
	return out->ops->link ? out->ops->link(out) : (struct tl_hop_link){.up_since_ns = 1};
}

int tl_hop_sync(struct tl_hop_out *out)
{
	return out->ops->sync ? out->ops->sync(out) : 0;
}

int tl_hop_open_out(struct tl_hop_out **out, const char *place, const struct tl_hop_config *config)
{
	if (!tl_hop_is_url(place)) {
		return tl_hop_file_open_out(out, place);
	}
	int err = check_urls(place, config);
	return err < 0 ? err : tl_hop_nng_open_out(out, place, config);
}

void tl_hop_close_out(struct tl_hop_out *out)
{
	if (out) {
		out->ops->close(out);
	}
}

int tl_hop_send(struct tl_hop_out *out, struct tl_msg *msg, uint64_t timeout_ns)
{
	return out->ops->send(out, msg, timeout_ns);
}

bool tl_hop_drain(struct tl_hop_out *out, uint64_t timeout_ns)
{
	return !out->ops->drain || out->ops->drain(out, timeout_ns);
}

static bool writes_stdout(const struct tl_opt_list *outputs)
{
	for (unsigned int i = 0; i < outputs->count; i++) {
		if (strcmp(outputs->items[i], "-") == 0) {
			return true;
		}
	}
	return outputs->count == 0;
}

bool tl_hop_refuse_terminal(const struct tl_opt_list *outputs)
{
	if (!writes_stdout(outputs) || !isatty(STDOUT_FILENO)) {
		return false;
	}
	tl_log_err(
		"stdout is a terminal and events are binary; pipe into evcat, or -o FILE or URL");
	return true;
}

/* What is there and is a file of that name; "-" is `standard`. */
static bool look_at_file(const char *place, int standard, struct stat *st)
{
	int err = !place		    ? -1
		  : strcmp(place, "-") == 0 ? fstat(standard, st)
		  : tl_hop_is_url(place)    ? -1
					    : stat(place, st);

	return err == 0 && S_ISREG(st->st_mode);
}

bool tl_hop_refuse_same(const struct tl_opt_list *inputs, const struct tl_opt_list *outputs)
{
	struct stat in;
	struct stat out;

	for (unsigned int i = 0; i < inputs->count; i++) {
		for (unsigned int o = 0; o < outputs->count; o++) {
			if (look_at_file(inputs->items[i], STDIN_FILENO, &in) &&
			    look_at_file(outputs->items[o], STDOUT_FILENO, &out) &&
			    in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
				tl_log_err("'%s' is both input and output", inputs->items[i]);
				return true;
			}
		}
	}
	return false;
}
