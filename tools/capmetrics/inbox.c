/* SPDX-License-Identifier: BSD-2-Clause */
#include "inbox.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"

enum { REPORTS_A_STEP = 64 };

struct inbox {
	struct tl_hop_in *in;
	struct ledger *ledger;
	struct inbox_counts counts;
	struct tl_log_limit limit;
	struct tl_report report; /* the one at hand */
};

int inbox_open(struct inbox **out, const char *url, const struct tl_hop_config *hop,
	       struct ledger *ledger)
{
	struct inbox *box = calloc(1, sizeof(*box));

	if (!box) {
		return -ENOMEM;
	}
	box->ledger = ledger;
	if (!tl_hop_is_url(url)) {
		tl_log_err("--stats %s: not a URL: wants ipc://PATH or tcp://HOST:PORT", url);
		free(box);
		return -EINVAL;
	}
	int err = tl_hop_open_in(&box->in, url, hop);
	if (err < 0) {
		free(box);
		return err;
	}
	*out = box;
	return 0;
}

void inbox_close(struct inbox *box)
{
	if (box) {
		tl_hop_close_in(box->in);
		free(box);
	}
}

int inbox_fd(const struct inbox *box)
{
	return tl_hop_in_fd(box->in);
}

struct inbox_counts inbox_counts(const struct inbox *box)
{
	struct tl_hop_counts hop = tl_hop_in_counts(box->in);
	struct inbox_counts counts = box->counts;

	counts.skipped_bytes = hop.skipped_bytes;
	counts.refused_peers = hop.refused_peers;
	return counts;
}

void inbox_take(struct inbox *box, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
	const char *reason = "";
	uint64_t held_back;

	if (tl_report_read(bytes, len, &box->report, &reason) == 0) {
		box->counts.reports++;
		ledger_take(box->ledger, &box->report, now_ns);
		return;
	}
	box->counts.malformed++;
	if (tl_log_allowed(&box->limit, &held_back)) {
		tl_log_warn("a report of %zu bytes is malformed: %s (%llu more since)", len, reason,
			    (unsigned long long)held_back);
	}
}

int inbox_step(struct inbox *box, uint64_t now_ns)
{
	for (unsigned int i = 0; i < REPORTS_A_STEP; i++) {
		struct tl_msg *msg;
		int got = tl_hop_recv(box->in, &msg, 0);
		if (got <= 0) {
			return got == -ETIMEDOUT || got == -EINTR ? 0 : got;
		}
		inbox_take(box, msg->data, msg->len, now_ns);
		tl_msg_free(msg);
	}
	return 1;
}
