/* SPDX-License-Identifier: BSD-2-Clause */
/* From options to what the generators need. Pure; plan_check logs. */
#ifndef WIREGEN_PLAN_H
#define WIREGEN_PLAN_H

#include <stdint.h>

#include "frame.h"

struct plan_options {
	uint64_t flows;
	uint64_t size; /* bytes of a frame without FCS; 0 = smallest that holds the headers, 60 at
			  least */
	uint64_t seed;
	uint64_t fresh; /* each such packet is of a flow of its own; 0 = none */
	const char *mix;
	unsigned int proto; /* 0 udp, 1 tcp */
	unsigned int order; /* 0 sequential, 1 random */
};

/* 60-byte UDP frames over IPv4, 1,000 flows in turn. */
struct plan_options plan_defaults(void);

extern const char *const plan_protos[];
extern const char *const plan_orders[];

/* The rows that both generators have, for their tables of options. */
#define PLAN_OPTS(type, field)                                                                     \
	{.long_name = "flows",                                                                     \
	 .kind = TL_OPT_NUMBER,                                                                    \
	 .offset = offsetof(type, field.flows),                                                    \
	 .metavar = "N",                                                                           \
	 .min = 1,                                                                                 \
	 .max = GEN_FLOWS_MAX,                                                                     \
	 .help = "flows, each with a source address of its own (1000)"},                           \
		{.long_name = "size",                                                              \
		 .kind = TL_OPT_NUMBER,                                                            \
		 .offset = offsetof(type, field.size),                                             \
		 .metavar = "BYTES",                                                               \
		 .min = 60,                                                                        \
		 .max = 1514,                                                                      \
		 .help = "frame length without FCS (60, or what the headers need)"},               \
		{.long_name = "mix",                                                               \
		 .kind = TL_OPT_STRING,                                                            \
		 .offset = offsetof(type, field.mix),                                              \
		 .metavar = "LIST",                                                                \
		 .help = "percent of the flows, as in v4=80,v6=15,vlan=5 (v4=100)"},               \
		{.long_name = "proto",                                                             \
		 .kind = TL_OPT_CHOICE,                                                            \
		 .offset = offsetof(type, field.proto),                                            \
		 .metavar = "NAME",                                                                \
		 .choices = plan_protos,                                                           \
		 .help = "udp (default) or tcp"},                                                  \
		{.long_name = "order",                                                             \
		 .kind = TL_OPT_CHOICE,                                                            \
		 .offset = offsetof(type, field.order),                                            \
		 .metavar = "NAME",                                                                \
		 .choices = plan_orders,                                                           \
		 .help = "of the flows: sequential (default) or random"},                          \
		{.long_name = "fresh",                                                             \
		 .kind = TL_OPT_NUMBER,                                                            \
		 .offset = offsetof(type, field.fresh),                                            \
		 .metavar = "N",                                                                   \
		 .max = UINT32_MAX,                                                                \
		 .help = "each N-th frame is of one more flow, never seen before"},                \
	{                                                                                          \
		.long_name = "seed", .kind = TL_OPT_NUMBER, .offset = offsetof(type, field.seed),  \
		.metavar = "N", .help = "of the random order (1)"                                  \
	}

/*
 * Fills *plan and *size (bytes of every frame). 0, or -EINVAL after one line
 * that says which option is wrong.
 */
int plan_make(const struct plan_options *options, struct gen_plan *plan, uint32_t *size);

/* Writes frame number `n`, `size` bytes, to `frame`; returns its family. */
enum gen_family plan_frame(const struct gen_plan *plan, uint64_t n, uint32_t size, uint8_t *frame);

extern const char *const plan_families[GEN_FAMILIES];

#endif
