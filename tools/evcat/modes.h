/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What evcat can do with events. Each runs to the end of its input and returns
 * the exit code. Inputs and options were checked by main.
 */
#ifndef EVCAT_MODES_H
#define EVCAT_MODES_H

#include <errno.h>

#include "input.h"

/* Text or JSON lines. */
enum tl_exit mode_print(const struct evcat_config *config, const struct input_config *input);

/* msgpack, with --replay in time with the events. */
enum tl_exit mode_relay(const struct evcat_config *config, const struct input_config *input);

/* JSON lines to msgpack. */
enum tl_exit mode_from_json(const struct evcat_config *config, const struct input_config *input);

/* --top, --check, or both; may return EVCAT_EXIT_NO_CLOSE. */
enum tl_exit mode_watch(const struct evcat_config *config, const struct input_config *input);

/* The exit code of a mode that could not begin. */
static inline enum tl_exit mode_unopened(int err)
{
	return err == -ENOMEM ? TL_EXIT_FAILED : TL_EXIT_USAGE;
}

/* The exit code after the end of the input, with one line when it was damaged. */
enum tl_exit mode_exit(int err, const struct input_counts *counts);

#endif
