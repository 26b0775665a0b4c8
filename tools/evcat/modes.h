/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What evcat can do with events. Each runs to the end of its input and returns
 * the exit code. Inputs and options were checked by main.
 */
#ifndef EVCAT_MODES_H
#define EVCAT_MODES_H

#include "input.h"

/* Text or JSON lines. */
enum tl_exit mode_print(const struct evcat_config *config, const struct input_config *input);

/* msgpack, with --replay in time with the events. */
enum tl_exit mode_relay(const struct evcat_config *config, const struct input_config *input);

/* JSON lines to msgpack. */
enum tl_exit mode_from_json(const struct evcat_config *config, const struct input_config *input);

/* --top, --check, or both; may return EVCAT_EXIT_NO_CLOSE. */
enum tl_exit mode_watch(const struct evcat_config *config, const struct input_config *input);

/* What the end of the input and of the output amount to. */
enum tl_exit mode_exit(int err, const struct input_counts *counts);

#endif
