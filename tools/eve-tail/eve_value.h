/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON values to msgpack, straight into the batch. Pure. Getters of `json` as in eve_json.h: 0 or
 * -EBADMSG; -ENOSPC: no room left, what was written is to be dropped.
 */
#ifndef EVE_TAIL_EVE_VALUE_H
#define EVE_TAIL_EVE_VALUE_H

#include "eve_json.h"
#include "eve_time.h"

enum {
	EVE_SHORT_MAX = 512, /* bytes of a string that may stand for something else */
	EVE_OUT_SLACK = 32,  /* bytes behind the limit that may be overwritten */
};

struct eve_out {
	uint8_t *p;
	uint8_t *limit; /* EVE_OUT_SLACK bytes behind it are ours too */
	uint32_t cut;	/* strings over TL_MP_MAX_BLOB, cut there */
};

static inline bool eve_out_has(const struct eve_out *out, size_t len)
{
	return (size_t)(out->limit - out->p) >= len;
}

/*
 * The value at the cursor, whatever it is; `depth` containers may nest. One that nests deeper
 * becomes its JSON text, as a string.
 */
int eve_value_put(struct eve_json *json, struct eve_out *out, unsigned int depth);

/* The string at the cursor. */
int eve_value_put_string(struct eve_json *json, struct eve_out *out);

/* Text as it is, cut to TL_MP_MAX_BLOB, counted then. 0 or -ENOSPC. */
int eve_value_put_text(struct eve_out *out, struct tl_str text);

/* The header of an array whose members have been written from `start` on. 0 or -ENOSPC. */
int eve_value_close(struct eve_out *out, uint8_t *start, uint32_t count, bool map);

/*
 * A string that stands for something else, as that: 0. -EINVAL: it does not, or it is no string;
 * nothing moved.
 */
int eve_value_put_address(struct eve_json *json, struct eve_out *out, uint8_t address[16],
			  uint32_t *len);
int eve_value_put_time(struct eve_json *json, struct eve_out *out, struct eve_minute *minute);
int eve_value_get_time(struct eve_json *json, struct eve_minute *minute, uint64_t *ns);
int eve_value_get_proto(struct eve_json *json, uint8_t *proto);

/*
 * The string at the cursor, unescaped into `scratch` where it has to be; nothing moves. -EINVAL: it
 * is none, or longer than that then.
 */
int eve_value_peek_string(const struct eve_json *json, char scratch[EVE_SHORT_MAX],
			  struct tl_str *text);
/* A number at the cursor that is an integer up to `max`; nothing moves. */
int eve_value_peek_uint(const struct eve_json *json, uint64_t max, uint64_t *number);

#endif
