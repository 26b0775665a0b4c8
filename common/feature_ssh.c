/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SSH: the identification line (RFC 4253, section 4.2) and HASSH
 * (github.com/salesforce/hassh, BSD-3-Clause) of the key exchange message (7.1).
 */
#include <nettle/md5.h>

#include "feature_ja.h"

enum {
	PHASE_BANNER = 0,
	PHASE_KEXINIT,
	BANNER_MAX = 255, /* with its line ending */
	PACKET_HEADER = 5,
	PACKET_MAX = 35000,
	MSG_KEXINIT = 20,
	COOKIE_LEN = 16,
	LISTS = 8,
	LIST_KEX = 0,
	LIST_ENCRYPTION = 2, /* client to server; the other way follows */
	LIST_MAC = 4,
	LIST_COMPRESSION = 6,
};

/* The higher port is the client's where no SYN told. */
static bool is_client(const struct feature_input *in)
{
	const struct tl_feature *f = in->f;

	if (f->has_syn || !in->packet) {
		return !f->has_ack;
	}
	return TL_NTOHS(in->packet->key->src_port) > TL_NTOHS(in->packet->key->dst_port);
}

static enum verdict read_banner(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
				uint32_t *used)
{
	uint32_t compare = len < 4 ? len : 4;

	if (memcmp(bytes, "SSH-", compare) != 0) {
		return VERDICT_NOT;
	}
	const uint8_t *end = memchr(bytes, '\n', len < BANNER_MAX ? len : BANNER_MAX);
	if (!end) {
		return len < BANNER_MAX ? VERDICT_MORE : VERDICT_NOT;
	}
	uint32_t text_len = (uint32_t)(end - bytes);
	if (text_len > 0 && bytes[text_len - 1] == '\r') {
		text_len--;
	}
	feature_put_text(
		in->f, is_client(in) ? TL_FEATURE_SSH_CLIENT_BANNER : TL_FEATURE_SSH_SERVER_BANNER,
		bytes, text_len);
	in->f->phase = PHASE_KEXINIT;
	*used = (uint32_t)(end + 1 - bytes);
	return VERDICT_MORE;
}

static void hash_lists(char text[FEATURE_MD5_TEXT], const struct bytes lists[LISTS],
		       unsigned int server)
{
	static const uint8_t of_client[] = {LIST_ENCRYPTION, LIST_MAC, LIST_COMPRESSION};
	uint8_t digest[MD5_DIGEST_SIZE];
	struct md5_ctx md5;

	md5_init(&md5);
	md5_update(&md5, bytes_left(&lists[LIST_KEX]), lists[LIST_KEX].at);
	for (unsigned int i = 0; i < sizeof(of_client); i++) {
		const struct bytes *list = &lists[of_client[i] + server];
		md5_update(&md5, 1, (const uint8_t *)";");
		md5_update(&md5, bytes_left(list), list->at);
	}
	md5_digest(&md5, sizeof(digest), digest);
	feature_hex(text, digest, sizeof(digest));
}

static enum verdict read_kexinit(const struct feature_input *in, struct bytes message)
{
	struct bytes lists[LISTS];
	char text[FEATURE_MD5_TEXT];
	bool client = feature_has(in->f, TL_FEATURE_SSH_CLIENT_BANNER);

	message.at += 1 + COOKIE_LEN;
	for (unsigned int i = 0; i < LISTS; i++) {
		uint32_t len;
		if (!bytes_u32(&message, &len) || !bytes_take(&message, len, &lists[i])) {
			return feature_malformed(in);
		}
	}
	hash_lists(text, lists, !client);
	feature_put_text(in->f, client ? TL_FEATURE_SSH_CLIENT_HASSH : TL_FEATURE_SSH_SERVER_HASSH,
			 (const uint8_t *)text, sizeof(text));
	return VERDICT_DONE;
}

static enum verdict read_packet(const struct feature_input *in, const uint8_t *bytes, uint32_t len)
{
	if (len < PACKET_HEADER + 1) {
		return VERDICT_MORE;
	}
	uint32_t packet_len = tl_mp_be32(bytes);
	uint32_t padding = bytes[4];
	if (bytes[5] != MSG_KEXINIT || packet_len > PACKET_MAX ||
	    packet_len < 1 + padding + 1 + COOKIE_LEN) {
		return feature_malformed(in);
	}
	if (packet_len + 4 > TL_FEATURE_BUFFER_BYTES) {
		in->f->flags |= TL_FEATURE_LONG;
		return VERDICT_DONE;
	}
	if (len < packet_len + 4) {
		return VERDICT_MORE;
	}
	return read_kexinit(in, bytes_of(bytes + PACKET_HEADER, packet_len - 1 - padding));
}

static enum verdict decode(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
			   uint32_t *used)
{
	enum verdict verdict = VERDICT_MORE;

	if (in->f->phase == PHASE_BANNER) {
		verdict = read_banner(in, bytes, len, used);
	}
	if (verdict == VERDICT_MORE && in->f->phase == PHASE_KEXINIT && len > *used) {
		verdict = read_packet(in, bytes + *used, len - *used);
	}
	return verdict;
}

const struct feature_decoder feature_ssh = {"ssh", decode};
