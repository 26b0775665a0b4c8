/* SPDX-License-Identifier: BSD-2-Clause */
#include "feature.h"

#include "feature_private.h"

enum {
	ITEM_HEADER = 2, /* field and kind, length */
	KIND_SHIFT = 6,	 /* enum tl_feature_kind, above the field */
	FIELD_MASK = 0x3f,
	TCP_HEADER = 20,
	IPV6_HEADER = 40,
};

/* --- items ---------------------------------------------------------------------- */

static void put_item(struct tl_feature *f, enum tl_feature_field field, enum tl_feature_kind kind,
		     const uint8_t *bytes, uint32_t len)
{
	uint32_t room = TL_FEATURE_ITEMS_BYTES - f->items_used;

	if (room < ITEM_HEADER + len) {
		f->flags |= TL_FEATURE_CUT;
		return;
	}
	uint8_t *item = f->items + f->items_used;
	item[0] = (uint8_t)(field | kind << KIND_SHIFT);
	item[1] = (uint8_t)len;
	memcpy(item + ITEM_HEADER, bytes, len);
	f->items_used = (uint16_t)(f->items_used + ITEM_HEADER + len);
	f->have |= 1u << field;
}

static bool is_plain(uint8_t c)
{
	return c >= ' ' && c < 0x7f;
}

/* Returns the length; *cut when not all of it fit. */
static uint32_t to_printable(uint8_t to[TL_FEATURE_TEXT_MAX], const uint8_t *text, uint32_t len,
			     bool *cut)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t used = 0;

	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = text[i];
		uint32_t need = is_plain(c) ? 1 : 4;
		if (used + need > TL_FEATURE_TEXT_MAX) {
			*cut = true;
			return used;
		}
		if (is_plain(c)) {
			to[used] = c;
		} else {
			const char escape[] = {'\\', 'x', digits[c >> 4], digits[c & 15]};
			memcpy(to + used, escape, sizeof(escape));
		}
		used += need;
	}
	return used;
}

static uint32_t printable(struct tl_feature *f, uint8_t to[TL_FEATURE_TEXT_MAX],
			  const uint8_t *text, uint32_t len)
{
	bool cut = false;
	uint32_t used = to_printable(to, text, len, &cut);

	if (cut) {
		f->flags |= TL_FEATURE_CUT;
	}
	return used;
}

void feature_put_text(struct tl_feature *f, enum tl_feature_field field, const uint8_t *text,
		      uint32_t len)
{
	uint8_t plain[TL_FEATURE_TEXT_MAX];
	uint32_t used = printable(f, plain, text, len);

	put_item(f, field, TL_FEATURE_TEXT, plain, used);
}

void feature_put_text_once(struct tl_feature *f, enum tl_feature_field field, const uint8_t *text,
			   uint32_t len)
{
	uint8_t plain[TL_FEATURE_TEXT_MAX];
	uint32_t used = printable(f, plain, text, len);
	struct tl_feature_item item = {0};

	while (tl_feature_next(f, field, &item)) {
		if (item.len == used && memcmp(item.bytes, plain, used) == 0) {
			return;
		}
	}
	put_item(f, field, TL_FEATURE_TEXT, plain, used);
}

void feature_put_address(struct tl_feature *f, enum tl_feature_field field, const uint8_t *address,
			 uint8_t len)
{
	put_item(f, field, TL_FEATURE_ADDRESS, address, len);
}

void feature_put_numbers(struct tl_feature *f, enum tl_feature_field field, struct bytes numbers)
{
	uint32_t len = bytes_left(&numbers);

	if (len > TL_FEATURE_TEXT_MAX) {
		f->flags |= TL_FEATURE_CUT;
		len = TL_FEATURE_TEXT_MAX;
	}
	put_item(f, field, TL_FEATURE_NUMBERS, numbers.at, len);
}

bool tl_feature_next(const struct tl_feature *f, enum tl_feature_field field,
		     struct tl_feature_item *item)
{
	while (item->at < f->items_used) {
		const uint8_t *at = f->items + item->at;
		item->at = (uint16_t)(item->at + ITEM_HEADER + at[1]);
		if ((at[0] & FIELD_MASK) == field) {
			item->bytes = at + ITEM_HEADER;
			item->len = at[1];
			item->kind = (enum tl_feature_kind)(at[0] >> KIND_SHIFT);
			return true;
		}
	}
	return false;
}

enum verdict feature_malformed(const struct feature_input *in)
{
	in->f->flags |= TL_FEATURE_BROKEN;
	in->pool->counts.malformed++;
	return VERDICT_DONE;
}

/* --- a flow ----------------------------------------------------------------------- */

void tl_feature_open(struct tl_feature *f)
{
	memset(f, 0, offsetof(struct tl_feature, histogram));
}

void tl_feature_add(struct tl_feature *f, struct tl_feature_pool *pool,
		    const struct tl_feature_packet *packet, const struct tl_feature *reverse)
{
	const struct feature_input in = {.f = f, .pool = pool, .packet = packet};

	tl_feature_count(f, packet);
	feature_tcp_syn(&in, reverse);
	feature_stream_add(&in);
}

void tl_feature_close(struct tl_feature *f, struct tl_feature_pool *pool)
{
	const struct feature_input in = {.f = f, .pool = pool, .last = true};

	if (!f->done) {
		feature_stream_close(&in);
	}
}

/* --- packets ------------------------------------------------------------------------ */

/* Where the transport header begins: IPv6 extension headers are walked as the parser did. */
static uint32_t transport_offset(const struct tl_packet *pkt, const uint8_t *frame, uint32_t len)
{
	uint32_t at = pkt->l3_offset;

	if (at >= len) {
		return len;
	}
	if (!pkt->ipv6) {
		return at + (uint32_t)(frame[at] & 15) * 4;
	}
	if (at + IPV6_HEADER > len) {
		return len;
	}
	uint8_t proto = frame[at + 6];
	at += IPV6_HEADER;
	for (int i = 0; i < TL_PARSE_MAX_EXT && tl_parse_is_ext(proto) && at + 8 <= len; i++) {
		uint8_t type = proto;
		proto = frame[at];
		at += type == TL_PROTO_FRAGMENT ? 8
		      : type == TL_PROTO_AH	? (frame[at + 1] + 2u) * 4
						: (frame[at + 1] + 1u) * 8;
	}
	return at;
}

static void find_tcp(struct tl_feature_packet *out, const struct tl_packet *pkt,
		     const uint8_t *frame, uint32_t len)
{
	uint32_t at = transport_offset(pkt, frame, len);

	if (at + TCP_HEADER <= pkt->payload_offset && pkt->payload_offset <= len) {
		out->tcp = frame + at;
		out->tcp_len = pkt->payload_offset - at;
	}
}

bool tl_feature_packet_of(struct tl_feature_packet *out, const struct tl_packet *pkt,
			  const uint8_t *frame, uint32_t len, const struct tl_flow_delta *delta,
			  uint32_t segment_len)
{
	uint32_t ip_end = pkt->l3_offset + pkt->ip_bytes;
	uint32_t at = pkt->payload_offset;

	*out = (struct tl_feature_packet){
		.ns = delta->last_ns,
		.key = &pkt->key,
		.payload = frame,
		.segment_len = segment_len,
		.packets = (uint32_t)delta->packets,
		.bytes = delta->bytes,
		.min_len = delta->min_len,
		.max_len = delta->max_len,
	};
	if (pkt->frag == TL_FRAG_LATER || ip_end < at) {
		return false;
	}
	if (pkt->key.proto == TL_PROTO_TCP) {
		find_tcp(out, pkt, frame, len);
		if (!out->tcp) {
			return false;
		}
	}
	out->wire_len = ip_end - at;
	if (at >= len) {
		return out->tcp != 0;
	}
	out->payload = frame + at;
	out->payload_len = (len < ip_end ? len : ip_end) - at;
	return true;
}
