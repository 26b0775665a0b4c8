/* SPDX-License-Identifier: BSD-2-Clause */
#include "expected.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/parse.h"

struct row {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint16_t vlan;
	uint8_t proto;
	uint8_t other; /* the one row of what is no IP */
	uint64_t packets, bytes, ip_bytes;
};

enum { ROW_KEY_LEN = offsetof(struct row, packets) };

struct expected {
	struct row *rows; /* one a packet until they are merged */
	size_t count, room;
	struct expected_packet *firsts; /* first fragments */
	size_t first_count, first_room;
};

static void *must(void *memory)
{
	if (!memory) {
		fputs("golden-pcap: no memory\n", stderr);
		exit(1);
	}
	return memory;
}

struct expected *expected_new(void)
{
	return must(calloc(1, sizeof(struct expected)));
}

void expected_free(struct expected *e)
{
	free(e->rows);
	free(e->firsts);
	free(e);
}

static struct row *new_row(struct expected *e)
{
	if (e->count == e->room) {
		e->room = e->room ? 2 * e->room : 256;
		e->rows = must(realloc(e->rows, e->room * sizeof(*e->rows)));
	}
	struct row *row = &e->rows[e->count++];
	memset(row, 0, sizeof(*row));
	row->packets = 1;
	return row;
}

static void remember_first(struct expected *e, const struct expected_packet *packet)
{
	if (e->first_count == e->first_room) {
		e->first_room = e->first_room ? 2 * e->first_room : 64;
		e->firsts = must(realloc(e->firsts, e->first_room * sizeof(*e->firsts)));
	}
	e->firsts[e->first_count++] = *packet;
}

static bool same_datagram(const struct expected_packet *a, const struct expected_packet *b)
{
	return memcmp(a->src, b->src, 16) == 0 && memcmp(a->dst, b->dst, 16) == 0 &&
	       a->frag_id == b->frag_id && a->proto == b->proto && a->vlan == b->vlan &&
	       a->vlan_inner == b->vlan_inner;
}

static const struct expected_packet *find_first(const struct expected *e,
						const struct expected_packet *later)
{
	for (size_t i = e->first_count; i > 0; i--) {
		if (same_datagram(&e->firsts[i - 1], later)) {
			return &e->firsts[i - 1];
		}
	}
	return later;
}

static bool has_ports(uint8_t proto)
{
	return proto == TL_PROTO_TCP || proto == TL_PROTO_UDP || proto == TL_PROTO_SCTP ||
	       proto == TL_PROTO_DCCP || proto == TL_PROTO_UDPLITE;
}

void expected_add(struct expected *e, const struct expected_packet *packet)
{
	const struct expected_packet *ports = packet;
	struct row *row = new_row(e);

	if (packet->frag == TL_FRAG_FIRST) {
		remember_first(e, packet);
	} else if (packet->frag == TL_FRAG_LATER) {
		ports = find_first(e, packet);
	}
	memcpy(row->src, packet->src, 16);
	memcpy(row->dst, packet->dst, 16);
	row->proto = packet->proto;
	row->vlan = packet->vlan;
	if (has_ports(packet->proto)) {
		row->sport = ports->sport;
		row->dport = ports->dport;
	}
	row->bytes = packet->bytes;
	row->ip_bytes = packet->ip_bytes;
}

void expected_add_other(struct expected *e, uint32_t bytes)
{
	struct row *row = new_row(e);

	row->other = 1;
	row->bytes = bytes;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, ROW_KEY_LEN);
}

static void merge(struct expected *e)
{
	size_t kept = 0;

	qsort(e->rows, e->count, sizeof(*e->rows), compare);
	for (size_t i = 0; i < e->count; i++) {
		struct row *last = kept ? &e->rows[kept - 1] : 0;
		if (last && compare(last, &e->rows[i]) == 0) {
			last->packets += e->rows[i].packets;
			last->bytes += e->rows[i].bytes;
			last->ip_bytes += e->rows[i].ip_bytes;
		} else {
			e->rows[kept++] = e->rows[i];
		}
	}
	e->count = kept;
}

static const char *address_text(const uint8_t address[16], char text[INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, mapped, 12) == 0
		       ? inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN)
		       : inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

void expected_print(struct expected *e, FILE *to, const char *file)
{
	merge(e);
	for (size_t i = 0; i < e->count; i++) {
		const struct row *r = &e->rows[i];
		char src[INET6_ADDRSTRLEN];
		char dst[INET6_ADDRSTRLEN];
		if (r->other) {
			fprintf(to, "%s\t-\t-\t0\t0\tnon-ip\t0", file);
		} else {
			fprintf(to, "%s\t%s\t%s\t%u\t%u\t%u\t%u", file, address_text(r->src, src),
				address_text(r->dst, dst), r->sport, r->dport, r->proto, r->vlan);
		}
		fprintf(to, "\t%llu\t%llu\t%llu\n", (unsigned long long)r->packets,
			(unsigned long long)r->bytes, (unsigned long long)r->ip_bytes);
	}
}
