/* SPDX-License-Identifier: BSD-2-Clause */
#include "feature_options.h"

#include "log.h"

bool tl_feature_options_refuse(const struct tl_feature_options *o)
{
	if (o->on ||
	    (!o->once && o->packets == TL_FEATURE_PACKETS && o->flows == TL_FEATURE_STATES)) {
		return false;
	}
	tl_log_err("--features-... goes with --features");
	return true;
}

struct tl_flow_features_config tl_feature_options_config(const struct tl_feature_options *o)
{
	return (struct tl_flow_features_config){
		.packets = o->on ? (uint32_t)o->packets : 0,
		.flows = (uint32_t)o->flows,
		.once = o->once,
	};
}
