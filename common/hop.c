/* SPDX-License-Identifier: BSD-2-Clause */
#include "hop.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "hop_private.h"
#include "log.h"
#include "service.h"

#define STOP_MAX_NS (4 * TL_SECOND_NS)

bool tl_hop_is_url(const char *place)
{
	return strstr(place, "://") != 0;
}

static bool is_loopback(const char *url)
{
	static const char *const hosts[] = {"tcp://127.", "tcp://localhost:", "tcp://[::1]:"};

	for (unsigned int i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strncmp(url, hosts[i], strlen(hosts[i])) == 0) {
			return true;
		}
	}
	return false;
}

static int check_url(const char *url, const struct tl_hop_config *config)
{
	if (strncmp(url, "ipc://", 6) == 0) {
		return 0;
	}
	if (strncmp(url, "tcp://", 6) != 0) {
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

int tl_hop_open_in(struct tl_hop_in **out, const char *place, const struct tl_hop_config *config)
{
	if (!tl_hop_is_url(place)) {
		return tl_hop_file_open_in(out, place);
	}
	int err = check_url(place, config);
	return err < 0 ? err : tl_hop_nng_open_in(out, place);
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

struct tl_hop_counts tl_hop_in_counts(const struct tl_hop_in *in)
{
	return in->counts;
}

bool tl_hop_in_is_url(const struct tl_hop_in *in)
{
	return in->ops->is_url;
}

int tl_hop_open_out(struct tl_hop_out **out, const char *place, const struct tl_hop_config *config)
{
	if (!tl_hop_is_url(place)) {
		return tl_hop_file_open_out(out, place);
	}
	int err = check_url(place, config);
	return err < 0 ? err : tl_hop_nng_open_out(out, place);
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

void tl_hop_drain(struct tl_hop_out *out, uint64_t timeout_ns)
{
	if (out->ops->drain) {
		out->ops->drain(out, timeout_ns);
	}
}

bool tl_hop_refuse_terminal(const char *place)
{
	if (strcmp(place, "-") != 0 || !isatty(STDOUT_FILENO)) {
		return false;
	}
	tl_log_err(
		"stdout is a terminal and events are binary; pipe into evcat, or -o FILE or URL");
	return true;
}
