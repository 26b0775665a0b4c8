/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#ifdef TL_HAVE_KAFKA
#include "kafka_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

/* What makes a delivery report mean that the batch is safe, and in order. */
static const char *const ours[] = {
	"acks",
	"request.required.acks",
	"enable.idempotence",
	"max.in.flight",
	"max.in.flight.requests.per.connection",
	"retries",
	"message.send.max.retries",
	"transactional.id",
	"enable.gapless.guarantee",
	"message.timeout.ms",
	"delivery.timeout.ms",
	"bootstrap.servers",
	"metadata.broker.list",
};

static bool is_ours(const char *key)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(key, ours[i]) == 0) {
			return true;
		}
	}
	return false;
}

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1])) {
		text[--len] = '\0';
	}
	return text;
}

static int refuse(const char *path, unsigned int number, const char *key, const char *why)
{
	tl_log_err("%s: line %u: %.100s: %s", path, number, key, why);
	return -EINVAL;
}

static int set(rd_kafka_conf_t *conf, const char *path, unsigned int number, char *line)
{
	char why[256];
	char *equals = strchr(line, '=');

	if (!equals) {
		return refuse(path, number, "no key=value",
			      "a line is KEY=VALUE, or # and a comment");
	}
	*equals = '\0';
	char *key = trim(line);
	char *value = trim(equals + 1);
	if (is_ours(key)) {
		return refuse(path, number, key, "is set by shipper, acknowledgement hangs on it");
	}
	switch (rd_kafka_conf_set(conf, key, value, why, sizeof(why))) {
	case RD_KAFKA_CONF_OK:
		return 0;
	case RD_KAFKA_CONF_UNKNOWN:
		return refuse(path, number, key, "no property of librdkafka");
	default:
		return refuse(path, number, key, "not a value for it");
	}
}

static int read_lines(rd_kafka_conf_t *conf, const char *path, FILE *file)
{
	char line[KAFKA_OPTIONS_LINE];
	int err = 0;

	for (unsigned int number = 1; err == 0 && fgets(line, sizeof(line), file); number++) {
		if (number > KAFKA_OPTIONS_LINES || (!strchr(line, '\n') && !feof(file))) {
			err = refuse(path, number, "too much", "at most 1000 lines of 8191 bytes");
			break;
		}
		char *text = trim(line);
		if (*text && *text != '#') {
			err = set(conf, path, number, text);
		}
	}
	explicit_bzero(line, sizeof(line));
	return err;
}

int kafka_options_read(rd_kafka_conf_t *conf, const char *path)
{
	FILE *file = fopen(path, "re");
	if (!file) {
		int err = -errno;
		tl_log_err("%s: %s", path, strerror(errno));
		return err;
	}
	int err = read_lines(conf, path, file);
	if (err == 0 && ferror(file)) {
		tl_log_err("%s: %s", path, strerror(EIO));
		err = -EIO;
	}
	fclose(file);
	return err;
}

#endif
