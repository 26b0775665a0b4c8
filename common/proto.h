/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IP protocol numbers and their keywords, lower case, from IANA's registry
 * "Assigned Internet Protocol Numbers", blanks as hyphens. A table of our own: /etc/protocols
 * differs between machines, and the same event must read the same everywhere.
 */
#ifndef TL_PROTO_H
#define TL_PROTO_H

#include "msgpack.h"

/* "tcp", "ipv6-icmp", ...; 0 where there is no keyword. */
const char *tl_proto_name(uint64_t number);

/* The number of a keyword; -ENOENT. */
int tl_proto_number(struct tl_str name);

#endif
