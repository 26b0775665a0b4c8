/* SPDX-License-Identifier: BSD-2-Clause */
#include "demo.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/parse.h"
#include "packets.h"
#include "speech.h"

enum {
	SPAN_MS = 60000,
	MAX_GAP_US = 400000,
	MAX_TALK = 600, /* packets of one conversation */
};

/* What a conversation is: who answers, how big its packets are, how many. */
struct habit {
	uint8_t proto; /* 0: ARP */
	uint16_t port;
	uint16_t request, reply; /* payload bytes */
	uint16_t least, most;	 /* packets */
	uint16_t weight;
};

static const struct habit habits[] = {
	{TL_PROTO_TCP, 443, 180, 1380, 12, 120, 40},
	{TL_PROTO_TCP, 80, 120, 1200, 10, 40, 8},
	{TL_PROTO_UDP, 53, 42, 130, 2, 2, 60},
	{TL_PROTO_UDP, 443, 90, 1250, 20, 200, 12},
	{TL_PROTO_TCP, 22, 60, 90, 60, 300, 2},
	{TL_PROTO_TCP, 443, 80, 1448, 300, MAX_TALK, 1},
	{TL_PROTO_UDP, 123, 48, 48, 2, 2, 6},
	{TL_PROTO_ICMP, 0, 56, 56, 8, 20, 3},
	{0, 0, 28, 28, 2, 2, 8},
};

enum { HABIT_COUNT = sizeof(habits) / sizeof(habits[0]) };

struct talk {
	const struct habit *habit;
	uint32_t packets;
	uint16_t client, server, port;
	uint16_t vlan;
	bool v6;
};

struct moment {
	uint64_t us; /* since the start */
	uint32_t talk, step;
};

struct demo {
	struct talk *talks;
	uint32_t talk_count;
	struct moment *moments;
	uint32_t count;
	uint64_t dice;
};

static uint32_t roll(struct demo *d, uint32_t below)
{
	d->dice ^= d->dice << 13;
	d->dice ^= d->dice >> 7;
	d->dice ^= d->dice << 17;
	return (uint32_t)(d->dice >> 33) % below;
}

static const struct habit *pick_habit(struct demo *d)
{
	uint32_t sum = 0;
	for (unsigned int i = 0; i < HABIT_COUNT; i++) {
		sum += habits[i].weight;
	}
	uint32_t at = roll(d, sum);
	unsigned int i = 0;
	while (at >= habits[i].weight) {
		at -= habits[i++].weight;
	}
	return &habits[i];
}

static struct talk new_talk(struct demo *d, uint32_t left)
{
	const struct habit *habit = pick_habit(d);
	uint32_t n = habit->least + roll(d, (uint32_t)(habit->most - habit->least) + 1);
	uint32_t where = roll(d, 10);

	return (struct talk){
		.habit = habit,
		.packets = n < left ? n : left,
		.client = (uint16_t)(10 + roll(d, 60)),
		.server = (uint16_t)(1 + roll(d, 250)),
		/* unique together with client and server: no 5-tuple comes back */
		.port = (uint16_t)(1024 + d->talk_count % 64000),
		.vlan = where == 0   ? 20
			: where == 1 ? 30
				     : 0,
		.v6 = habit->proto != 0 && roll(d, 10) < 4,
	};
}

static void plan(struct demo *d, uint32_t count)
{
	while (d->count < count) {
		struct talk talk = new_talk(d, count - d->count);
		uint32_t gap_us = SPAN_MS * 1000u / (talk.packets + 1);
		gap_us = gap_us > MAX_GAP_US ? MAX_GAP_US : gap_us;
		gap_us = 1 + roll(d, gap_us);
		uint64_t us = roll(d, SPAN_MS * 1000u - gap_us * talk.packets);
		for (uint32_t step = 0; step < talk.packets; step++) {
			d->moments[d->count++] = (struct moment){us, d->talk_count, step};
			us += 1 + roll(d, gap_us);
		}
		d->talks[d->talk_count++] = talk;
	}
}

static int earlier(const void *a, const void *b)
{
	const struct moment *x = a;
	const struct moment *y = b;

	if (x->us != y->us) {
		return x->us < y->us ? -1 : 1;
	}
	if (x->talk != y->talk) {
		return x->talk < y->talk ? -1 : 1;
	}
	return x->step < y->step ? -1 : x->step > y->step;
}

static void host_address(uint8_t address[16], const struct talk *t, bool server)
{
	memset(address, 0, 16);
	if (t->v6) {
		static const uint8_t prefix[4] = {0x20, 0x01, 0x0d, 0xb8};
		memcpy(address, prefix, 4);
		address[5] = server ? 0xff : 1;
		address[15] = (uint8_t)(server ? t->server : t->client);
		return;
	}
	static const uint8_t client[3] = {192, 168, 1};
	static const uint8_t distant[3] = {203, 0, 113};
	address[10] = address[11] = 0xff;
	memcpy(address + 12, server ? distant : client, 3);
	address[15] = (uint8_t)(server ? t->server : t->client);
}

static uint8_t tcp_flags(const struct talk *t, uint32_t step)
{
	if (step < 2) {
		return step == 0 ? 0x02 : 0x12;
	}
	return step + 2 >= t->packets ? 0x11 : step == 2 ? 0x10 : 0x18;
}

/* What is said in particular goes to `to`, the rest is zeros. */
static uint32_t payload(const struct talk *t, uint32_t step, uint8_t to[SPEECH_MAX])
{
	const struct speech s = {t->habit->proto, t->habit->port, t->client, t->server, t->port};

	if (t->habit->proto == TL_PROTO_TCP && (step < SPEECH_FIRST || step + 2 >= t->packets)) {
		return 0;
	}
	uint32_t len = speech_say(&s, step, to);
	return len > 0 ? len : step % 2 == 0 ? t->habit->request : t->habit->reply;
}

/* The number of the next byte of a side, at a step: behind its SYN and what it has sent. */
static uint32_t sequence(const struct talk *t, uint32_t step, bool server)
{
	uint8_t said[SPEECH_MAX];
	uint32_t seq = 1000u * t->port + server;

	for (uint32_t i = server; i < step; i += 2) {
		seq += (i < 2) + payload(t, i, said);
	}
	return seq;
}

static void number_segment(struct packet *p, uint32_t tcp, const struct talk *t, uint32_t step)
{
	bool server = step % 2 == 1;
	uint32_t seq = htonl(sequence(t, step, server));
	uint32_t ack = htonl(step > 0 ? sequence(t, step, !server) : 0);

	memcpy(p->bytes + tcp + 4, &seq, 4);
	memcpy(p->bytes + tcp + 8, &ack, 4);
}

static struct layer transport(const struct talk *t, uint32_t step)
{
	bool back = step % 2 == 1;
	uint16_t from = back ? t->habit->port : t->port;
	uint16_t to = back ? t->port : t->habit->port;

	if (t->habit->proto == TL_PROTO_TCP) {
		return (struct layer){LAYER_TCP, from, to, tcp_flags(t, step), 0};
	}
	if (t->habit->proto == TL_PROTO_UDP) {
		return (struct layer){LAYER_PORTS, from, to, TL_PROTO_UDP, 8};
	}
	if (t->v6) {
		return (struct layer){LAYER_ICMP, back ? 129 : 128, 0, t->port, TL_PROTO_ICMPV6};
	}
	return (struct layer){LAYER_ICMP, back ? 0 : 8, 0, t->port, TL_PROTO_ICMP};
}

static void push(struct packet *p, enum layer_kind kind, uint32_t a, uint32_t b)
{
	packet_push(p, &(struct layer){.kind = kind, .a = a, .b = b});
}

static void build_arp(struct packet *p, struct expected *expected)
{
	push(p, LAYER_NAMED, TL_ETH_ARP, 0);
	push(p, LAYER_PAYLOAD, 46, 0);
	expected_add_other(expected, p->len);
}

static void build_ip(struct packet *p, const struct talk *t, uint32_t step,
		     struct expected *expected)
{
	struct layer l4 = transport(t, step);
	bool back = step % 2 == 1;
	struct expected_packet e = {.vlan = t->vlan, .sport = (uint16_t)l4.a};

	host_address(e.src, t, back);
	host_address(e.dst, t, !back);
	e.dport = (uint16_t)l4.b;
	e.proto = t->habit->proto;
	if (e.proto == TL_PROTO_ICMP && t->v6) {
		e.proto = TL_PROTO_ICMPV6;
	}
	push(p, t->v6 ? LAYER_IP6 : LAYER_IP4, 0, 0);
	packet_set_addresses(p, t->v6 ? e.src : e.src + 12, t->v6 ? e.dst : e.dst + 12);
	uint32_t at = p->len;
	packet_push(p, &l4);
	if (l4.kind == LAYER_TCP) {
		number_segment(p, at, t, step);
	}
	uint8_t said[SPEECH_MAX] = {0};
	at = p->len;
	push(p, LAYER_PAYLOAD, payload(t, step, said), 0);
	if (p->len - at < SPEECH_MAX) {
		memcpy(p->bytes + at, said, p->len - at);
	}
	e.ip_bytes = p->len - p->ip[0];
	e.bytes = p->len;
	expected_add(expected, &e);
}

static void build(struct packet *p, const struct talk *t, uint32_t step, struct expected *expected)
{
	packet_begin(p);
	push(p, LAYER_ETH, 0, 0);
	if (t->vlan) {
		push(p, LAYER_TAG, TL_ETH_VLAN, t->vlan);
	}
	if (t->habit->proto == 0) {
		build_arp(p, expected);
	} else {
		build_ip(p, t, step, expected);
	}
	packet_close(p);
}

void demo_write(const struct pcapfile *to, struct expected *expected, uint64_t start_ns,
		uint32_t count)
{
	struct demo d = {.dice = 0x9e3779b97f4a7c15ull};
	struct packet p;

	d.talks = calloc(count + 1, sizeof(*d.talks));
	d.moments = calloc(count + 1, sizeof(*d.moments));
	if (!d.talks || !d.moments) {
		fputs("golden-pcap: no memory\n", stderr);
		exit(1);
	}
	plan(&d, count);
	qsort(d.moments, d.count, sizeof(*d.moments), earlier);
	for (uint32_t i = 0; i < d.count; i++) {
		const struct moment *m = &d.moments[i];
		build(&p, &d.talks[m->talk], m->step, expected);
		pcapfile_add(to, start_ns + m->us * 1000, p.bytes, p.len, p.len);
	}
	free(d.talks);
	free(d.moments);
}
