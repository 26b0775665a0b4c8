/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of a capture daemon, checked. */
#ifndef TL_CAPD_OPTIONS_H
#define TL_CAPD_OPTIONS_H

#include "capd_engine.h"
#include "opt.h"

struct tl_capd_options {
	struct tl_opt_list interfaces;
	const char *filter; /* 0: everything */
	const char *output;
	unsigned int direction; /* index into in, out, both */
	uint64_t threads;	/* rings an interface */
	uint64_t count;		/* packets after which to stop; 0 = never */
	uint64_t duration_ns;	/* after which to stop; 0 = never */
	uint64_t snaplen;	/* 0 = by mode */
	uint64_t payload;
	uint64_t flows;
	uint64_t every;
	uint64_t idle_ns;
	uint64_t active_ns;
	uint64_t linger_ns;
	uint64_t ring_size;
	uint64_t block_size;
	uint64_t window;
	uint64_t ready_fd;   /* UINT64_MAX = nobody asked */
	char *joined_filter; /* of the words after the options; owned */
	bool no_promisc;
	bool raw;
	bool include_own;
	bool insecure;
	bool capabilities;
	bool probe;
	bool plain;
};

/*
 * 1 and *options; 0 when the answer is already on stdout (--help); -EINVAL
 * after one logged line. Release with tl_capd_options_fini in any case.
 */
int tl_capd_options_parse(struct tl_capd_options *options, const struct tl_capd_engine *engine,
			  int argc, char **argv);
void tl_capd_options_fini(struct tl_capd_options *options);

/* What follows from them. */
int tl_capd_options_ready_fd(const struct tl_capd_options *options); /* -1: nobody asked */
uint32_t tl_capd_options_snaplen(const struct tl_capd_options *options);
/* The same of a packet whose headers may be long: as far as the parser follows them. */
uint32_t tl_capd_options_long_snaplen(const struct tl_capd_options *options);
enum tl_filter_direction tl_capd_options_direction(const struct tl_capd_options *options);

#endif
