/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * librdkafka's mock cluster as a process of its own, since Debian has no Kafka
 * broker: what kafka.bats has in the place of one. It speaks the protocol to
 * the client that is tested, but stores nothing on disk, replicates nothing
 * and removes no duplicates; those stay untested here.
 *
 *   kafkamock TOPIC PARTITIONS COMMANDS BODIES
 *
 * prints "bootstrap HOST:PORT,..." and then a line for each message of the
 * topic, "message PARTITION OFFSET KEY ID LENGTH" (key in hex, id the header
 * tl-id), after it has appended its body to the file BODIES. COMMANDS is a fifo
 * that takes lines, each answered by the same line on stdout:
 *
 *   fail API COUNT CODE     the next so many requests of that kind fail so
 *   refuse CODE             metadata says that of the topic; 0 ends it
 *   down BROKER, up BROKER  numbers from 1
 */
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BROKERS = 3, FAIL_MAX = 100 };

struct mock {
	const char *topic;
	int partitions;
	rd_kafka_t *host;
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *consumer;
	FILE *bodies;
	int commands;
};

static void die(const char *what)
{
	fprintf(stderr, "kafkamock: %s\n", what);
	exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
		die(why);
	}
}

static rd_kafka_conf_t *configure(const char *bootstrap)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (bootstrap) {
		set(conf, "bootstrap.servers", bootstrap);
		set(conf, "group.id", "kafkamock");
		set(conf, "fetch.wait.max.ms", "20");
		set(conf, "reconnect.backoff.max.ms", "100");
	}
	return conf;
}

static rd_kafka_t *make(rd_kafka_type_t type, const char *bootstrap)
{
	char why[256];
	rd_kafka_t *rk = rd_kafka_new(type, configure(bootstrap), why, sizeof(why));

	if (!rk) {
		die(why);
	}
	return rk;
}

static void start(struct mock *m)
{
	m->host = make(RD_KAFKA_PRODUCER, 0);
	m->cluster = rd_kafka_mock_cluster_new(m->host, BROKERS);
	if (!m->cluster ||
	    rd_kafka_mock_topic_create(m->cluster, m->topic, m->partitions, BROKERS)) {
		die("no mock cluster");
	}
	m->consumer = make(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(m->cluster));
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(m->partitions);
	for (int i = 0; i < m->partitions; i++) {
		rd_kafka_topic_partition_list_add(all, m->topic, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	}
	if (rd_kafka_assign(m->consumer, all)) {
		die("assign");
	}
	rd_kafka_topic_partition_list_destroy(all);
}

static void show(struct mock *m, const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers = 0;
	const void *id = "-";
	size_t id_len = 1;

	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		rd_kafka_header_get_last(headers, "tl-id", &id, &id_len);
	}
	if (fwrite(message->payload, 1, message->len, m->bodies) != message->len ||
	    fflush(m->bodies) != 0) {
		die("writing bodies");
	}
	printf("message %d %lld ", (int)message->partition, (long long)message->offset);
	for (size_t i = 0; i < message->key_len; i++) {
		printf("%02x", ((const unsigned char *)message->key)[i]);
	}
	printf(" %.*s %zu\n", (int)id_len, (const char *)id, message->len);
}

static void consume(struct mock *m)
{
	rd_kafka_message_t *message = rd_kafka_consumer_poll(m->consumer, 10);

	if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		show(m, message);
	}
	if (message) {
		rd_kafka_message_destroy(message);
	}
}

static void fail(struct mock *m, int api, int count, int code)
{
	rd_kafka_resp_err_t errors[FAIL_MAX];

	for (int i = 0; i < count && i < FAIL_MAX; i++) {
		errors[i] = (rd_kafka_resp_err_t)code;
	}
	rd_kafka_mock_push_request_errors_array(
		m->cluster, (int16_t)api, (size_t)(count < FAIL_MAX ? count : FAIL_MAX), errors);
}

static void obey(struct mock *m, const char *line)
{
	int a;
	int b;
	int c;

	if (sscanf(line, "fail %d %d %d", &a, &b, &c) == 3) {
		fail(m, a, b, c);
	} else if (sscanf(line, "refuse %d", &a) == 1) {
		rd_kafka_mock_topic_set_error(m->cluster, m->topic, (rd_kafka_resp_err_t)a);
	} else if (sscanf(line, "down %d", &a) == 1) {
		rd_kafka_mock_broker_set_down(m->cluster, a);
	} else if (sscanf(line, "up %d", &a) == 1) {
		rd_kafka_mock_broker_set_up(m->cluster, a);
	} else {
		die(line);
	}
	printf("%s\n", line);
}

/* A line is one write of the test's, far below PIPE_BUF. */
static void take_commands(struct mock *m)
{
	char text[256];
	ssize_t len = read(m->commands, text, sizeof(text) - 1);

	if (len <= 0) {
		return;
	}
	text[len] = '\0';
	char *rest = 0;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(0, "\n", &rest)) {
		obey(m, line);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		die("usage: kafkamock TOPIC PARTITIONS COMMANDS BODIES");
	}
	struct mock m = {.topic = argv[1], .partitions = atoi(argv[2])};
	m.commands = open(argv[3], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	m.bodies = fopen(argv[4], "we");
	if (m.commands < 0 || !m.bodies) {
		die(strerror(errno));
	}
	setvbuf(stdout, 0, _IOLBF, 0);
	start(&m);
	printf("bootstrap %s\n", rd_kafka_mock_cluster_bootstraps(m.cluster));
	for (;;) { /* until it is killed */
		consume(&m);
		take_commands(&m);
	}
}
