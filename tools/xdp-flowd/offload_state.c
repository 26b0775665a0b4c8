/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "offload_private.h"

#define TITLE "tapline offloads 1\n"

const enum nic_feature_id offload_features[] = {NIC_RX_VLAN, NIC_RX_VLAN_STAG};

_Static_assert(sizeof(offload_features) / sizeof(offload_features[0]) == OFFLOAD_FEATURES,
	       "all features");

size_t offload_state_print(const struct offload_state *state, char *text)
{
	size_t len = (size_t)snprintf(text, OFFLOAD_TEXT_MAX, "%s", TITLE);

	for (unsigned int i = 0; i < OFFLOAD_FEATURES; i++) {
		if (state->on[offload_features[i]]) {
			len += (size_t)snprintf(text + len, OFFLOAD_TEXT_MAX - len, "%s on\n",
						nic_feature_name(offload_features[i]));
		}
	}
	return len;
}

/* What follows `word` at the front of the text; 0 when it does not begin with it. */
static const char *skip(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : 0;
}

/* The rest after one line that names a feature; 0 when it names none. */
static const char *parse_line(struct offload_state *state, const char *at, const char *end)
{
	for (unsigned int i = 0; i < OFFLOAD_FEATURES; i++) {
		const char *rest = skip(at, end, nic_feature_name(offload_features[i]));
		rest = rest ? skip(rest, end, " on\n") : 0;
		if (rest) {
			state->on[offload_features[i]] = true;
			return rest;
		}
	}
	return 0;
}

int offload_state_parse(struct offload_state *state, const char *text, size_t len)
{
	const char *end = text + len;
	const char *at = skip(text, end, TITLE);

	*state = (struct offload_state){0};
	while (at && at < end) {
		at = parse_line(state, at, end);
	}
	return at ? 0 : -EBADMSG;
}

/* --- where it is ---------------------------------------------------------- */

/* A number that no other network namespace has had since boot; before 5.14 its inode. */
static uint64_t netns_number(void)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	struct stat status;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -1 : getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len);

	if (fd >= 0) {
		close(fd);
	}
	if (err == 0) {
		return cookie;
	}
	return stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
}

static void name_file(const struct nic *nic, char name[NAME_MAX])
{
	snprintf(name, NAME_MAX, "xdp-flowd-%d-%" PRIu64 ".offloads", nic->ifindex, netns_number());
}

static int open_dir(void)
{
	int fd = open(OFFLOAD_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int make_dir(void)
{
	tl_privilege_make_run_folder();
	return open_dir();
}

/* --- writing -------------------------------------------------------------- */

static int write_text(int fd, const char *text, size_t len)
{
	ssize_t n = write(fd, text, len);

	return n < 0 ? -errno : (size_t)n < len ? -ENOSPC : 0;
}

static int create_in(int dir, const char *name, const char *text, size_t len)
{
	char draft[NAME_MAX];
	snprintf(draft, sizeof(draft), ".%d.offloads", (int)getpid());
	(void)unlinkat(dir, draft, 0);
	int fd = openat(dir, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0) {
		return -errno;
	}
	int err = write_text(fd, text, len);
	close(fd);
	if (err == 0 && renameat2(dir, draft, dir, name, RENAME_NOREPLACE) < 0) {
		err = -errno;
	}
	if (err < 0) {
		(void)unlinkat(dir, draft, 0);
	}
	return err;
}

int offload_state_create(const struct nic *nic, const struct offload_state *state)
{
	char text[OFFLOAD_TEXT_MAX];
	char name[NAME_MAX];
	size_t len = offload_state_print(state, text);
	int dir = make_dir();

	if (dir < 0) {
		return dir;
	}
	name_file(nic, name);
	int err = create_in(dir, name, text, len);
	close(dir);
	return err;
}

/* --- reading -------------------------------------------------------------- */

/* Between open and lock another process may have undone it and removed the file. */
static int lock(int fd)
{
	struct stat status;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &status) < 0) {
		return -errno;
	}
	return status.st_nlink == 0 ? -ENOENT : S_ISREG(status.st_mode) ? 0 : -EBADMSG;
}

static int read_state(int fd, struct offload_state *state)
{
	char text[OFFLOAD_TEXT_MAX];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0) {
		return -errno;
	}
	return (size_t)n == sizeof(text) ? -EBADMSG : offload_state_parse(state, text, (size_t)n);
}

static int take_in(int dir, const char *name, struct offload_state *state)
{
	/* A fifo must not stop us. */
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		return errno == ELOOP ? -EBADMSG : -errno;
	}
	int err = lock(fd);
	if (err == 0) {
		err = read_state(fd, state);
	}
	if (err < 0) {
		close(fd);
	}
	return err < 0 ? err : fd;
}

int offload_state_take(const struct nic *nic, struct offload_state *state)
{
	char name[NAME_MAX];
	int dir = open_dir();

	if (dir < 0) {
		return dir;
	}
	name_file(nic, name);
	int fd = take_in(dir, name, state);
	if (fd == -EBADMSG) {
		(void)unlinkat(dir, name, 0);
	}
	close(dir);
	return fd;
}

void offload_state_remove(const struct nic *nic)
{
	char name[NAME_MAX];
	int dir = open_dir();

	if (dir >= 0) {
		name_file(nic, name);
		(void)unlinkat(dir, name, 0);
		close(dir);
	}
}
