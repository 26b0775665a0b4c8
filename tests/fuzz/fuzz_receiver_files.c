/* SPDX-License-Identifier: BSD-2-Clause */
/* The files receiver reads: tokens (first byte even), else a checkpoint whose hash is set right. */
#include <stdlib.h>

#include "../../common/auth.h"
#include "../../tools/receiver/checkpoint.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../../common/auth.c"
#include "../../tools/receiver/dedup.c"
#define read_all  checkpoint_read_all
#define read_file checkpoint_read_file
#define load	  checkpoint_load_both
#include "../../tools/receiver/checkpoint.c"

enum { TOKENS = 8 };

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

static void parse_tokens(const char *text, size_t len)
{
	struct tl_auth_token tokens[TOKENS];
	const char *reason = 0;
	unsigned int line;
	int count = tl_auth_parse(text, len, tokens, TOKENS, &line, &reason);

	require(count <= TOKENS && (count >= 0 || reason));
	struct tl_auth auth = {.tokens = tokens, .count = count > 0 ? count : 0};
	for (int i = 0; i < auth.count; i++) {
		char header[8 + TL_AUTH_TOKEN_MAX];
		require(tokens[i].name[0] && tokens[i].secret[0]);
		snprintf(header, sizeof(header), "Bearer %s", (const char *)tokens[i].secret);
		require(tl_auth_check(&auth, header) != 0);
	}
}

static void parse_checkpoint(const uint8_t *data, size_t len)
{
	char last[TL_SEGMENT_NAME_MAX];
	struct dedup *dedup;
	uint8_t *bytes = malloc(len + 1);

	require(bytes && dedup_create(&dedup, 8) == 0);
	memcpy(bytes, data, len);
	if (len >= HASH_LEN) {
		tl_mp_put_be64(bytes + len - HASH_LEN, XXH3_64bits(bytes, len - HASH_LEN));
	}
	int err = checkpoint_parse(bytes, len, dedup, last);
	require(err == 0 || err == -EBADMSG);
	for (const struct dedup_stream *s = dedup_next(dedup, 0); s; s = dedup_next(dedup, s)) {
		require(s->sets[DEDUP_SEEN].count <= TL_RANGES_MAX);
	}
	dedup_destroy(dedup);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	if (data[0] & 1) {
		parse_checkpoint(data + 1, size - 1);
	} else {
		parse_tokens((const char *)data + 1, size - 1);
	}
	return 0;
}
