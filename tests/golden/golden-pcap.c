/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the golden table, or the demo, as a capture file; prints the flow
 * rows it must give on stdout.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/parse.h"
#include "../../common/exit.h"
#include "demo.h"
#include "expected.h"
#include "packets.h"
#include "pcapfile.h"

enum {
	START_S = 1700000000,
	GAP_US = 500, /* between packets of the table */
	LIVE_MAX = 1514,
	/* near TL_PARSE_MAX_OFFSET the length of the link header matters */
	RELINK_MAX = 3900,
};

struct link {
	const char *name;
	uint32_t type;
	uint32_t header; /* bytes */
	bool ip_only;
};

static const struct link links[] = {
	{"ethernet", PCAPFILE_ETHERNET, 14, false},
	{"raw", PCAPFILE_RAW, 0, true},
	{"null", PCAPFILE_NULL, 4, true},
	{"loop", PCAPFILE_LOOP, 4, true},
	{"sll", PCAPFILE_SLL, 16, false},
	{"sll2", PCAPFILE_SLL2, 20, false},
	{0},
};

struct config {
	const char *place;
	const struct link *link;
	uint32_t demo; /* packets; 0 = the table */
	bool live;     /* only what can be sent over a veth */
	bool ng;       /* pcapng */
};

static void usage(FILE *to)
{
	fputs("usage: golden-pcap -w FILE [--ng] [--demo PACKETS | --live | --link LINK]\n"
	      "Writes the golden table, or a demo of 60 s, as a capture file and prints the flow\n"
	      "rows it must give: file, src, dst, sport, dport, proto, vlan, packets, bytes, "
	      "ip_bytes\n\n"
	      "  -w FILE         where to\n"
	      "  --ng            pcapng instead of classic pcap\n"
	      "  --demo PACKETS  an office uplink instead of the table\n"
	      "  --live          only frames that can be sent whole over a veth\n"
	      "  --link LINK     ethernet, raw, null, loop, sll, sll2\n",
	      to);
}

static const struct link *find_link(const char *name)
{
	for (const struct link *link = links; link->name; link++) {
		if (strcmp(link->name, name) == 0) {
			return link;
		}
	}
	fprintf(stderr, "golden-pcap: no such link '%s'\n", name);
	exit(TL_EXIT_USAGE);
}

static struct config parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"demo", required_argument, 0, 'd'}, {"live", no_argument, 0, 'l'},
		{"ng", no_argument, 0, 'n'},	     {"link", required_argument, 0, 'k'},
		{"help", no_argument, 0, 'h'},	     {0},
	};
	struct config config = {.link = links};
	int value;

	while ((value = getopt_long(argc, argv, "w:h", options, 0)) != -1) {
		switch (value) {
		case 'w':
			config.place = optarg;
			break;
		case 'd':
			config.demo = (uint32_t)strtoul(optarg, 0, 10);
			break;
		case 'l':
			config.live = true;
			break;
		case 'n':
			config.ng = true;
			break;
		case 'k':
			config.link = find_link(optarg);
			break;
		case 'h':
			usage(stdout);
			exit(TL_EXIT_OK);
		default:
			usage(stderr);
			exit(TL_EXIT_USAGE);
		}
	}
	if (!config.place) {
		usage(stderr);
		exit(TL_EXIT_USAGE);
	}
	return config;
}

static bool wanted(const struct config *config, const struct golden_row *row,
		   const struct golden_frame *frame)
{
	if (config->live) {
		return frame->len == frame->wire_len && frame->len <= LIVE_MAX && frame->len >= 14;
	}
	if (config->link->type == PCAPFILE_ETHERNET) {
		return true;
	}
	const uint8_t *type = frame->packet.bytes + 12;
	uint16_t ethertype = (uint16_t)(type[0] << 8 | type[1]);
	bool ip = (ethertype == TL_ETH_IPV4 || ethertype == TL_ETH_IPV6) &&
		  row->class == TL_CLASS_FLOW;
	return frame->len >= 14 && frame->len <= RELINK_MAX && (ip || !config->link->ip_only);
}

/* The link header that stands where the Ethernet header stood. */
static void put_link(uint8_t *h, const struct link *link, const uint8_t *ethertype)
{
	bool v6 = ethertype[0] == 0x86;
	uint32_t family = v6 ? 10 : 2;

	memset(h, 0, link->header);
	switch (link->type) {
	case PCAPFILE_NULL:
		memcpy(h, &family, 4);
		break;
	case PCAPFILE_LOOP:
		h[3] = v6 ? 24 : 2; /* as OpenBSD counts */
		break;
	case PCAPFILE_SLL:
		h[3] = 1; /* ARPHRD_ETHER */
		h[5] = 6;
		memcpy(h + 14, ethertype, 2);
		break;
	case PCAPFILE_SLL2:
		memcpy(h, ethertype, 2);
		h[7] = 2; /* interface */
		h[9] = 1;
		h[11] = 6;
		break;
	default:
		break;
	}
}

static void expect(struct expected *e, const struct golden_row *row, uint32_t bytes)
{
	if (row->class != TL_CLASS_FLOW) {
		expected_add_other(e, bytes);
		return;
	}
	struct expected_packet packet = {
		.sport = row->sport,
		.dport = row->dport,
		.vlan = row->vlan,
		.vlan_inner = row->vlan_inner,
		.proto = row->proto,
		.frag = row->frag,
		.frag_id = row->frag_id,
		.bytes = bytes,
		.ip_bytes = row->ip_bytes,
	};
	golden_addresses(row, packet.src, packet.dst);
	expected_add(e, &packet);
}

static void write_row(const struct pcapfile *to, struct expected *e, const struct config *config,
		      unsigned int i, uint64_t ns)
{
	struct golden_frame frame;
	uint8_t bytes[PACKET_MAX + 32];
	uint32_t skip = 14;

	golden_build(&golden_rows[i], &frame);
	if (!wanted(config, &golden_rows[i], &frame)) {
		return;
	}
	if (config->link->type == PCAPFILE_ETHERNET) {
		skip = 0;
	}
	uint32_t head = skip ? config->link->header : 0;
	put_link(bytes, config->link, frame.packet.bytes + 12);
	memcpy(bytes + head, frame.packet.bytes + skip, frame.len - skip);
	uint32_t wire_len = frame.wire_len - skip + head;
	pcapfile_add(to, ns, bytes, frame.len - skip + head, wire_len);
	expect(e, &golden_rows[i], wire_len);
}

static void write_table(const struct pcapfile *to, struct expected *e, const struct config *config)
{
	uint64_t ns = START_S * 1000000000ull;

	for (unsigned int i = 0; i < golden_row_count; i++) {
		write_row(to, e, config, i, ns);
		ns += GAP_US * 1000;
	}
}

int main(int argc, char **argv)
{
	struct config config = parse(argc, argv);
	FILE *file = fopen(config.place, "wb");
	if (!file) {
		perror(config.place);
		return TL_EXIT_FAILED;
	}
	struct expected *e = expected_new();
	struct pcapfile to = {file, config.ng};
	pcapfile_begin(&to, config.link->type);
	if (config.demo) {
		demo_write(&to, e, START_S * 1000000000ull, config.demo);
	} else {
		write_table(&to, e, &config);
	}
	bool bad = ferror(file) || fclose(file) != 0;
	const char *slash = strrchr(config.place, '/');
	expected_print(e, stdout, slash ? slash + 1 : config.place);
	expected_free(e);
	if (bad) {
		perror(config.place);
	}
	return bad ? TL_EXIT_FAILED : TL_EXIT_OK;
}
