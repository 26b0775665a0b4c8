/* SPDX-License-Identifier: BSD-2-Clause */
#include "evemix.h"

#include <stdio.h>
#include <string.h>

/*
 * What $ and a letter become: t time, T the time a little earlier, f flow id, s and d addresses (a
 * client, a server), P a client's port, n a number below 100, N below 10,000, M below 10 million,
 * h host name, u path, x and X 32 and 64 hexadecimal digits, c community id, r a resolved address.
 * What stands between two ~ is there in half of the lines.
 */
#define HEAD(type)                                                                                 \
	"{\"timestamp\":\"$t\",\"flow_id\":$f,\"in_iface\":\"eth1\",\"event_type\":\"" type        \
	"\"~,\"vlan\":[$n]~,\"src_ip\":\"$s\",\"src_port\":$P,\"dest_ip\":\"$d\",\"dest_port\":"
#define TAIL ",\"community_id\":\"$c\","
#define FLOW                                                                                       \
	"\"flow\":{\"pkts_toserver\":$n,\"pkts_toclient\":$n,\"bytes_toserver\":$N,"               \
	"\"bytes_toclient\":$M,\"start\":\"$T\""
#define HTTP                                                                                       \
	"\"http\":{\"hostname\":\"$h\",\"url\":\"$u\",\"http_user_agent\":\"Mozilla/5.0 "          \
	"(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "                    \
	"Chrome/120.0.0.0 Safari/537.36\"~,\"http_content_type\":\"text/html\"~"                   \
	"~,\"http_refer\":\"http:\\/\\/$h$u\"~,\"http_method\":\"GET\",\"protocol\":"              \
	"\"HTTP/1.1\",\"status\":200,\"length\":$N}"

struct kind {
	unsigned int weight;
	const char *text;
};

/* clang-format off */
static const struct kind kinds[] = {
	{17, HEAD("dns") "53,\"proto\":\"UDP\",\"pkt_src\":\"wire/pcap\"" TAIL
	 "\"dns\":{\"type\":\"query\",\"id\":$N,\"rrname\":\"$h\",\"rrtype\":\"A\",\"tx_id\":0,"
	 "\"opcode\":0}}"},
	{17, HEAD("dns") "53,\"proto\":\"UDP\",\"pkt_src\":\"wire/pcap\"" TAIL
	 "\"dns\":{\"version\":2,\"type\":\"answer\",\"id\":$N,\"flags\":\"8180\",\"qr\":true,"
	 "\"rd\":true,\"ra\":true,\"opcode\":0,\"rrname\":\"$h\",\"rrtype\":\"A\",\"rcode\":"
	 "\"NOERROR\",\"answers\":[{\"rrname\":\"$h\",\"rrtype\":\"CNAME\",\"ttl\":$N,\"rdata\":"
	 "\"$h\"},{\"rrname\":\"$h\",\"rrtype\":\"A\",\"ttl\":$n,\"rdata\":\"$r\"},{\"rrname\":"
	 "\"$h\",\"rrtype\":\"A\",\"ttl\":$n,\"rdata\":\"$r\"}],\"grouped\":{\"CNAME\":[\"$h\"],"
	 "\"A\":[\"$r\",\"$r\"]}}}"},
	{14, HEAD("flow") "443,\"proto\":\"TCP\"~,\"app_proto\":\"tls\"~," FLOW
	 ",\"end\":\"$t\",\"age\":$n,\"state\":\"closed\",\"reason\":\"timeout\",\"alerted\":false}"
	 TAIL "\"tcp\":{\"tcp_flags\":\"1b\",\"tcp_flags_ts\":\"1b\",\"tcp_flags_tc\":\"1b\","
	 "\"syn\":true,\"fin\":true,\"psh\":true,\"ack\":true,\"state\":\"closed\","
	 "\"ts_max_regions\":1,\"tc_max_regions\":1}}"},
	{10, HEAD("flow") "53,\"proto\":\"UDP\",\"app_proto\":\"dns\"," FLOW
	 ",\"end\":\"$t\",\"age\":0,\"state\":\"established\",\"reason\":\"timeout\",\"alerted\":"
	 "false}" TAIL "\"tx_cnt\":2}"},
	{11, HEAD("http") "80,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\",\"tx_id\":$n" TAIL HTTP "}"},
	{12, HEAD("tls") "443,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\"" TAIL
	 "\"tls\":{\"subject\":\"CN=$h\",\"issuerdn\":\"C=US, O=Let's Encrypt, CN=R3\",\"serial\":"
	 "\"04:3A:8F:62:9E:10:77:C2:5B:D1:0E:E4:91:2C:AA:08:37:5F\",\"fingerprint\":\"$x\",\"sni\":"
	 "\"$h\",\"version\":\"TLS 1.2\",\"notbefore\":\"2025-11-01T00:00:00\",\"notafter\":"
	 "\"2026-02-01T00:00:00\",\"ja3\":{\"hash\":\"$x\",\"string\":\"771,4865-4866-4867-49195-"
	 "49199-49196-49200-52393-52392-49171-49172-156-157-47-53,0-23-65281-10-11-35-16-5-13-18-51-"
	 "45-43-27-17513-21,29-23-24,0\"},\"ja3s\":{\"hash\":\"$x\",\"string\":\"771,49199,65281-0-11-"
	 "35-16-23\"}}}"},
	{7, HEAD("fileinfo") "80,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\"" TAIL HTTP
	 ",\"app_proto\":\"http\",\"fileinfo\":{\"filename\":\"$u\",\"gaps\":false,\"state\":"
	 "\"CLOSED\",\"md5\":\"$x\",\"sha256\":\"$X\",\"stored\":false,\"size\":$N,\"tx_id\":$n}}"},
	{5, HEAD("alert") "80,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\",\"tx_id\":$n" TAIL
	 "\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":20$N,\"rev\":$n,\"signature\":"
	 "\"ET INFO Suspicious Request to $h\",\"category\":\"Potentially Bad Traffic\",\"severity\":2"
	 "~,\"metadata\":{\"affected_product\":[\"Any\"],\"attack_target\":[\"Client_Endpoint\"],"
	 "\"created_at\":[\"2020_05_06\"],\"deployment\":[\"Perimeter\"],\"signature_severity\":["
	 "\"Informational\"],\"updated_at\":[\"2023_04_21\"]}~}," HTTP
	 ",\"app_proto\":\"http\",\"direction\":\"to_server\"," FLOW
	 ",\"src_ip\":\"$s\",\"dest_ip\":\"$d\",\"src_port\":$P,\"dest_port\":80}~,\"payload\":"
	 "\"R0VUIC9pbmRleC5odG1sIEhUVFAvMS4xDQpIb3N0OiBleGFtcGxlLmNvbQ0KVXNlci1BZ2VudDogY3VybC83Ljg4"
	 "LjENCkFjY2VwdDogKi8qDQoNCg==\",\"payload_printable\":\"GET /index.html HTTP/1.1\\r\\nHost: "
	 "example.com\\r\\nUser-Agent: curl/7.88.1\\r\\nAccept: */*\\r\\n\\r\\n\",\"stream\":1~}"},
	{3, HEAD("anomaly") "443,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\"" TAIL
	 "\"anomaly\":{\"app_proto\":\"tls\",\"type\":\"applayer\",\"event\":\"INVALID_RECORD_TYPE\","
	 "\"layer\":\"proto_parser\"}}"},
	{2, HEAD("quic") "443,\"proto\":\"UDP\",\"pkt_src\":\"wire/pcap\"" TAIL
	 "\"quic\":{\"version\":\"1\",\"sni\":\"$h\",\"ja3\":{\"hash\":\"$x\",\"string\":"
	 "\"771,4865-4866-4867,51-45-43,29-23-24,\"},\"extensions\":[{\"name\":\"server_name\",\"type\":"
	 "0,\"values\":[\"$h\"]},{\"name\":\"alpn\",\"type\":16,\"values\":[\"h3\"]}]}}"},
	{1, HEAD("smb") "445,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\"" TAIL
	 "\"smb\":{\"id\":$n,\"dialect\":\"3.11\",\"command\":\"SMB2_COMMAND_CREATE\",\"status\":"
	 "\"STATUS_SUCCESS\",\"status_code\":\"0x0\",\"session_id\":$M,\"tree_id\":$n,\"filename\":"
	 "\"share\\\\dir\\\\file$N.txt\",\"disposition\":\"FILE_OPEN\",\"access\":\"normal\","
	 "\"created\":1700000000,\"accessed\":1700000001,\"modified\":1700000002,\"changed\":1700000002,"
	 "\"size\":$N,\"fuid\":\"$x\"}}"},
	{1, HEAD("ssh") "22,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\"" TAIL
	 "\"ssh\":{\"client\":{\"proto_version\":\"2.0\",\"software_version\":\"OpenSSH_9.2p1\","
	 "\"hassh\":{\"hash\":\"$x\",\"string\":\"curve25519-sha256;aes128-ctr;hmac-sha2-256;none\"}},"
	 "\"server\":{\"proto_version\":\"2.0\",\"software_version\":\"OpenSSH_8.4p1\"}}}"},
};
/* clang-format on */

static uint64_t next(struct evemix *mix)
{
	uint64_t z = (mix->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void evemix_init(struct evemix *mix, uint64_t seed)
{
	*mix = (struct evemix){.state = seed, .time_us = 1767225600000000ull};
}

static char *put_number(char *p, uint64_t number)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count > 0) {
		*p++ = digits[--count];
	}
	return p;
}

static char *put_time(char *p, uint64_t us)
{
	uint64_t of_day = us / 1000000 % 86400;

	return p + sprintf(p, "2026-01-01T%02u:%02u:%02u.%06u+0000", (unsigned int)(of_day / 3600),
			   (unsigned int)(of_day / 60 % 60), (unsigned int)(of_day % 60),
			   (unsigned int)(us % 1000000));
}

static char *put_address(char *p, const char *prefix, uint64_t r)
{
	p = stpcpy(p, prefix);
	p = put_number(p, r % 250 + 1);
	*p++ = '.';
	return put_number(p, r >> 16 & 0xff);
}

static char *put_hex(struct evemix *mix, char *p, unsigned int digits)
{
	for (unsigned int i = 0; i < digits; i++) {
		*p++ = "0123456789abcdef"[next(mix) & 15];
	}
	return p;
}

static char *put_id(struct evemix *mix, char *p)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	p = stpcpy(p, "1:");
	for (unsigned int i = 0; i < 27; i++) {
		*p++ = set[next(mix) & 63];
	}
	*p++ = '=';
	return p;
}

static char *put_word(struct evemix *mix, char *p)
{
	static const char *const words[] = {"www",   "cdn",   "static", "mail", "api",
					    "login", "video", "update", "img",	"metrics"};

	return stpcpy(p, words[next(mix) % 10]);
}

static char *put_host(struct evemix *mix, char *p)
{
	p = put_word(mix, p);
	p = stpcpy(p, ".example");
	p = put_number(p, next(mix) % 5000);
	return stpcpy(p, ".com");
}

static char *put_path(struct evemix *mix, char *p)
{
	*p++ = '/';
	p = put_word(mix, p);
	*p++ = '/';
	p = put_hex(mix, p, 8);
	return stpcpy(p, ".html");
}

static char *put_code(struct evemix *mix, char *p, char code)
{
	uint64_t r = next(mix);

	switch (code) {
	case 't':
		return put_time(p, mix->time_us);
	case 'T':
		return put_time(p, mix->time_us - r % 1000000);
	case 'f':
		return put_number(p, r >> 12);
	case 's':
		return put_address(p, "10.1.", r);
	case 'd':
		return put_address(p, "198.51.", r);
	case 'r':
		return put_address(p, "203.0.", r);
	case 'P':
		return put_number(p, 32768 + r % 28000);
	case 'n':
		return put_number(p, r % 100);
	case 'N':
		return put_number(p, r % 10000);
	case 'M':
		return put_number(p, r % 10000000);
	case 'h':
		return put_host(mix, p);
	case 'u':
		return put_path(mix, p);
	case 'x':
		return put_hex(mix, p, 32);
	case 'X':
		return put_hex(mix, p, 64);
	default:
		return put_id(mix, p);
	}
}

static const char *skip_optional(const char *text)
{
	return strchr(text, '~') + 1;
}

static char *put_text(struct evemix *mix, char *p, const char *text)
{
	for (bool inside = false; *text;) {
		char c = *text++;
		if (c == '~') {
			inside = !inside;
			if (inside && next(mix) & 1) {
				text = skip_optional(text);
				inside = false;
			}
		} else if (c == '$') {
			p = put_code(mix, p, *text++);
		} else {
			*p++ = c;
		}
	}
	return p;
}

/* Once in 2,000 lines: 400 counters. */
static char *put_stats(struct evemix *mix, char *p)
{
	p = stpcpy(p, "{\"timestamp\":\"");
	p = put_time(p, mix->time_us);
	p = stpcpy(p, "\",\"event_type\":\"stats\",\"stats\":{\"uptime\":");
	p = put_number(p, next(mix) % 1000000);
	for (unsigned int group = 0; group < 20; group++) {
		p += sprintf(p, ",\"group_%u\":{\"counter_0\":0", group);
		for (unsigned int i = 1; i < 20; i++) {
			p += sprintf(p, ",\"counter_%u\":", i);
			p = put_number(p, next(mix) % 1000000000);
		}
		*p++ = '}';
	}
	return stpcpy(p, "}}");
}

size_t evemix_line(struct evemix *mix, char *line)
{
	unsigned int pick = (unsigned int)(next(mix) % 100);
	size_t k = 0;

	mix->time_us += 1 + next(mix) % 20;
	while (pick >= kinds[k].weight) {
		pick -= kinds[k++].weight;
	}
	char *p = next(mix) % 2000 == 0 ? put_stats(mix, line) : put_text(mix, line, kinds[k].text);
	*p++ = '\n';
	return (size_t)(p - line);
}
