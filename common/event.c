/* SPDX-License-Identifier: BSD-2-Clause */
#include "event.h"

#include <pthread.h>

#include "event_private.h"
#include "feature_event.h"

_Static_assert(TL_SHAPE_FEATURES + TL_FEATURE_SHAPES == TL_SHAPE_OWN_COUNT, "ids in order");

const struct tl_edge tl_event_ip_edge = {TL_STR("src_ip"), TL_STR("dst_ip")};
const struct tl_str tl_event_id_name = TL_STR("community_id");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct tl_shapes *own_shapes;

static void build(void)
{
	struct tl_shapes *shapes;

	if (tl_shapes_create(&shapes) < 0) {
		return;
	}
	if (tl_event_add_flow_shapes(shapes, false) < 0 ||
	    tl_event_add_packet_shapes(shapes, false) < 0 || tl_event_add_stats_shape(shapes) < 0 ||
	    tl_event_add_flow_shapes(shapes, true) < 0 ||
	    tl_event_add_packet_shapes(shapes, true) < 0 ||
	    tl_feature_shapes_add(shapes) != TL_SHAPE_FEATURES) {
		tl_shapes_destroy(shapes);
		return;
	}
	own_shapes = shapes;
}

const struct tl_shapes *tl_event_shapes(void)
{
	pthread_once(&once, build);
	return own_shapes;
}
