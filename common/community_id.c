/* SPDX-License-Identifier: BSD-2-Clause */
#include "community_id.h"

#include <nettle/sha1.h>
#include <stddef.h>
#include <string.h>

#include "msgpack.h"
#include "text.h"

enum {
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	ICMP6 = 58,
	SCTP = 132,
};

/* Two types of message that answer each other; others are told apart by their code. */
struct pair {
	uint8_t type;
	uint8_t answer;
};

static const struct pair icmp_pairs[] = {{8, 0}, {10, 9}, {13, 14}, {15, 16}, {17, 18}};
static const struct pair icmp6_pairs[] = {{128, 129}, {133, 134}, {135, 136},
					  {130, 131}, {139, 140}, {144, 145}};

bool tl_community_id_has_ports(uint8_t proto)
{
	return proto == TCP || proto == UDP || proto == SCTP || proto == ICMP || proto == ICMP6;
}

/* The answering type; -1 for a message that goes one way. */
static int answer_to(uint8_t proto, uint16_t type)
{
	const struct pair *pairs = proto == ICMP ? icmp_pairs : icmp6_pairs;
	size_t count = proto == ICMP ? sizeof(icmp_pairs) / sizeof(icmp_pairs[0])
				     : sizeof(icmp6_pairs) / sizeof(icmp6_pairs[0]);

	for (size_t i = 0; i < count; i++) {
		if (pairs[i].type == type) {
			return pairs[i].answer;
		}
		if (pairs[i].answer == type) {
			return pairs[i].type;
		}
	}
	return -1;
}

static bool counts_ports(const struct tl_community_id *flow)
{
	return !flow->no_ports && tl_community_id_has_ports(flow->proto);
}

/* Sets what stands for the ports; true when the direction is part of the id. */
static bool set_ports(struct tl_community_id *flow)
{
	if (!counts_ports(flow)) {
		flow->src_port = flow->dst_port = 0;
		return false;
	}
	if (flow->proto != ICMP && flow->proto != ICMP6) {
		return false;
	}
	int answer = answer_to(flow->proto, flow->src_port);
	if (answer >= 0) {
		flow->dst_port = (uint16_t)answer;
	}
	return answer < 0;
}

static void order(struct tl_community_id *flow)
{
	int cmp = memcmp(flow->src, flow->dst, flow->address_len);

	if (cmp < 0 || (cmp == 0 && flow->src_port <= flow->dst_port)) {
		return;
	}
	const uint8_t *address = flow->src;
	flow->src = flow->dst;
	flow->dst = address;
	uint16_t port = flow->src_port;
	flow->src_port = flow->dst_port;
	flow->dst_port = port;
}

void tl_community_id(char text[TL_COMMUNITY_ID_LEN], const struct tl_community_id *flow)
{
	struct tl_community_id f = *flow;
	uint8_t bytes[2 + 2 * 16 + 2 + 4] = {0};
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	if (!set_ports(&f)) {
		order(&f);
	}
	uint8_t *p = bytes + 2;
	memcpy(p, f.src, f.address_len);
	memcpy(p + f.address_len, f.dst, f.address_len);
	p += 2 * f.address_len;
	*p = f.proto;
	p += 2;
	if (counts_ports(&f)) {
		p = tl_mp_put_be16(tl_mp_put_be16(p, f.src_port), f.dst_port);
	}
	sha1_init(&sha1);
	sha1_update(&sha1, (size_t)(p - bytes), bytes);
	sha1_digest(&sha1, sizeof(digest), digest);
	text[0] = '1';
	text[1] = ':';
	tl_text_put_base64(text + 2, digest, sizeof(digest));
}
