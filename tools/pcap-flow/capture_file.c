/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture_file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/parse.h"
#include "clock.h"
#include "link.h"
#include "log.h"
#include "service.h"

enum {
	BUFFER = 1 << 20,
	CHUNK = 256 << 10,   /* read at a time: stays in the L2 cache until it is parsed */
	MAX_PACKET = 262144, /* libpcap's MAXIMUM_SNAPLEN: more is damage */
	COPIED = TL_PARSE_MAX_OFFSET + 96, /* bytes of a libpcap packet that are kept */
	HEADER = 24,
	RECORD = 16,
	COPIES = BUFFER / 2, /* where they are: before it lies what libpcap has yet to read */
	MAGIC_US = 0xa1b2c3d4,
	MAGIC_NS = 0xa1b23c4d,
};

struct tl_capture_file {
	struct tl_source *source;
	const char *name;
	int link_type;
	bool swapped;
	uint32_t ns_per_tick;
	uint32_t fcs; /* bytes at the end of each frame that are no frame */
	pcap_t *pcap; /* 0 for classic files */
	int ended;    /* what libpcap said when there were no more packets */
	uint64_t packets;
	size_t start; /* of what is not yet consumed in `buffer` */
	size_t end;
	bool at_end;
	uint8_t *buffer;
};

/* --- bytes ------------------------------------------------------------------------ */

/* Reads until at least `want` bytes are there: 1; 0 when the file ends before; -errno. */
static int need(struct tl_capture_file *f, size_t want)
{
	while (f->end - f->start < want) {
		if (f->at_end) {
			return 0;
		}
		if (f->start > 0) {
			memmove(f->buffer, f->buffer + f->start, f->end - f->start);
			f->end -= f->start;
			f->start = 0;
		}
		size_t room = BUFFER - f->end < CHUNK ? BUFFER - f->end : CHUNK;
		ssize_t got = tl_source_read(f->source, f->buffer + f->end, room);
		if (got < 0) {
			return (int)got;
		}
		f->at_end = got == 0;
		f->end += (size_t)got;
	}
	return 1;
}

static uint32_t get32(const struct tl_capture_file *f, const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return f->swapped ? __builtin_bswap32(v) : v;
}

static int damaged(const struct tl_capture_file *f, const char *reason)
{
	tl_log_err("%s: damaged after %llu packets: %s", f->name, (unsigned long long)f->packets,
		   reason);
	return -EBADMSG;
}

static int explain(const struct tl_capture_file *f, int err)
{
	if (err == -EINTR) {
		return err;
	}
	return damaged(f, err == -EBADMSG ? "compressed data" : strerror(-err));
}

/* --- classic pcap -------------------------------------------------------------------- */

static bool is_classic(struct tl_capture_file *f)
{
	uint32_t magic = get32(f, f->buffer);

	f->swapped = magic == __builtin_bswap32(MAGIC_US) || magic == __builtin_bswap32(MAGIC_NS);
	magic = get32(f, f->buffer);
	f->ns_per_tick = magic == MAGIC_NS ? 1 : 1000;
	return magic == MAGIC_US || magic == MAGIC_NS;
}

static int open_classic(struct tl_capture_file *f)
{
	uint32_t network = get32(f, f->buffer + 20);

	/* Bit 26: the four highest bits say how many 16-bit words of FCS follow each frame. */
	f->fcs = network & 0x04000000 ? (network >> 28) * 2 : 0;
	f->link_type = tl_link_of_file(network & 0xffff);
	f->start = HEADER;
	return 0;
}

/* One record, all of which is in the buffer; returns its length, or 0 when it is not. */
static inline size_t take_record(struct tl_capture_file *f, struct tl_frame *frame)
{
	const uint8_t *p = f->buffer + f->start;
	size_t have = f->end - f->start;

	if (have < RECORD) {
		return 0;
	}
	uint32_t len = get32(f, p + 8);
	uint32_t wire_len = get32(f, p + 12);
	if (len > MAX_PACKET || have - RECORD < len) {
		return 0;
	}
	wire_len = wire_len > len ? wire_len : len;
	uint32_t fcs = f->fcs < wire_len ? f->fcs : 0;
	uint32_t frame_len = wire_len - fcs;
	*frame = (struct tl_frame){
		.data = p + RECORD,
		.ns = get32(f, p) * TL_SECOND_NS + (uint64_t)get32(f, p + 4) * f->ns_per_tick,
		.len = len < frame_len ? len : frame_len,
		.wire_len = frame_len,
	};
	f->start += RECORD + (size_t)len;
	return RECORD + (size_t)len;
}

/* The next record is not all there yet. 1 when it is now, 0 at the end, -errno. */
static int fetch_record(struct tl_capture_file *f)
{
	int got = need(f, RECORD);

	if (got < 0) {
		return explain(f, got);
	}
	if (got == 0) {
		return f->end > f->start ? damaged(f, "cut short in a packet header") : 0;
	}
	uint32_t len = get32(f, f->buffer + f->start + 8);
	if (len > MAX_PACKET) {
		return damaged(f, "a packet longer than 262144 bytes");
	}
	got = need(f, RECORD + (size_t)len);
	if (got < 0) {
		return explain(f, got);
	}
	return got == 0 ? damaged(f, "cut short in a packet") : 1;
}

static int next_classic(struct tl_capture_file *f, struct tl_frame *frames)
{
	int count = 0;

	while (count < TL_METER_BURST) {
		if (take_record(f, &frames[count]) > 0) {
			tl_link_describe(f->link_type, &frames[count++]);
			f->packets++;
			continue;
		}
		/* What is at hand first: reading on would move it. */
		if (count > 0) {
			break;
		}
		int got = fetch_record(f);
		if (got <= 0) {
			return got;
		}
	}
	return count;
}

/* --- libpcap ------------------------------------------------------------------------- */

/* What was read to tell the format comes first, then the source. */
static ssize_t feed_libpcap(void *cookie, char *to, size_t len)
{
	struct tl_capture_file *f = cookie;
	size_t have = f->end - f->start;

	if (have > 0) {
		len = len < have ? len : have;
		memcpy(to, f->buffer + f->start, len);
		f->start += len;
		return (ssize_t)len;
	}
	ssize_t got = tl_source_read(f->source, (uint8_t *)to, len);
	if (got < 0) {
		errno = (int)-got;
		return -1;
	}
	return got;
}

static int open_libpcap(struct tl_capture_file *f)
{
	char why[PCAP_ERRBUF_SIZE];
	cookie_io_functions_t io = {.read = feed_libpcap};
	FILE *stream = fopencookie(f, "r", io);

	if (!stream) {
		return -ENOMEM;
	}
	f->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!f->pcap) {
		fclose(stream);
		tl_log_err("%s: no capture file: %s", f->name, why);
		return -EBADMSG;
	}
	f->link_type = pcap_datalink(f->pcap);
	return 0;
}

static void take_packet(const struct pcap_pkthdr *header, const uint8_t *bytes, uint8_t *copy,
			struct tl_frame *frame)
{
	uint32_t len = header->caplen < COPIED ? header->caplen : COPIED;
	uint64_t seconds = (uint64_t)header->ts.tv_sec & 0x3ffffffff;

	memcpy(copy, bytes, len);
	*frame = (struct tl_frame){
		.data = copy,
		.ns = seconds * TL_SECOND_NS + (uint64_t)header->ts.tv_usec % TL_SECOND_NS,
		.len = len,
		.wire_len = header->len > header->caplen ? header->len : header->caplen,
	};
}

static int next_libpcap(struct tl_capture_file *f, struct tl_frame *frames)
{
	int limit = tl_source_is_live(f->source) ? 1 : TL_METER_BURST;
	int count = 0;

	while (count < limit) {
		struct pcap_pkthdr *header;
		const uint8_t *bytes;
		int got = f->ended ? f->ended : pcap_next_ex(f->pcap, &header, &bytes);
		if (got == 1) {
			take_packet(header, bytes, f->buffer + COPIES + (size_t)count * COPIED,
				    &frames[count]);
			tl_link_describe(f->link_type, &frames[count++]);
			f->packets++;
			continue;
		}
		/* libpcap tells an error once; it is told after these packets were counted. */
		f->ended = got;
		if (count > 0 || got == PCAP_ERROR_BREAK) {
			break;
		}
		return tl_service_stopping() ? -EINTR : damaged(f, pcap_geterr(f->pcap));
	}
	return count;
}

/* --- both ------------------------------------------------------------------------------ */

static int open_any(struct tl_capture_file *f)
{
	int got = need(f, HEADER);

	if (got < 0) {
		return explain(f, got);
	}
	if (got == 0) {
		tl_log_err("%s: no capture file: %s", f->name,
			   f->end > 0 ? "shorter than a file header" : "empty");
		return -EBADMSG;
	}
	int err = is_classic(f) ? open_classic(f) : open_libpcap(f);
	if (err == 0 && !tl_link_is_known(f->link_type)) {
		const char *name = pcap_datalink_val_to_name(f->link_type);
		tl_log_err("%s: link type %d (%s) is not supported: wants Ethernet, raw IP, Linux "
			   "cooked or null/loop",
			   f->name, f->link_type, name ? name : "unknown");
		return -EBADMSG;
	}
	return err;
}

int tl_capture_file_open(struct tl_capture_file **out, struct tl_source *source, const char *name)
{
	struct tl_capture_file *f = calloc(1, sizeof(*f));
	if (!f) {
		return -ENOMEM;
	}
	f->source = source;
	f->name = name;
	f->buffer = malloc(BUFFER);
	int err = f->buffer ? open_any(f) : -ENOMEM;
	if (err < 0) {
		tl_capture_file_close(f);
		return err;
	}
	*out = f;
	return 0;
}

void tl_capture_file_close(struct tl_capture_file *f)
{
	if (!f) {
		return;
	}
	if (f->pcap) {
		pcap_close(f->pcap);
	}
	free(f->buffer);
	free(f);
}

int tl_capture_file_link_type(const struct tl_capture_file *f)
{
	return f->link_type;
}

int tl_capture_file_next(struct tl_capture_file *f, struct tl_frame frames[TL_METER_BURST])
{
	return f->pcap ? next_libpcap(f, frames) : next_classic(f, frames);
}
