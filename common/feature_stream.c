/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The payload of a flow goes to the decoder it belongs to. A TCP stream is put
 * in order first: what comes in order and whole is read where it is, and only
 * a message in pieces is copied.
 */
#include "feature_private.h"

enum { SEQ_AT = 4, FLAGS_AT = 13, FLAG_SYN = 0x02 };

/* A stream is tried with each until one takes it. */
static const struct feature_decoder *const stream_decoders[] = {
	0, &feature_tls, &feature_http, &feature_ssh, &feature_dns_stream,
};

static const struct feature_decoder *const datagram_decoders[] = {
	&feature_dns_datagram,
	&feature_quic,
};

enum {
	STREAM_DECODERS = sizeof(stream_decoders) / sizeof(stream_decoders[0]),
	DATAGRAM_DECODERS = sizeof(datagram_decoders) / sizeof(datagram_decoders[0]),
};

static void finish(const struct feature_input *in)
{
	in->f->done = true;
	feature_buffer_release(in->f, in->pool);
}

static enum verdict choose(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
			   uint32_t *used)
{
	enum verdict best = VERDICT_NOT;

	for (uint8_t i = 1; i < STREAM_DECODERS; i++) {
		*used = 0;
		enum verdict verdict = stream_decoders[i]->decode(in, bytes, len, used);
		if (verdict == VERDICT_DONE || (verdict == VERDICT_MORE && *used > 0)) {
			in->f->decoder = i;
			return verdict;
		}
		best = verdict == VERDICT_MORE ? VERDICT_MORE : best;
	}
	*used = 0;
	return best;
}

/* How many of the bytes are done with. */
static uint32_t decode(const struct feature_input *in, const uint8_t *bytes, uint32_t len)
{
	struct tl_feature *f = in->f;
	uint32_t used = 0;
	enum verdict verdict = f->decoder
				       ? stream_decoders[f->decoder]->decode(in, bytes, len, &used)
				       : choose(in, bytes, len, &used);

	if (verdict != VERDICT_MORE) {
		finish(in);
	}
	return used;
}

static void decode_buffered(const struct feature_input *in)
{
	struct tl_feature *f = in->f;
	uint32_t ready = feature_buffer_ready(f);

	if (ready == 0) {
		return;
	}
	uint32_t used = decode(in, f->buffer->bytes, ready);
	if (f->done) {
		return;
	}
	f->consumed += used;
	feature_buffer_drop(f, in->pool, used);
	if (feature_buffer_ready(f) == TL_FEATURE_BUFFER_BYTES) {
		f->flags |= TL_FEATURE_LONG;
		feature_stream_close(in);
	}
}

/* In order and nothing waiting: read in place. */
static void decode_in_place(const struct feature_input *in, struct bytes payload)
{
	struct tl_feature *f = in->f;
	uint32_t used = decode(in, payload.at, bytes_left(&payload));

	if (f->done) {
		return;
	}
	f->consumed += used;
	payload.at += used;
	feature_buffer_put(in, 0, payload);
	if (f->flags & TL_FEATURE_NO_BUFFER) {
		finish(in);
	}
}

static void add_to_stream(const struct feature_input *in, struct bytes payload, uint32_t offset)
{
	struct tl_feature *f = in->f;
	int32_t ahead = (int32_t)(offset - f->consumed);

	if (ahead < 0) {
		uint32_t known = 0 - (uint32_t)ahead;
		uint32_t len = bytes_left(&payload);
		payload.at += known < len ? known : len;
		ahead = 0;
	}
	if (bytes_left(&payload) == 0) {
		return;
	}
	if (ahead == 0 && !f->buffer) {
		decode_in_place(in, payload);
		return;
	}
	feature_buffer_put(in, (uint32_t)ahead, payload);
	decode_buffered(in);
}

void feature_stream_begin(const struct feature_input *in, uint32_t seq)
{
	struct tl_feature *f = in->f;

	feature_buffer_release(f, in->pool);
	f->has_origin = true;
	f->origin_seq = seq;
	f->highest = 0;
	f->consumed = 0;
	f->decoder = 0;
	f->phase = 0;
	f->done = false;
}

/* Entropy is of the bytes that move the stream forward. */
static void add_tcp(const struct feature_input *in)
{
	const struct tl_feature_packet *packet = in->packet;
	struct tl_feature *f = in->f;
	uint32_t seq = tl_mp_be32(packet->tcp + SEQ_AT);

	/* Data in a SYN (TCP fast open) follows the number that the SYN takes. */
	seq += packet->tcp[FLAGS_AT] & FLAG_SYN ? 1 : 0;
	if (!f->has_origin) {
		feature_stream_begin(in, seq);
	}
	uint32_t offset = seq - f->origin_seq;
	int32_t behind = (int32_t)(f->highest - offset);
	if (behind != 0 && f->out_of_order < UINT16_MAX) {
		f->out_of_order++;
	}
	if (behind <= 0) {
		feature_entropy_add(f, packet->payload, packet->payload_len);
	} else if ((uint32_t)behind < packet->payload_len) {
		feature_entropy_add(f, packet->payload + behind,
				    packet->payload_len - (uint32_t)behind);
	}
	if ((int32_t)(offset + packet->wire_len - f->highest) > 0) {
		f->highest = offset + packet->wire_len;
	}
	if (!f->done) {
		add_to_stream(in, bytes_of(packet->payload, packet->payload_len), offset);
	}
}

static void add_datagram(const struct feature_input *in, const uint8_t *bytes, uint32_t len)
{
	uint32_t used = 0;

	for (unsigned int i = 0; i < DATAGRAM_DECODERS && !in->f->done; i++) {
		enum verdict verdict = datagram_decoders[i]->decode(in, bytes, len, &used);
		if (verdict == VERDICT_DONE) {
			finish(in);
		}
		if (verdict != VERDICT_NOT) {
			return;
		}
	}
}

/* Datagrams that were merged into one are taken apart again. */
static void add_datagrams(const struct feature_input *in)
{
	const struct tl_feature_packet *packet = in->packet;
	uint32_t step = packet->segment_len > 0 ? packet->segment_len : packet->payload_len;

	feature_entropy_add(in->f, packet->payload, packet->payload_len);
	for (uint32_t at = 0; at < packet->payload_len && !in->f->done; at += step) {
		uint32_t left = packet->payload_len - at;
		add_datagram(in, packet->payload + at, left < step ? left : step);
	}
}

void feature_stream_add(const struct feature_input *in)
{
	const struct tl_feature_packet *packet = in->packet;

	if (packet->tcp) {
		if (packet->wire_len > 0) {
			add_tcp(in);
		}
	} else if (packet->key->proto == TL_PROTO_UDP) {
		add_datagrams(in);
	} else {
		feature_entropy_add(in->f, packet->payload, packet->payload_len);
	}
}

void feature_stream_close(const struct feature_input *in)
{
	struct feature_input last = *in;
	struct tl_feature *f = in->f;

	last.last = true;
	/* Of QUIC the buffer holds CRYPTO bytes, no stream of which a part would tell anything. */
	if (!f->done && feature_buffer_ready(f) > 0 && f->dcid_len == 0) {
		decode(&last, f->buffer->bytes, feature_buffer_ready(f));
	}
	if (f->buffer) {
		f->flags |= TL_FEATURE_PARTIAL;
	}
	finish(in);
}
