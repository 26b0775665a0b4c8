/* SPDX-License-Identifier: BSD-2-Clause */
/* capture_stats: one table for names, encoding and decoding. */
#include <stddef.h>

#include "event_private.h"

enum stat_kind { STAT_U64, STAT_I64, STAT_F64, STAT_STR };

struct stat_field {
	struct tl_str name;
	enum stat_kind kind;
	size_t offset;
};

#define STAT(kind, field)                                                                          \
	{                                                                                          \
		TL_STR(#field), kind, offsetof(struct tl_capture_stats, field)                     \
	}
#define STAT_CLASS(name, class)                                                                    \
	{TL_STR(name "_packets"), STAT_U64,                                                        \
	 offsetof(struct tl_capture_stats, class_packets) + 8 * (class)},                          \
	{                                                                                          \
		TL_STR(name "_bytes"), STAT_U64,                                                   \
			offsetof(struct tl_capture_stats, class_bytes) + 8 * (class)               \
	}

static const struct stat_field stat_fields[] = {
	STAT(STAT_U64, packets),
	STAT(STAT_U64, bytes),
	STAT_CLASS("flow", TL_CLASS_FLOW),
	STAT_CLASS("coarse", TL_CLASS_COARSE),
	STAT_CLASS("unattributed", TL_CLASS_UNATTRIBUTED),
	STAT_CLASS("arp", TL_CLASS_ARP),
	STAT_CLASS("other_l3", TL_CLASS_OTHER_L3),
	STAT_CLASS("malformed_l2", TL_CLASS_MALFORMED_L2),
	STAT_CLASS("malformed_l3", TL_CLASS_MALFORMED_L3),
	STAT_CLASS("filtered", TL_CLASS_FILTERED),
	STAT(STAT_U64, skbs),
	STAT(STAT_U64, kernel_drops),
	STAT(STAT_U64, ring_drops),
	STAT(STAT_U64, events),
	STAT(STAT_U64, flows_active),
	STAT(STAT_U64, flows_evicted),
	STAT(STAT_U64, lost_in_crash),
	STAT(STAT_F64, ring_utilization),
	STAT(STAT_F64, cpu_percent),
	STAT(STAT_I64, residual_packets),
	STAT(STAT_I64, residual_bytes),
	STAT(STAT_STR, engine),
	STAT(STAT_STR, mode),
};

enum { STAT_COUNT = sizeof(stat_fields) / sizeof(stat_fields[0]) };

int tl_event_add_stats_shape(struct tl_shapes *shapes)
{
	struct tl_str names[STAT_COUNT];

	for (unsigned int i = 0; i < STAT_COUNT; i++) {
		names[i] = stat_fields[i].name;
	}
	int id = tl_shapes_intern(shapes, TL_STR("capture_stats"), names, STAT_COUNT, 0, 0);
	return id < 0 ? id : 0;
}

static uint8_t *put_stat(uint8_t *p, const struct stat_field *field, const void *value)
{
	switch (field->kind) {
	case STAT_U64:
		return tl_mp_put_u64(p, *(const uint64_t *)value);
	case STAT_I64:
		return tl_mp_put_int(p, *(const int64_t *)value);
	case STAT_F64:
		return tl_mp_put_f64(p, *(const double *)value);
	default: {
		struct tl_str text = *(const struct tl_str *)value;
		text.len = text.len > 64 ? 64 : text.len;
		return tl_mp_put_str(p, text);
	}
	}
}

uint32_t tl_stats_event_encode(uint8_t *p, const struct tl_capture_stats *stats, uint64_t ts_ns)
{
	uint8_t *at = tl_mp_put_array(p, 2 + STAT_COUNT);

	at = tl_mp_put_uint(at, TL_SHAPE_STATS);
	at = tl_mp_put_time(at, ts_ns);
	for (unsigned int i = 0; i < STAT_COUNT; i++) {
		at = put_stat(at, &stat_fields[i], (const char *)stats + stat_fields[i].offset);
	}
	return (uint32_t)(at - p);
}

static void take_stat(const struct stat_field *field, const struct tl_mp_item *item,
		      struct tl_capture_stats *out)
{
	void *value = (char *)out + field->offset;
	bool integer = item->kind == TL_MP_KIND_UINT || item->kind == TL_MP_KIND_INT;

	if (field->kind == STAT_STR && item->kind == TL_MP_KIND_STR) {
		*(struct tl_str *)value = item->blob;
	} else if (field->kind == STAT_U64 && item->kind == TL_MP_KIND_UINT) {
		*(uint64_t *)value = item->number;
	} else if (field->kind == STAT_I64 && integer) {
		*(int64_t *)value = item->negative;
	} else if (field->kind == STAT_F64 && item->kind == TL_MP_KIND_FLOAT) {
		*(double *)value = item->real;
	} else if (field->kind == STAT_F64 && item->kind == TL_MP_KIND_UINT) {
		*(double *)value = (double)item->number;
	}
}

int tl_stats_event_decode(const struct tl_event *event, struct tl_capture_stats *out)
{
	if (!tl_str_eq(event->type, TL_STR("capture_stats"))) {
		return -ENOMSG;
	}
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	*out = (struct tl_capture_stats){0};
	while (tl_entity_next(&iter, &entity)) {
		struct tl_mp_item item;
		tl_mp_get(&entity.value, &item);
		for (unsigned int i = 0; i < STAT_COUNT; i++) {
			if (tl_str_eq(stat_fields[i].name, entity.name)) {
				take_stat(&stat_fields[i], &item, out);
			}
		}
	}
	return 0;
}
