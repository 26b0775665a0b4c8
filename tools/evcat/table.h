/* SPDX-License-Identifier: BSD-2-Clause */
/* The text form: one aligned line an event. Appends; 0 or -ENOMEM. Nothing logs. */
#ifndef EVCAT_TABLE_H
#define EVCAT_TABLE_H

#include "event.h"
#include "text.h"

int table_header(struct tl_textbuf *out);
int table_row(struct tl_textbuf *out, const struct tl_batch_head *head,
	      const struct tl_event *event);

/* "10.0.0.1:80", "[2001:db8::1]:53"; without port where the protocol has none. */
int table_add_endpoint(struct tl_textbuf *out, const struct tl_flow_key *key, bool dst);

/* "tcp", or the number. */
int table_add_proto(struct tl_textbuf *out, uint8_t proto);

/* "source/iface", made safe; of a path the file name, of one over `width` bytes its end. */
int table_add_origin(struct tl_textbuf *out, struct tl_str source, struct tl_str iface,
		     uint32_t width);

#endif
