/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of common/json share: pieces of JSON. All append; 0 or -ENOMEM. */
#ifndef TL_JSON_PRIVATE_H
#define TL_JSON_PRIVATE_H

#include "json.h"

#define TL_JSON_LITERAL(out, literal) tl_textbuf_add(out, literal, sizeof(literal) - 1)

int tl_json_char(struct tl_textbuf *out, char c);

/* What lies between the quotes of a string. */
int tl_json_inner(struct tl_textbuf *out, struct tl_str text);

/* A value whose first item was just read; what is in it follows at the cursor. */
int tl_json_item(struct tl_textbuf *out, const struct tl_mp_item *item, struct tl_mp_cursor *inside,
		 enum tl_json_hint hint);

#endif
