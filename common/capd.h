/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of a capture daemon on packet sockets: options, interfaces, one
 * thread and one flow table for each ring, capture_stats each second, start
 * and stop without a packet outside the books.
 *
 * One stream for each interface, fed by its rings; one outbox for all. The
 * stream ends with capture_stats after every flow_end.
 */
#ifndef TL_CAPD_H
#define TL_CAPD_H

#include "capd_engine.h"

/* The whole program; returns its exit code (exit.h). */
int tl_capd_main(const struct tl_capd_engine *engine, int argc, char **argv);

#endif
