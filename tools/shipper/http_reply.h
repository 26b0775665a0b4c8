/* SPDX-License-Identifier: BSD-2-Clause */
/* What an HTTP answer means for a batch, and how it is told to people. Pure. */
#ifndef SHIPPER_HTTP_REPLY_H
#define SHIPPER_HTTP_REPLY_H

#include <stddef.h>

#include "sink.h"

/* nginx tells of a missing or bad client certificate by 400, which is no word on the batch. */
enum sink_verdict http_reply_verdict(long status, const char *body, size_t len);

/*
 * "HTTP 503: the first line of the body" (of a page its title), cut to size, without what could
 * change a terminal or a log: the body is a stranger's.
 */
void http_reply_reason(char reason[SINK_REASON_LEN], long status, const char *body, size_t len);

#endif
