/* SPDX-License-Identifier: BSD-2-Clause */
/* Which sinks this build has, and what they are called in a spool. */
#ifndef SHIPPER_SINKS_H
#define SHIPPER_SINKS_H

#include "sink.h"

/*
 * An optional sink is there when its library's header is; tool.mk links by the
 * same rule.
 */
#if __has_include(<nats/nats.h>) && !defined(TL_WITHOUT_NATS)
#define TL_HAVE_NATS 1
#endif
#if __has_include(<librdkafka/rdkafka.h>) && !defined(TL_WITHOUT_KAFKA)
#define TL_HAVE_KAFKA 1
#endif

/* The sink for a URL; 0 after one logged line that names what there is. */
const struct sink_ops *sinks_find(const char *url);

enum { SINK_NAME_LEN = 64 }; /* with its NUL; as long as a name in the spool may be */

/*
 * A name fit for a folder that stays the same as long as the URL does: its
 * readable part and a hash. Without a query, which may hold what others are not to see.
 */
void sinks_name(char name[SINK_NAME_LEN], const char *url);

#endif
