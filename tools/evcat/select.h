/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --type and --where: which events are wanted. Conditions are read once;
 * matching allocates nothing and does not log.
 */
#ifndef EVCAT_SELECT_H
#define EVCAT_SELECT_H

#include "evcat.h"
#include "wire.h"

struct select;

/* 0; -EINVAL after one line that names what is wrong; -ENOMEM. */
int select_create(struct select **out, const struct tl_opt_list *types,
		  const struct tl_opt_list *wheres);
void select_destroy(struct select *select);

/* True when every event is wanted. */
bool select_is_all(const struct select *select);

bool select_match(struct select *select, const struct tl_batch_head *head,
		  const struct tl_event *event);

/* At the end: warns of --where keys that no event had. */
void select_tell(const struct select *select);

#endif
