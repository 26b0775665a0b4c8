/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abilities.h"
#include "exit.h"

static const struct tl_abilities abilities = {.name = "eve-tail", .emits_flows = true};

int probe_capabilities(const struct options *o)
{
	return tl_abilities_print(&abilities, 0, o->plain) == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
}

/* Its mode, or 0 and errno. A FIFO is not opened: its writer would see a reader come and go. */
static const char *mode_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		return 0;
	}
	if (S_ISFIFO(st.st_mode)) {
		return access(path, R_OK) == 0 ? "fifo" : 0;
	}
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return 0;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return 0;
	}
	close(fd);
	return "file";
}

static const char *mode_of_pattern(const char *pattern)
{
	glob_t found;
	const char *mode = 0;

	if (glob(pattern, GLOB_NOSORT, 0, &found) != 0) {
		errno = ENOENT;
		return 0;
	}
	for (size_t i = 0; i < found.gl_pathc && !mode; i++) {
		mode = mode_of(found.gl_pathv[i]);
	}
	globfree(&found);
	return mode;
}

static const char *mode_of_place(const char *place)
{
	if (strcmp(place, "-") == 0) {
		return "pipe";
	}
	if (strncmp(place, "unix:", 5) == 0) {
		return "socket";
	}
	/* A file may be called by a name with brackets. */
	const char *mode = mode_of(place);
	return !mode && strpbrk(place, "*?[") ? mode_of_pattern(place) : mode;
}

int probe_places(const struct options *o)
{
	struct tl_answer answer = {0};

	for (unsigned int i = 0; i < o->files.count && !answer.usable; i++) {
		answer.mode = mode_of_place(o->files.items[i]);
		answer.usable = answer.mode != 0;
		if (!answer.usable && answer.reason[0] == '\0') {
			snprintf(answer.reason, sizeof(answer.reason), "%s: %s", o->files.items[i],
				 strerror(errno));
		}
	}
	if (answer.usable) {
		answer.reason[0] = '\0';
	}
	if (tl_abilities_print(&abilities, &answer, o->plain) < 0) {
		return TL_EXIT_FAILED;
	}
	return answer.usable ? TL_EXIT_OK : TL_EXIT_UNAVAILABLE;
}
