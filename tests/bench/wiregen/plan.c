/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	DST_PORT = 443,
	VLAN_ID = 7,
};

/* Not the address of any device: the receiving stack drops the frame at once, after the taps. */
static const uint8_t macs[12] = {0x02, 0x74, 0x6c, 0, 0, 2, 0x02, 0x74, 0x6c, 0, 0, 1};
static const uint8_t net6[8] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1};
static const uint8_t dst4[4] = {198, 18, 0, 1};

const char *const plan_protos[] = {"udp", "tcp", 0};
const char *const plan_orders[] = {"sequential", "random", 0};
const char *const plan_families[GEN_FAMILIES] = {"v4", "v6", "vlan"};

struct plan_options plan_defaults(void)
{
	return (struct plan_options){.flows = 1000, .seed = 1, .mix = "v4=100"};
}

static uint32_t sum16(const uint8_t *bytes, uint32_t len)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i + 1 < len; i += 2) {
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	}
	return sum;
}

static void fill_ipv4(uint8_t *ip, uint32_t ip_len, uint8_t proto)
{
	ip[0] = 0x45;
	gen_store16(ip + 2, (uint16_t)ip_len);
	ip[6] = 0x40; /* do not fragment */
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 16, dst4, sizeof(dst4));
}

static void fill_ipv6(uint8_t *ip, uint32_t l4_len, uint8_t proto)
{
	ip[0] = 0x60;
	gen_store16(ip + 4, (uint16_t)l4_len);
	ip[6] = proto;
	ip[7] = 64;
	memcpy(ip + 8, net6, sizeof(net6));
	memcpy(ip + 24, net6, sizeof(net6));
	ip[39] = 1;
}

/* PSH and a sequence number that stands still keep GRO from merging the frames. */
static void fill_tcp(uint8_t *tcp)
{
	gen_store16(tcp + 2, DST_PORT);
	tcp[7] = 1;
	tcp[11] = 1;
	tcp[12] = GEN_TCP / 4 << 4;
	tcp[13] = 0x18; /* PSH, ACK */
	gen_store16(tcp + 14, 512);
}

static void fill_udp(uint8_t *udp, uint32_t l4_len)
{
	gen_store16(udp + 2, DST_PORT);
	gen_store16(udp + 4, (uint16_t)l4_len);
}

static uint8_t *fill_link(uint8_t *p, enum gen_family family)
{
	memcpy(p, macs, sizeof(macs));
	p += sizeof(macs);
	if (family == GEN_VLAN) {
		gen_store16(p, ETHERTYPE_VLAN);
		gen_store16(p + 2, VLAN_ID);
		p += GEN_TAG;
	}
	gen_store16(p, family == GEN_IPV6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	return p + 2;
}

static void template_make(struct gen_template *t, enum gen_family family, bool tcp, uint32_t size)
{
	uint8_t *ip = fill_link(t->bytes, family);
	uint32_t ip_len = size - (uint32_t)(ip - t->bytes);
	uint32_t ip_header = family == GEN_IPV6 ? GEN_IP6 : GEN_IP4;
	uint32_t l4_len = ip_len - ip_header;
	uint8_t *l4 = ip + ip_header;
	uint8_t proto = tcp ? PROTO_TCP : PROTO_UDP;

	if (family == GEN_IPV6) {
		fill_ipv6(ip, l4_len, proto);
		t->l4_sum = sum16(ip + 8, 32);
	} else {
		fill_ipv4(ip, ip_len, proto);
		t->ip_sum = sum16(ip, GEN_IP4);
		t->l4_sum = sum16(ip + 12, 8);
	}
	if (tcp) {
		fill_tcp(l4);
	} else {
		fill_udp(l4, l4_len);
	}
	t->l4_sum += sum16(l4, tcp ? GEN_TCP : GEN_UDP) + proto + l4_len;
}

static int mix_entry(char *entry, unsigned int *shares)
{
	char *value = strchr(entry, '=');
	if (!value) {
		return -EINVAL;
	}
	*value++ = 0;
	char *end;
	unsigned long share = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end != 0 || share > 100) {
		return -EINVAL;
	}
	for (unsigned int i = 0; i < GEN_FAMILIES; i++) {
		if (strcmp(entry, plan_families[i]) == 0) {
			shares[i] += (unsigned int)share;
			return 0;
		}
	}
	return -EINVAL;
}

static int mix_parse(const char *mix, unsigned int *shares)
{
	char *copy = strdup(mix);
	char *rest = copy;
	char *entry;
	unsigned int total = 0;
	int err = copy ? 0 : -ENOMEM;

	while (err == 0 && (entry = strsep(&rest, ","))) {
		err = mix_entry(entry, shares);
	}
	free(copy);
	for (unsigned int i = 0; i < GEN_FAMILIES; i++) {
		total += shares[i];
	}
	if (err == 0 && total != 100) {
		err = -EINVAL;
	}
	if (err < 0) {
		tl_log_err("--mix '%s': give shares of v4, v6 and vlan that add up to 100, as in "
			   "v4=80,v6=15,vlan=5",
			   mix);
	}
	return err;
}

/* 37 has no factor in common with 100: neighbouring flows get different families. */
static void families_spread(uint8_t *family, const unsigned int *shares)
{
	unsigned int at = 0;
	for (unsigned int f = 0; f < GEN_FAMILIES; f++) {
		for (unsigned int i = 0; i < shares[f]; i++) {
			family[at++ * 37 % 100] = (uint8_t)f;
		}
	}
}

int plan_make(const struct plan_options *options, struct gen_plan *plan, uint32_t *size)
{
	unsigned int shares[GEN_FAMILIES] = {0};
	uint32_t needed = 60;
	bool tcp = options->proto == 1;

	int err = mix_parse(options->mix, shares);
	if (err < 0) {
		return err;
	}
	for (unsigned int f = 0; f < GEN_FAMILIES; f++) {
		if (shares[f] > 0 && gen_headers(f, tcp) > needed) {
			needed = gen_headers(f, tcp);
		}
	}
	*size = options->size ? (uint32_t)options->size : needed;
	if (*size < needed) {
		tl_log_err("--size %u is too short for %s in this --mix: %u at least", *size,
			   plan_protos[options->proto], needed);
		return -EINVAL;
	}
	*plan = (struct gen_plan){
		.seed = options->seed,
		.flows = (uint32_t)options->flows,
		.fresh = (uint32_t)options->fresh,
		.tcp = tcp,
		.random = options->order == 1,
	};
	families_spread(plan->family, shares);
	for (unsigned int f = 0; f < GEN_FAMILIES; f++) {
		if (shares[f] > 0) {
			template_make(&plan->templates[f], f, tcp, *size);
		}
	}
	return 0;
}

static void frame_of(const struct gen_plan *plan, enum gen_family family, uint32_t flow,
		     uint8_t *frame)
{
	const struct gen_template *t = &plan->templates[family];
	if (plan->tcp) {
		gen_write(frame, t, family, 1, flow);
	} else {
		gen_write(frame, t, family, 0, flow);
	}
}

enum gen_family plan_frame(const struct gen_plan *plan, uint64_t n, uint32_t size, uint8_t *frame)
{
	uint32_t flow = gen_flow(plan, n);
	enum gen_family family = gen_family(plan, flow);
	uint32_t headers = gen_headers(family, plan->tcp);

	frame_of(plan, family, flow, frame);
	memset(frame + headers, 0, size - headers);
	return family;
}
