/* SPDX-License-Identifier: BSD-2-Clause */
/* The TCP handshake: what a SYN or SYN-ACK offers (RFC 9293, section 3.1 and 3.2). */
#include "feature_private.h"

enum {
	SEQ_AT = 4,
	ACK_AT = 8,
	FLAGS_AT = 13,
	WINDOW_AT = 14,
	HEADER_LEN = 20,
	FLAG_SYN = 0x02,
	FLAG_ACK = 0x10,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WINDOW_SCALE = 3,
};

static void note_option(struct tl_feature *f, uint8_t kind, struct bytes value)
{
	if (kind == OPTION_MSS) {
		bytes_u16(&value, &f->mss);
	} else if (kind == OPTION_WINDOW_SCALE) {
		f->has_window_scale = bytes_u8(&value, &f->window_scale);
	}
}

static void read_options(struct tl_feature *f, struct bytes options)
{
	uint8_t kind;

	while (f->option_count < TL_FEATURE_TCP_OPTIONS && bytes_u8(&options, &kind)) {
		f->options[f->option_count++] = kind;
		if (kind == OPTION_END) {
			return;
		}
		if (kind == OPTION_NOP) {
			continue;
		}
		uint8_t len;
		struct bytes value;
		if (!bytes_u8(&options, &len) || len < 2 ||
		    !bytes_take(&options, len - 2u, &value)) {
			f->flags |= TL_FEATURE_BROKEN;
			return;
		}
		note_option(f, kind, value);
	}
}

/*
 * A SYN begins a stream, unless something was found in another one before, which
 * stays: a forged SYN must not hide it.
 */
static void begin(const struct feature_input *in, uint32_t seq)
{
	struct tl_feature *f = in->f;

	if (f->have == 0 && !(f->has_origin && f->origin_seq == seq + 1)) {
		feature_stream_begin(in, seq + 1);
	}
}

/* The SYN that it answers, or the time would be of another connection; with data: RFC 7413. */
static bool answers(const uint8_t *tcp, const struct tl_feature *syn)
{
	return syn && syn->has_syn && !syn->has_ack &&
	       tl_mp_be32(tcp + ACK_AT) - (syn->syn_seq + 1) <= syn->highest;
}

void feature_tcp_syn(const struct feature_input *in, const struct tl_feature *reverse)
{
	const struct tl_feature_packet *packet = in->packet;
	const uint8_t *tcp = packet->tcp;
	struct tl_feature *f = in->f;

	if (!tcp || !(tcp[FLAGS_AT] & FLAG_SYN)) {
		return;
	}
	uint32_t seq = tl_mp_be32(tcp + SEQ_AT);
	if (f->has_syn && (seq == f->syn_seq || f->have != 0)) {
		return; /* sent again, or of another connection */
	}
	begin(in, seq);
	f->has_syn = true;
	f->has_ack = (tcp[FLAGS_AT] & FLAG_ACK) != 0;
	f->syn_seq = seq;
	f->syn_ns = packet->ns;
	f->synack_ns = 0;
	f->window = tl_mp_be16(tcp + WINDOW_AT);
	f->mss = 0;
	f->has_window_scale = false;
	f->option_count = 0;
	read_options(f, bytes_of(tcp + HEADER_LEN, packet->tcp_len - HEADER_LEN));
	if (f->has_ack && answers(tcp, reverse) && packet->ns > reverse->syn_ns) {
		f->synack_ns = packet->ns - reverse->syn_ns;
	}
}
