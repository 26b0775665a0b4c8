/* SPDX-License-Identifier: BSD-2-Clause */
/* --features and what goes with it, of every tool that has it. */
#ifndef TL_FEATURE_OPTIONS_H
#define TL_FEATURE_OPTIONS_H

#include "flow_features.h"
#include "opt.h"

struct tl_feature_options {
	bool on;
	bool once;
	uint64_t packets;
	uint64_t flows;
};

#define TL_FEATURE_OPTIONS_DEFAULT                                                                 \
	{                                                                                          \
		.packets = TL_FEATURE_PACKETS, .flows = TL_FEATURE_STATES                          \
	}

/* `at`: the offset of the options in those of the tool. */
#define TL_FEATURE_OPT_ROWS(at)                                                                    \
	{.long_name = "features",                                                                  \
	 .kind = TL_OPT_FLAG,                                                                      \
	 .offset = (at) + offsetof(struct tl_feature_options, on),                                 \
	 .help = "an event of what is inside each flow: hello, names, sizes, times"},              \
		{.long_name = "features-packets",                                                  \
		 .kind = TL_OPT_NUMBER,                                                            \
		 .metavar = "N",                                                                   \
		 .offset = (at) + offsetof(struct tl_feature_options, packets),                    \
		 .help = "--features: packets of a flow that are looked into (16)",                \
		 .min = 1,                                                                         \
		 .max = TL_FEATURE_PACKETS_MAX},                                                   \
		{.long_name = "features-flows",                                                    \
		 .kind = TL_OPT_NUMBER,                                                            \
		 .metavar = "N",                                                                   \
		 .offset = (at) + offsetof(struct tl_feature_options, flows),                      \
		 .help = "--features: flows a thread remembers them of, 1,728 bytes each (65536)", \
		 .min = 1,                                                                         \
		 .max = TL_FEATURE_STATES_MAX},                                                    \
	{                                                                                          \
		.long_name = "features-once", .kind = TL_OPT_FLAG,                                 \
		.offset = (at) + offsetof(struct tl_feature_options, once),                        \
		.help = "--features: not again, with all packets counted, when the flow ends"      \
	}

/* True, logged, when one of the others is given without --features. */
bool tl_feature_options_refuse(const struct tl_feature_options *options);

struct tl_flow_features_config tl_feature_options_config(const struct tl_feature_options *options);

#endif
