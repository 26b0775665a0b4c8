/* SPDX-License-Identifier: BSD-2-Clause */
#include "event_private.h"
#include "feature_columns.h"
#include "text.h"

/* --- values ----------------------------------------------------------------------- */

static uint64_t number_of(const struct tl_feature *f, unsigned int column, uint64_t flow_id)
{
	switch (column) {
	case C_FLOW_ID:
		return flow_id;
	case C_START:
		return f->first_ns;
	case C_PACKETS:
		return f->size.count;
	case C_BYTES:
		return f->bytes;
	case C_DURATION:
		return f->last_ns - f->first_ns;
	case C_SIZE_MIN:
		return f->size.min;
	case C_SIZE_MAX:
		return f->size.max;
	case C_GAP_MIN:
		return f->gap.min;
	case C_GAP_MAX:
		return f->gap.max;
	case C_PAYLOAD_BYTES:
		return f->payload_bytes;
	case C_ENTROPY_BYTES:
		return f->entropy_count;
	case C_OUT_OF_ORDER:
		return f->out_of_order;
	case C_FLAGS:
		return f->flags;
	case C_WINDOW:
		return f->window;
	case C_MSS:
		return f->mss;
	case C_WINDOW_SCALE:
		return f->has_window_scale ? f->window_scale : 0;
	default:
		return f->synack_ns;
	}
}

static double real_of(const struct tl_feature *f, const struct tl_feature_pool *pool,
		      unsigned int column)
{
	switch (column) {
	case C_SIZE_MEAN:
		return f->size.mean;
	case C_SIZE_VARIANCE:
		return tl_feature_variance(&f->size);
	case C_GAP_MEAN:
		return f->gap.mean;
	case C_GAP_VARIANCE:
		return tl_feature_variance(&f->gap);
	default:
		return tl_feature_entropy(f, pool);
	}
}

static uint32_t list_of(const struct tl_feature *f, unsigned int column,
			uint32_t out[TL_FEATURE_TCP_OPTIONS])
{
	uint64_t known = column == C_SIZES  ? f->size.count
			 : column == C_GAPS ? f->gap.count
					    : f->option_count;
	uint32_t most = column == C_OPTIONS ? TL_FEATURE_TCP_OPTIONS : TL_FEATURE_FIRST;
	uint32_t count = known < most ? (uint32_t)known : most;

	for (uint32_t i = 0; i < count; i++) {
		out[i] = column == C_SIZES  ? f->sizes[i]
			 : column == C_GAPS ? f->gaps[i]
					    : f->options[i];
	}
	return count;
}

static uint8_t *put_numbers(uint8_t *p, const struct tl_feature *f, unsigned int column)
{
	uint32_t list[TL_FEATURE_TCP_OPTIONS];
	uint32_t count = list_of(f, column, list);

	p = tl_mp_put_array(p, count);
	for (uint32_t i = 0; i < count; i++) {
		p = tl_mp_put_uint(p, list[i]);
	}
	return p;
}

static uint8_t *put_item(uint8_t *p, const struct tl_feature_item *item)
{
	char text[TL_TEXT_IP_MAX];

	/* As text, as eve has it: these stand beside names. */
	if (item->kind == TL_FEATURE_ADDRESS) {
		uint32_t len = (uint32_t)(tl_text_put_ip(text, item->bytes, item->len) - text);
		return tl_mp_put_str(p, (struct tl_str){text, len});
	}
	return tl_mp_put_str(p, (struct tl_str){(const char *)item->bytes, item->len});
}

static uint8_t *put_texts(uint8_t *p, const struct tl_feature *f, enum tl_feature_field field)
{
	struct tl_feature_item item = {0};
	uint32_t count = 0;

	while (tl_feature_next(f, field, &item)) {
		count++;
	}
	p = tl_mp_put_array(p, count);
	item = (struct tl_feature_item){0};
	while (tl_feature_next(f, field, &item)) {
		p = put_item(p, &item);
	}
	return p;
}

static uint8_t *put_text(uint8_t *p, const struct tl_feature *f, enum tl_feature_field field)
{
	struct tl_feature_item item = {0};

	tl_feature_next(f, field, &item);
	return put_item(p, &item);
}

/* An array, unless it is `one`. */
static uint8_t *put_item_numbers(uint8_t *p, const struct tl_feature *f,
				 enum tl_feature_field field, bool one)
{
	struct tl_feature_item item = {0};

	tl_feature_next(f, field, &item);
	p = one ? p : tl_mp_put_array(p, item.len / 2);
	for (unsigned int i = 0; i + 1 < item.len; i += 2) {
		p = tl_mp_put_uint(p, tl_mp_be16(item.bytes + i));
	}
	return p;
}

static uint8_t *put_value(uint8_t *p, const struct tl_feature *f,
			  const struct tl_feature_pool *pool, unsigned int column, uint64_t flow_id)
{
	enum tl_feature_field field = (enum tl_feature_field)(column - C_FIELDS);

	switch (feature_columns[column].kind) {
	case NUMBER:
		return column == C_FLOW_ID ? tl_mp_put_u64(p, flow_id)
					   : tl_mp_put_uint(p, number_of(f, column, flow_id));
	case TIME:
		return tl_mp_put_time(p, number_of(f, column, flow_id));
	case REAL:
		return tl_mp_put_f64(p, real_of(f, pool, column));
	case NUMBERS:
		return put_numbers(p, f, column);
	case FIELD_NUMBER:
		return put_item_numbers(p, f, field, true);
	case FIELD_NUMBERS:
		return put_item_numbers(p, f, field, false);
	case TEXT:
		return put_text(p, f, field);
	case TEXTS:
		return put_texts(p, f, field);
	default:
		return p;
	}
}

uint32_t tl_feature_encode(uint8_t *p, const struct tl_feature *f,
			   const struct tl_feature_pool *pool, const struct tl_flow_key *key,
			   uint64_t flow_id, uint64_t ts_ns, int first_shape, unsigned int *shape)
{
	struct feature_shape of;
	uint32_t count = C_KEY_LAST + 1;
	uint8_t *at = p;

	*shape = (unsigned int)first_shape + feature_shape_of(f, &of);
	for (unsigned int i = C_FLOW_ID; i < FEATURE_COLUMNS; i++) {
		count += feature_column_is_in(i, of.fields, of.handshake);
	}
	at = tl_mp_put_array(at, 2 + count);
	at = tl_mp_put_uint(at, *shape);
	at = tl_mp_put_time(at, ts_ns);
	at = put_key(at, key, is_v6(key), is_icmp(key));
	for (unsigned int i = C_FLOW_ID; i < FEATURE_COLUMNS; i++) {
		if (feature_column_is_in(i, of.fields, of.handshake)) {
			at = put_value(at, f, pool, i, flow_id);
		}
	}
	return (uint32_t)(at - p);
}
