/* SPDX-License-Identifier: BSD-2-Clause */
#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "clock.h"

void names_fini(struct names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		source_close(&names->items[i].source);
		free(names->items[i].path);
		free(names->items[i].home);
	}
	free(names->items);
	*names = (struct names){0};
}

/* --- what rotation puts behind a name ------------------------------------------ */

/* Length of `name` without .gz or .zst. */
static size_t plain_len(const char *name)
{
	static const char *const suffixes[] = {".gz", ".zst"};
	size_t len = strlen(name);

	for (int i = 0; i < 2; i++) {
		size_t more = strlen(suffixes[i]);
		if (len > more && strcmp(name + len - more, suffixes[i]) == 0) {
			return len - more;
		}
	}
	return len;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A date, or a number: digits and what divides them. */
static bool is_stamp(const char *text, size_t len)
{
	bool digits = false;

	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]) && !strchr("-_.:T", text[i])) {
			return false;
		}
		digits |= is_digit(text[i]);
	}
	return digits;
}

bool names_is_rotated(const char *base, const char *name, uint64_t *turn)
{
	size_t len = strlen(base), all = plain_len(name);

	*turn = 0;
	if (strncmp(name, base, len) != 0 || strlen(name) == len || all < len) {
		return false;
	}
	const char *rest = name + len;
	size_t rest_len = all - len;
	if (rest_len == 0) {
		return true; /* NAME.gz */
	}
	if (rest[0] != '.' && rest[0] != '-') {
		return false;
	}
	if (rest_len == 4 && memcmp(rest, ".old", 4) == 0) {
		return true;
	}
	if (!is_stamp(rest + 1, rest_len - 1)) {
		return false;
	}
	/* .20261127 is a date, .12 a turn. */
	if (rest[0] == '.' && rest_len <= 6 && strspn(rest + 1, "0123456789") >= rest_len - 1) {
		*turn = strtoull(rest + 1, 0, 10);
	}
	return true;
}

/* --- collecting ------------------------------------------------------------------ */

static struct candidate *grow(struct names *names)
{
	if (names->count == names->room) {
		size_t room = names->room ? 2 * names->room : 32;
		struct candidate *items = realloc(names->items, room * sizeof(*items));
		if (!items) {
			return 0;
		}
		names->items = items;
		names->room = room;
	}
	struct candidate *c = &names->items[names->count];
	*c = (struct candidate){0};
	source_init(&c->source);
	return c;
}

static bool has_twin(const char *path)
{
	size_t len = plain_len(path);
	char plain[PATH_MAX];
	struct stat st;

	if (path[len] == '\0' || len >= sizeof(plain)) {
		return false;
	}
	memcpy(plain, path, len);
	plain[len] = '\0';
	return stat(plain, &st) == 0;
}

static int add(struct names *names, const char *path, const char *home, uint64_t turn)
{
	struct statx sx;

	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &sx) < 0) {
		names->failed |= errno != ENOENT && errno != ENOTDIR;
		return 0;
	}
	if (!S_ISREG(sx.stx_mode)) {
		return 0;
	}
	if (names->count == NAMES_MAX) {
		names->full = true;
		return 0;
	}
	struct candidate *c = grow(names);
	if (!c) {
		return -ENOMEM;
	}
	c->path = strdup(path);
	c->home = strdup(home ? home : path);
	names->count++;
	c->direct = !home;
	c->turn = turn;
	c->twin = has_twin(path);
	c->packed_name = path[plain_len(path)] != '\0';
	c->dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
	c->ino = sx.stx_ino;
	c->size = sx.stx_size;
	c->mtime_ns = (uint64_t)sx.stx_mtime.tv_sec * TL_SECOND_NS + (uint64_t)sx.stx_mtime.tv_nsec;
	if (sx.stx_mask & STATX_BTIME) {
		c->born_ns = (uint64_t)sx.stx_btime.tv_sec * TL_SECOND_NS +
			     (uint64_t)sx.stx_btime.tv_nsec;
	}
	return c->path && c->home ? 0 : -ENOMEM;
}

int names_add(struct names *names, const char *path)
{
	return add(names, path, 0, 0);
}

int names_add_pattern(struct names *names, const char *pattern)
{
	glob_t found = {0};
	int result = glob(pattern, GLOB_ERR, 0, &found);
	int err = result == GLOB_NOSPACE ? -ENOMEM : 0;

	names->failed |= result == GLOB_ABORTED;
	for (size_t i = 0; err == 0 && i < found.gl_pathc; i++) {
		err = add(names, found.gl_pathv[i], 0, 0);
	}
	globfree(&found);
	return err;
}

/* --- the rotated ones --------------------------------------------------------- */

/* The part of a path before its last '/', as a length; 0 when there is none. */
static size_t folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool same_folder(const char *a, const char *b)
{
	size_t len = folder_len(a);

	return len == folder_len(b) && memcmp(a, b, len) == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The home with the longest name of which this is a rotated one: what rotation puts behind a name
 * begins with a dot or a dash, so few names are asked for, however many homes there are.
 */
static int add_entry(struct names *names, char *const *homes, size_t count, const char *folder,
		     const char *name)
{
	char path[PATH_MAX], text[PATH_MAX];
	char *key = text;
	uint64_t turn;

	if (snprintf(path, sizeof(path), "%s%s", folder, name) >= PATH_MAX) {
		return 0;
	}
	size_t at = strlen(folder);
	memcpy(text, path, strlen(path) + 1);
	for (size_t len = strlen(path) - 1; len > at; len--) {
		if (path[len] != '.' && path[len] != '-') {
			continue;
		}
		text[len] = '\0';
		char *const *home = bsearch(&key, homes, count, sizeof(*homes), by_text);
		if (home && names_is_rotated(*home + at, name, &turn)) {
			return add(names, path, *home, turn);
		}
	}
	return 0;
}

static int add_folder(struct names *names, char *const *homes, size_t count, const char *home)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", (int)folder_len(home), home);
	DIR *dir = opendir(folder);
	if (!dir) {
		names->failed = true;
		return 0;
	}
	int err = 0;
	for (struct dirent *entry; err == 0 && (entry = readdir(dir));) {
		err = add_entry(names, homes, count, folder, entry->d_name);
	}
	closedir(dir);
	return err;
}

/* Those of one folder lie beside each other, but for the ones of folders in it. */
int names_add_rotated(struct names *names, char *const *homes, size_t count)
{
	size_t *read = calloc(count + 1, sizeof(*read)), read_count = 0;
	int err = read ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < count; i++) {
		bool known = false;
		for (size_t k = read_count; k > 0 && !known; k--) {
			known = same_folder(homes[read[k - 1]], homes[i]);
		}
		if (!known) {
			read[read_count++] = i;
			err = add_folder(names, homes, count, homes[i]);
		}
	}
	free(read);
	return err;
}

size_t names_sort_homes(char **homes, size_t count)
{
	size_t kept = 0;

	qsort(homes, count, sizeof(*homes), by_text);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(homes[kept - 1], homes[i]) != 0) {
			homes[kept++] = homes[i];
		}
	}
	return kept;
}

/* --- their order --------------------------------------------------------------- */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* A direct one of the same file comes before a rotated one: the first stays. */
static int by_inode(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int order = compare(a->dev, b->dev);

	order = order ? order : compare(a->ino, b->ino);
	order = order ? order : compare(b->direct, a->direct);
	return order ? order : strcmp(a->path, b->path);
}

static int by_age(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int order = compare(a->direct, b->direct);

	order = order ? order : strcmp(a->home, b->home);
	order = order ? order : compare(b->turn, a->turn);
	order = order ? order : compare(a->mtime_ns, b->mtime_ns);
	return order ? order : strcmp(a->path, b->path);
}

void names_sort(struct names *names)
{
	size_t kept = 0;

	if (names->count == 0) {
		return;
	}
	qsort(names->items, names->count, sizeof(*names->items), by_inode);
	for (size_t i = 0; i < names->count; i++) {
		struct candidate *c = &names->items[i];
		struct candidate *before = kept > 0 ? &names->items[kept - 1] : 0;
		if (before && before->dev == c->dev && before->ino == c->ino) {
			free(c->path);
			free(c->home);
		} else {
			names->items[kept++] = *c;
		}
	}
	names->count = kept;
	qsort(names->items, names->count, sizeof(*names->items), by_age);
}
