/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of librdkafka's properties, a "key=value" a line; empty lines and
 * lines that begin with # are skipped. Properties that the promise of a
 * delivery hangs on cannot be set. Logs the first line that is wrong, without
 * its value, which may be a secret.
 */
#ifndef SHIPPER_KAFKA_OPTIONS_H
#define SHIPPER_KAFKA_OPTIONS_H

#include <librdkafka/rdkafka.h>

enum {
	KAFKA_OPTIONS_LINES = 1000,
	KAFKA_OPTIONS_LINE = 8192, /* a certificate as text fits, with \n for its newlines */
};

/* 0; -EINVAL after one logged line; other -errno, logged. */
int kafka_options_read(rd_kafka_conf_t *conf, const char *path);

#endif
