/* SPDX-License-Identifier: BSD-2-Clause */
#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "privilege.h"

enum { FOLDER_MODE = 0750, DESCRIPTORS = 16 };

static bool keeps_user(const struct options *options)
{
	const struct tl_opt_list *outputs = &options->outputs;
	bool keeps = !tl_hop_is_url(options->input);

	for (unsigned int i = 0; i < outputs->count; i++) {
		keeps = keeps || strcmp(outputs->items[i], "-") == 0;
	}
	return keeps;
}

/* Who this process will be; 0 = who it is. */
static const struct passwd *next_user(const struct options *options)
{
	return geteuid() == 0 && !keeps_user(options) ? getpwnam(TL_PRIVILEGE_USER) : 0;
}

static int explain(const char *what, const char *path)
{
	int err = -errno;

	tl_log_err("cannot %s %s: %s", what, path, strerror(errno));
	return err;
}

/* nftw has no context: the owner is that of the folder, which was changed first. */
static int follow_owner(const char *path, const struct stat *st, int type, struct FTW *at)
{
	static struct stat top;

	(void)type;
	if (at->level == 0) {
		top = *st;
		return 0;
	}
	if (st->st_uid == top.st_uid) {
		return 0;
	}
	return lchown(path, top.st_uid, top.st_gid) < 0 && errno != ENOENT ? -1 : 0;
}

/*
 * Gives a folder and all in it to another user: only what is not that user's
 * already, who could otherwise have put links to others' files there.
 */
static int give(const char *folder, uid_t uid, gid_t gid)
{
	struct stat st;

	if (lstat(folder, &st) < 0) {
		return explain("look at", folder);
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid == uid) {
		return 0;
	}
	if (lchown(folder, uid, gid) < 0 ||
	    nftw(folder, follow_owner, DESCRIPTORS, FTW_PHYS | FTW_MOUNT) < 0) {
		return explain("change the owner of", folder);
	}
	return 0;
}

static int make_folder(const char *folder, const struct passwd *user)
{
	if (mkdir(folder, FOLDER_MODE) < 0) {
		return errno == EEXIST ? 0 : explain("make", folder);
	}
	if (user && lchown(folder, user->pw_uid, user->pw_gid) < 0) {
		return explain("change the owner of", folder);
	}
	return 0;
}

static int make_spool(const struct options *options, const struct passwd *user)
{
	int err = make_folder(options->spool, user);

	if (err < 0 || geteuid() != 0) {
		return err;
	}
	return user ? give(options->spool, user->pw_uid, user->pw_gid)
		    : give(options->spool, geteuid(), getegid());
}

static int make_folders(const struct options *options)
{
	const struct passwd *user = next_user(options);
	int err = options->spool ? make_spool(options, user) : 0;

	for (unsigned int i = 0; err == 0 && i < options->outputs.count; i++) {
		const char *url = options->outputs.items[i];
		if (strncmp(url, "file:", 5) == 0 && url[5] != '\0') {
			err = make_folder(url + 5, user);
		}
	}
	return err;
}

int rights_drop(const struct options *options)
{
	int err = make_folders(options);

	if (err < 0) {
		return err;
	}
	return tl_privilege_drop(TL_PRIVILEGE_USER,
				 keeps_user(options) ? TL_PRIVILEGE_KEEP_USER : 0);
}

static int check_file(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : 0;

	if (fd < 0) {
		int err = errno;
		const struct passwd *user = getpwuid(geteuid());
		tl_log_err("cannot read %s as user %s: %s", path, user ? user->pw_name : "?",
			   strerror(err));
		return -EINVAL;
	}
	if (path) {
		close(fd);
	}
	return 0;
}

int rights_check(const struct options *options)
{
	const char *const files[] = {
		options->ca_file,    options->cert_file,	options->key_file,
		options->token_file, options->credentials_file, options->kafka_options,
	};

	for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (check_file(files[i]) < 0) {
			return -EINVAL;
		}
	}
	return 0;
}
