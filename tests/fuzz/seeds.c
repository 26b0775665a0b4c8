/* SPDX-License-Identifier: BSD-2-Clause */
/* usage: seeds FOLDER: writes FOLDER/HARNESS/NAME, what each fuzz harness starts from. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "../../common/event.h"
#include "../../common/metrics.h"
#include "../golden/packets.h"
#include "../golden/pcapfile.h"
#include "../unit/feature_vectors.h"

static const char *folder;

static FILE *create(const char *harness, unsigned int n)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, harness);
	if (mkdir(path, 0777) < 0 && errno != EEXIST) {
		perror(path);
		exit(1);
	}
	snprintf(path, sizeof(path), "%s/%s/seed-%03u", folder, harness, n);
	FILE *file = fopen(path, "wb");
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

static void put(const char *harness, unsigned int n, const void *bytes, size_t len)
{
	FILE *file = create(harness, n);

	fwrite(bytes, 1, len, file);
	if (fclose(file) != 0) {
		perror(harness);
		exit(1);
	}
}

static void parse_seeds(void)
{
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		FILE *file = create("fuzz_parse", i);
		fwrite("\0\0", 1, 2, file);
		fwrite(frame.packet.bytes, 1, frame.len, file);
		fclose(file);
	}
}

static void pcap_file(FILE *file, bool ng, uint32_t link_type, unsigned int from)
{
	struct pcapfile to = {file, ng};

	pcapfile_begin(&to, link_type);
	for (unsigned int i = from; i < from + 6 && i < golden_row_count; i++) {
		struct golden_frame frame;
		golden_build(&golden_rows[i], &frame);
		pcapfile_add(&to, 1700000000ull * 1000000000 + i, frame.packet.bytes,
			     frame.len < 200 ? frame.len : 200, frame.wire_len);
	}
	fclose(file);
}

static void compressed_seeds(void)
{
	char plain[65536];
	char packed[65536];
	FILE *memory = fmemopen(plain, sizeof(plain), "wb");

	setvbuf(memory, 0, _IONBF, 0);
	struct pcapfile to = {memory, false};
	pcapfile_begin(&to, PCAPFILE_ETHERNET);
	size_t len = (size_t)ftell(memory);
	fclose(memory);
	put("fuzz_pcap", 900, packed, ZSTD_compress(packed, sizeof(packed), plain, len, 3));
	z_stream z = {.next_in = (uint8_t *)plain,
		      .avail_in = (unsigned int)len,
		      .next_out = (uint8_t *)packed,
		      .avail_out = sizeof(packed)};
	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	deflate(&z, Z_FINISH);
	put("fuzz_pcap", 901, packed, z.total_out);
	deflateEnd(&z);
}

static void pcap_seeds(void)
{
	static const uint32_t types[] = {PCAPFILE_ETHERNET, PCAPFILE_RAW, PCAPFILE_NULL,
					 PCAPFILE_LOOP,	    PCAPFILE_SLL, PCAPFILE_SLL2};
	unsigned int n = 0;

	for (unsigned int from = 0; from < golden_row_count; from += 6) {
		pcap_file(create("fuzz_pcap", n), n % 2, PCAPFILE_ETHERNET, from);
		n++;
	}
	for (unsigned int i = 0; i < 12; i++) {
		pcap_file(create("fuzz_pcap", n++), i % 2, types[i / 2], 0);
	}
	compressed_seeds();
}

static uint32_t put_flow(uint8_t *p, unsigned int n, unsigned int *shape)
{
	struct tl_flow flow = {
		.packets = n,
		.start_ns = 1700000000ull * 1000000000,
		.end_ns = 1700000001ull * 1000000000,
		.key.proto = n % 2 ? 6 : 58,
	};
	if (n % 3) {
		memset(flow.key.src + 10, 0xff, 2);
		memset(flow.key.dst + 10, 0xff, 2);
	}
	enum tl_flow_kind kind = (enum tl_flow_kind)(n % 3);
	return tl_flow_event_encode(p, &flow, kind, kind == TL_FLOW_END ? TL_END_FIN : TL_END_NONE,
				    flow.end_ns, shape);
}

static uint32_t put_stats(uint8_t *p, unsigned int *shape)
{
	struct tl_capture_stats stats = {.engine = TL_STR("e"), .mode = TL_STR("m")};

	*shape = TL_SHAPE_STATS;
	return tl_stats_event_encode(p, &stats, 5);
}

static uint32_t put_open(uint8_t *p, unsigned int *shape)
{
	uint8_t *at = tl_mp_put_uint(tl_mp_put_array(p, 5), 0);

	at = tl_mp_put_map(tl_mp_put_str(tl_mp_put_time(at, 5), TL_STR("flow_end")), 2);
	at = tl_mp_put_uint(tl_mp_put_str(at, TL_STR("packets")), 5);
	at = tl_mp_put_array(tl_mp_put_str(at, TL_STR("list")), 2);
	at = tl_mp_put_f64(tl_mp_put_bool(at, true), 1.5);
	at = tl_mp_put_array(tl_mp_put_array(at, 1), 2);
	at = tl_mp_put_str(tl_mp_put_str(at, TL_STR("packets")), TL_STR("list"));
	*shape = 0;
	return (uint32_t)(at - p);
}

/* The batch twice, as it is and compressed. */
static void body_seed(unsigned int n, const struct tl_msg *msg)
{
	static uint8_t plain[65536];
	static uint8_t packed[65536];

	if (2 * msg->len >= sizeof(plain)) {
		return;
	}
	plain[0] = 0;
	memcpy(plain + 1, msg->data, msg->len);
	memcpy(plain + 1 + msg->len, msg->data, msg->len);
	put("fuzz_receiver_body", n, plain, 1 + 2 * msg->len);
	packed[0] = 1;
	size_t len = ZSTD_compress(packed + 1, sizeof(packed) - 1, plain + 1, 2 * msg->len, 3);
	put("fuzz_receiver_body", 500 + n, packed, 1 + len);
}

static void receiver_file_seeds(void)
{
	static const char tokens[] = "\0# who\nalice a-token\n\nbob another\r\n";
	uint8_t checkpoint[1 + 8 + 64 + 8 + 28 + 32 + 8] = {1};
	uint8_t *p = checkpoint + 1;

	put("fuzz_receiver_files", 0, tokens, sizeof(tokens) - 1);
	memcpy(p, "TLRECV1\n", 8);
	p = tl_mp_put_be64(p + 8 + 64, 1) + 16;
	p = tl_mp_put_be32(tl_mp_put_be32(tl_mp_put_be32(p, 1), 1), 0);
	p = tl_mp_put_be64(tl_mp_put_be64(p, 5), 9);
	tl_mp_put_be64(tl_mp_put_be64(p, 2), 5);
	put("fuzz_receiver_files", 1, checkpoint, sizeof(checkpoint));
}

static void wire_seed(unsigned int n)
{
	struct tl_batch_head head = {
		.end = n % 2, .source = TL_STR("s"), .host = TL_STR("h"), .iface = TL_STR("i")};
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, tl_event_shapes());
	for (unsigned int i = 0; i < n % 5; i++) {
		unsigned int shape;
		uint8_t *p = tl_batch_reserve(&w, TL_STATS_EVENT_MAX);
		uint32_t len = n < 12	? put_flow(p, n + i, &shape)
			       : n < 14 ? put_stats(p, &shape)
					: put_open(p, &shape);
		tl_batch_commit(&w, shape, len);
	}
	if (tl_batch_finish(&w, &head, &msg) == 0) {
		put("fuzz_wire", n, msg->data, msg->len);
		body_seed(n, msg);
		tl_msg_free(msg);
	}
}

static void opt_seeds(void)
{
	static const char lines[][64] = {
		"-f\0--text\0hello\0-n\0"
		"7\0rest",
		"--duration\0"
		"100ms\0--size=64M\0--factor\0"
		"2.5",
		"-c\0blue\0-la\0-lb\0--list=c\0--\0-x",
		"--help",
		"--version",
		"5s",
		"10us",
		"256K",
		"18446744073709551615",
		"-vvq",
	};
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t len = sizeof(lines[i]);
		while (len > 0 && lines[i][len - 1] == '\0') {
			len--;
		}
		put("fuzz_opt", i, lines[i], len);
	}
}

static void json_seeds(void)
{
	static const char *const lines[] = {
		"{\"type\":\"flow_end\",\"timestamp\":\"2026-11-23T14:18:15.123456789Z\","
		"\"entities\":{\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"2001:db8::1\",\"src_port\":1,"
		"\"proto\":\"tcp\",\"packets\":18446744073709551615,\"start\":"
		"\"2026-11-23T14:18:15Z\",\"end_reason\":\"fin\"},"
		"\"edges\":[\"10.0.0.1 -> 2001:db8::1\"],\"source\":\"s\",\"host\":\"h\","
		"\"iface\":\"eth0\",\"stream\":\"00\",\"number\":5}",
		"{\"type\":\"x\",\"timestamp\":\"1970-01-01T00:00:00Z\",\"entities\":{\"a\":null,"
		"\"b\":[1,-2,3.5e10,true,\"\\u00e9\\ud83d\\ude00\"],\"c\":{\"d\":{\"e\":[]}}}}",
		"{\"type\":\"packet\",\"timestamp\":\"2026-11-23T14:18:15.1+01:00\","
		"\"entities\":{\"payload\":\"aGVsbG8=\"}}",
		"{}",
		"[]",
		"null",
	};
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		put("fuzz_json", i, lines[i], strlen(lines[i]));
	}
}

/* Each line of a file is one; n goes on from file to file. */
static void eve_seeds(const char *path, unsigned int *n)
{
	FILE *file = fopen(path, "re");
	size_t capacity = 0;
	char *line = 0;
	ssize_t len;

	while (file && (len = getline(&line, &capacity, file)) > 0) {
		put("fuzz_eve", (*n)++, line, (size_t)len - (line[len - 1] == '\n'));
	}
	free(line);
	if (file) {
		fclose(file);
	}
}

static void report_seeds(void)
{
	static const struct tl_metric table[] = {
		{"received_packets", "packets", TL_METRIC_COUNTER, "Packets", {"iface"}},
		{"ring_utilization_ratio", "ratio", TL_METRIC_GAUGE, "Fill", {0}},
		{"lost_events", "events", TL_METRIC_COUNTER, "Lost", {"sink", "reason"}},
	};
	const struct tl_report_head head = {
		.tool = TL_STR("tpv3-capd"),
		.version = TL_STR("1"),
		.instance = TL_STR("tpv3-capd-1-2"),
		.host = TL_STR("h"),
		.place = TL_STR("eth0"),
		.engine = TL_STR("tpv3-capd"),
		.mode = TL_STR("tpacket_v3"),
		.iface_count = 1,
		.ifaces = {TL_STR("eth0")},
	};
	static uint8_t bytes[TL_METRICS_MAX_REPORT];

	for (unsigned int n = 0; n < 4; n++) {
		struct tl_report_writer w;
		if (tl_report_begin(&w, bytes, sizeof(bytes), &head, table, 3) < 0) {
			exit(1);
		}
		for (unsigned int i = 0; i < n; i++) {
			const struct tl_metric_value number = {.number = 1ull << (20 * i)};
			const struct tl_metric_value ratio = {.kind = TL_METRIC_REAL, .real = 0.5};
			tl_report_add(&w, 0, number, TL_LABELS("eth0"));
			tl_report_add(&w, 1, ratio, 0);
			tl_report_add(&w, 2, number, TL_LABELS("ipc://x", "window"));
		}
		size_t len = tl_report_finish(&w);
		bytes[0] = bytes[2]; /* where the harness takes the number of keys from */
		put("fuzz_metrics", n, bytes, len);
	}
}

/* Modes and flags as fuzz_feature.c has them. */
static void feature_seed(unsigned int n, uint8_t mode, uint8_t flags, const void *head,
			 uint32_t head_len, const char *hex)
{
	uint8_t bytes[4096] = {mode, flags};
	uint32_t len = 2 + head_len;

	memcpy(bytes + 2, head, head_len);
	for (; hex[0] && hex[1] && len < sizeof(bytes); hex += 2) {
		const char digits[] = {hex[0], hex[1], 0};
		bytes[len++] = (uint8_t)strtoul(digits, 0, 16);
	}
	put("fuzz_feature", n, bytes, len);
}

static void feature_seeds(void)
{
	static const char http[] = "GET /a HTTP/1.1\r\nHost: h.example\r\nUser-Agent: x/1\r\n\r\n";
	static const char ssh[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
	static const char dns[] =
		"1234818000010003000000000161076578616d706c650000010001c00c000500010"
		"0000e1000040162c00ec0270001000100000e1000040a010203c027001c00010000"
		"0e100010fd000000000000000000000000000001";
	static const char exchange[] = "000001340814000102030405060708090a0b0c0d0e0f00000011"
				       "637572766532353531392d736861323536";

	feature_seed(0, 7, 0, "", 0, quic_hello);
	feature_seed(1, 7, 4, "", 0, quic_hello);
	feature_seed(2, 6, 0, "\x06\x00\x40\xf1", 4, quic_hello);
	feature_seed(3, 5, 3, "", 0, quic_v1_initial);
	feature_seed(4, 5, 3, "", 0, quic_v2_initial);
	feature_seed(5, 0, 3, "\x16\x03\x01\x00\xf1", 5, quic_hello);
	feature_seed(6, 0, 2, "\x00\x1f\x16\x03\x01\x00\xf1", 7, quic_hello);
	feature_seed(7, 1, 3, http, sizeof(http) - 1, "");
	feature_seed(8, 2, 3, ssh, sizeof(ssh) - 1, exchange);
	feature_seed(9, 2, 1, ssh, sizeof(ssh) - 1, exchange);
	feature_seed(10, 4, 1, "", 0, dns);
	feature_seed(11, 3, 1, "\x00\x5a", 2, dns);
}

int main(int argc, char **argv)
{
	unsigned int eve_seed = 0;

	if (argc < 2) {
		fputs("usage: seeds FOLDER [EVE-FILE...]\n", stderr);
		return 2;
	}
	folder = argv[1];
	parse_seeds();
	pcap_seeds();
	for (unsigned int n = 0; n < 20; n++) {
		wire_seed(n);
	}
	opt_seeds();
	receiver_file_seeds();
	json_seeds();
	report_seeds();
	feature_seeds();
	for (int i = 2; i < argc; i++) {
		eve_seeds(argv[i], &eve_seed);
	}
	return 0;
}
