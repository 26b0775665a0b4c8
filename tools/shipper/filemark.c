/* SPDX-License-Identifier: BSD-2-Clause */
#include "filemark.h"

#include <sys/stat.h>

#include "clock.h"

bool filemark_moved(struct filemark *mark, const char *path)
{
	struct filemark now = {0};
	struct stat st;

	if (stat(path, &st) == 0) {
		now = (struct filemark){
			.device = st.st_dev,
			.inode = st.st_ino,
			.size = (uint64_t)st.st_size,
			.changed_ns = (uint64_t)st.st_ctim.tv_sec * TL_SECOND_NS +
				      (uint64_t)st.st_ctim.tv_nsec,
		};
	}
	bool moved = now.device != mark->device || now.inode != mark->inode ||
		     now.size != mark->size || now.changed_ns != mark->changed_ns;
	*mark = now;
	return moved;
}
