/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What wiregen's kernel program and its user side share through the program's .bss. */
#ifndef WIREGEN_H
#define WIREGEN_H

#include "frame.h"

struct gen_control {
	struct gen_plan plan;
	__u64 limit;   /* frames; the program makes no more */
	__u64 gap_fp;  /* ns between frames x 65,536; 0 = as fast as possible */
	__u64 lag_fp;  /* a generator that is further behind gives the rest up; the same unit */
	__u32 ifindex; /* to transmit on */
	volatile __u32 stop;
};

/* Written by the kernel program alone; it runs on one CPU at a time. */
struct gen_progress {
	__u64 frames;
	__u64 family[GEN_FAMILIES];
	__u64 idle_slots; /* runs that made no frame: pacing, or the limit was reached */
	__u64 start_ns;	  /* monotonic; 0 before the first frame */
	__u64 end_ns;	  /* 0 until the limit or stop was seen */
	__u64 next_fp;	  /* since start */
	__u64 now_fp;	  /* clock as last read, since start */
};

#endif
