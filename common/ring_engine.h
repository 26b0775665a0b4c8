/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes one AF_PACKET capture daemon differ from another: how packets
 * come out of the socket. What they share is common/ring*.c, what they share
 * with other capture daemons common/capd*.c.
 */
#ifndef TL_RING_ENGINE_H
#define TL_RING_ENGINE_H

#include "afpacket.h"

enum {
	TL_RING_RETIRE_MS = 10, /* a ring's block is handed over so long after its first packet */
};

struct tl_ring_config {
	uint64_t ring_size;  /* bytes: of the ring or of the socket's buffer */
	uint64_t block_size; /* bytes, a power of two */
	uint32_t snaplen;    /* bytes of a packet that the filter lets through */
	bool quiet;	     /* a probe: what is smaller than asked for needs no note */
};

struct tl_ring_engine {
	const char *name; /* of the program, and of the engine in events */
	const char *mode;
	const char *summary; /* one line, for --help */
	bool zero_copy;
	double max_throughput_mpps; /* measured; docs/design.md */

	/* Between tl_afp_open and tl_afp_bind. 0; -ENOMEM and other -errno; logs. */
	int (*open)(void **ring, const struct tl_afp *afp, const struct tl_ring_config *config);
	/*
	 * At most TL_METER_BURST frames, valid until the next call: their count,
	 * 0 when none is there (poll the socket), -EBADMSG when the kernel stored one
	 * that it cannot hand over (it is lost), other -errno when reading failed.
	 */
	int (*next)(void *ring, struct tl_frame *frames);
	/* Highest fill since it was last asked, 0..1. */
	double (*take_utilization)(void *ring);
	/* Accepts 0. */
	void (*close)(void *ring);
};

/* The whole program; returns its exit code (exit.h). */
int tl_ring_main(const struct tl_ring_engine *engine, int argc, char **argv);

#endif
