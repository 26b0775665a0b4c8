/* SPDX-License-Identifier: BSD-2-Clause */
/* The store without a disk: the lists of store.c are all there is. */
#include <stdlib.h>

#include "store_private.h"

static void memory_close(struct store *store)
{
	store_fini(store);
	free(store);
}

static const struct store_ops ops = {.close = memory_close};

int memory_open(struct store **out, const struct store_config *config)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		return -ENOMEM;
	}
	int err = store_init(store, config, &ops);
	if (err < 0) {
		free(store);
		return err;
	}
	*out = store;
	return 0;
}
