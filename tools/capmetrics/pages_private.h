/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the pages share: for pages_table. */
#ifndef CAPMETRICS_PAGES_PRIVATE_H
#define CAPMETRICS_PAGES_PRIVATE_H

#include "pages.h"

int pages_write_flows(void *context, const struct web_request *request, struct web_answer *answer);
int pages_write_recent(void *context, const struct web_request *request, struct web_answer *answer);
int pages_write_events(void *context, const struct web_request *request, struct web_answer *answer);

#endif
