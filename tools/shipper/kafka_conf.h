/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration of a producer: defaults, the options file, TLS, and last
 * what the promise needs (idempotence, acks=all, the time-out).
 */
#ifndef SHIPPER_KAFKA_CONF_H
#define SHIPPER_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "peerlist.h"
#include "sink.h"

/*
 * Reads the files as they are now; the caller's to destroy. *message_max is
 * message.max.bytes. 0; -EINVAL or another -errno after one logged line, also
 * for plain text off loopback without `insecure`.
 */
int kafka_conf_make(rd_kafka_conf_t **out, size_t *message_max, const struct sink_config *config,
		    const struct peerlist *peers);

#endif
