/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done to a folder of segment files but writing them: names, and what a crash left. */
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "privilege.h"
#include "segment_private.h"
#include "text.h"

/* Else a power failure may take the folder with all that is in it. */
static int sync_parent(const char *folder)
{
	char *copy = strdup(folder);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int err = !copy ? -ENOMEM : fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0) {
		close(fd);
	}
	free(copy);
	return err;
}

int tl_segment_make_folder(const char *folder)
{
	const struct passwd *account = geteuid() == 0 ? getpwnam(TL_PRIVILEGE_USER) : 0;

	if (mkdir(folder, 0750) < 0) {
		return errno == EEXIST ? 0 : -errno;
	}
	if (account && chown(folder, account->pw_uid, account->pw_gid) < 0) {
		return -errno;
	}
	return sync_parent(folder);
}

/* RFC 3339 without what some file systems do not like. */
void tl_segment_put_stamp(char stamp[TL_SEGMENT_STAMP_LEN], uint64_t ns)
{
	char text[TL_TEXT_TIME_LEN];
	char *p = stamp;

	tl_text_put_time(text, ns);
	for (unsigned int i = 0; i < sizeof(text); i++) {
		if (text[i] != '-' && text[i] != ':') {
			*p++ = text[i];
		}
	}
}

uint64_t tl_segment_stamp(const char *name)
{
	char text[TL_TEXT_TIME_LEN + 1];
	uint64_t ns;

	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.13s", name, name + 4, name + 6,
		 name + 9, name + 11, name + 13);
	return tl_text_get_time(tl_str_of(text), &ns) == 0 ? ns : 0;
}

int tl_segment_rename(int folder_fd, const char *name)
{
	char open_name[TL_SEGMENT_NAME_MAX + sizeof(TL_SEGMENT_OPEN)];

	snprintf(open_name, sizeof(open_name), "%s" TL_SEGMENT_OPEN, name);
	if (renameat(folder_fd, open_name, folder_fd, name) < 0) {
		return -errno;
	}
	return fsync(folder_fd) < 0 ? -errno : 0;
}

int tl_segment_remove(int folder_fd, const char *name)
{
	char open_name[TL_SEGMENT_NAME_MAX + sizeof(TL_SEGMENT_OPEN)];

	snprintf(open_name, sizeof(open_name), "%s" TL_SEGMENT_OPEN, name);
	return unlinkat(folder_fd, open_name, 0) < 0 ? -errno : 0;
}

/* --- after a crash --------------------------------------------------------- */

static int cut_tail(const char *folder, int folder_fd, const char *open_name, uint64_t whole)
{
	int fd = openat(folder_fd, open_name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &st) < 0 || ftruncate(fd, (off_t)whole) < 0 || fsync(fd) < 0) {
		err = -errno;
	} else if ((uint64_t)st.st_size > whole) {
		tl_log_warn("%s/%s: cut off %llu bytes after the last whole batch", folder,
			    open_name, (unsigned long long)st.st_size - whole);
	}
	close(fd);
	return err;
}

static int recover_file(const char *folder, int folder_fd, const char *open_name)
{
	char name[TL_SEGMENT_NAME_MAX];
	uint64_t whole;
	int err = tl_segment_scan(folder_fd, open_name, 0, 0, &whole);

	if (err < 0 && err != -EBADMSG) {
		return err;
	}
	snprintf(name, sizeof(name), "%s", open_name);
	name[strlen(name) - strlen(TL_SEGMENT_OPEN)] = '\0';
	err = cut_tail(folder, folder_fd, open_name, whole);
	if (err < 0) {
		return err;
	}
	if (whole == 0) {
		return tl_segment_remove(folder_fd, name);
	}
	tl_log_note("%s/%s: completed, as it was left by an earlier run", folder, name);
	return tl_segment_rename(folder_fd, name);
}

/* A file that cannot be recovered stays as it is: never a crash loop. */
int tl_segment_recover(const char *folder, int folder_fd, uint64_t *stamp_ns)
{
	char **names;
	int count = tl_segment_list_kind(folder_fd, "", true, &names);

	if (count < 0) {
		return count;
	}
	for (int i = 0; i < count; i++) {
		int err = recover_file(folder, folder_fd, names[i]);
		uint64_t stamp = tl_segment_stamp(names[i]);
		if (err < 0) {
			tl_log_err("%s/%s: left as it is, it cannot be completed: %s", folder,
				   names[i], strerror(-err));
		}
		*stamp_ns = stamp > *stamp_ns ? stamp : *stamp_ns;
	}
	tl_segment_free_list(names, count);
	return 0;
}
