/* SPDX-License-Identifier: BSD-2-Clause */
/* The program: input, store and lanes put together, run and taken apart. */
#ifndef SHIPPER_H
#define SHIPPER_H

#include "options.h"

/* Runs until the end of input or a signal. An exit code. */
int shipper_run(const struct options *options);

/* For --list-metrics. 0 or -EIO. */
int shipper_print_metrics(void);

#endif
