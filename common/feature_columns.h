/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to flow_features events: their columns in order. */
#ifndef TL_FEATURE_COLUMNS_H
#define TL_FEATURE_COLUMNS_H

#include "feature_event.h"

/* When a column is in an event. */
enum when {
	ALWAYS,
	WITH_SYN,
	WITH_SYNACK,
	WITH_FIELD,
};

enum kind {
	KEY, /* one of the first eight: put_key writes them */
	NUMBER,
	REAL,
	TIME,
	NUMBERS,
	FIELD_NUMBER,
	FIELD_NUMBERS,
	TEXT,  /* the first value of the field */
	TEXTS, /* all of them */
};

enum column_id {
	C_KEY_FIRST,
	C_KEY_LAST = C_KEY_FIRST + 7,
	C_FLOW_ID,
	C_START,
	C_PACKETS,
	C_BYTES,
	C_DURATION,
	C_SIZE_MEAN,
	C_SIZE_VARIANCE,
	C_SIZE_MIN,
	C_SIZE_MAX,
	C_SIZES,
	C_GAP_MEAN,
	C_GAP_VARIANCE,
	C_GAP_MIN,
	C_GAP_MAX,
	C_GAPS,
	C_PAYLOAD_BYTES,
	C_ENTROPY_BYTES,
	C_ENTROPY,
	C_OUT_OF_ORDER,
	C_FLAGS,
	C_WINDOW,
	C_MSS,
	C_WINDOW_SCALE,
	C_OPTIONS,
	C_SYNACK,
	C_FIELDS,
};

enum {
	FEATURE_COLUMNS = C_FIELDS + TL_FEATURE_FIELDS,
	FEATURE_HANDSHAKES = 3, /* none seen, a SYN, a SYN-ACK whose SYN was seen */
};

struct feature_column {
	struct tl_feature_column told;
	enum when when;
	enum kind kind;
};

extern const struct feature_column feature_columns[FEATURE_COLUMNS];

/* What decides which columns an event has. */
struct feature_shape {
	uint32_t fields;
	unsigned int handshake; /* 0 to 2 */
};

/* How many ids behind the first the shape of this state is. */
unsigned int feature_shape_of(const struct tl_feature *f, struct feature_shape *shape);

bool feature_column_is_in(unsigned int column, uint32_t fields, unsigned int handshake);

#endif
