/* SPDX-License-Identifier: BSD-2-Clause */
#include "pin.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "log.h"

enum {
	LINK_XDP = 6, /* enum bpf_link_type */
	LINK_TCX = 11,
#ifndef SO_NETNS_COOKIE
	SO_NETNS_COOKIE = 71, /* Linux 5.14 */
#endif
};

static uint64_t namespace_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len);
		close(fd);
	}
	return cookie;
}

/* Names in a BPF file system may have no dot, those of interfaces do. */
int pin_folder(char folder[PIN_PATH], const char *root, int ifindex)
{
	int len = snprintf(folder, PIN_PATH, "%s/if%d-%llx", root, ifindex,
			   (unsigned long long)namespace_cookie());

	return len < 0 || len >= PIN_PATH - 32 ? -ENAMETOOLONG : 0;
}

void pin_path(const struct pin *pin, const char *name, char path[PIN_PATH])
{
	snprintf(path, PIN_PATH, "%.*s/%.24s", PIN_PATH - 32, pin->folder, name);
}

static const char *link_name(bool outgoing)
{
	return outgoing ? "link_out" : "link_in";
}

/* --- opening -------------------------------------------------------------- */

static int make_folder(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int check_filesystem(const char *root)
{
	struct statfs fs;

	if (statfs(root, &fs) < 0) {
		return -errno;
	}
	return fs.f_type == BPF_FS_MAGIC ? 0 : -ENOTSUP;
}

static int open_folder(struct pin *pin, const char *root)
{
	int err = make_folder(root);

	if (err == 0) {
		err = check_filesystem(root);
	}
	if (err == 0) {
		err = make_folder(pin->folder);
	}
	if (err == -ENOTSUP || err == -ENOENT || err == -EPERM) {
		tl_log_err("cannot pin in %s: no BPF file system there: mount -t bpf bpf "
			   "/sys/fs/bpf, or --pin-folder ('ip netns exec' hides what is mounted "
			   "below /sys)",
			   root);
		return -EOPNOTSUPP;
	}
	if (err < 0) {
		tl_log_err("cannot pin in %s: %s", root, strerror(-err));
		return err;
	}
	pin->lock = open(pin->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pin->lock < 0) {
		return -errno;
	}
	if (flock(pin->lock, LOCK_EX | LOCK_NB) < 0) {
		tl_log_err("%s: another xdp-flowd has it", pin->folder);
		return -EBUSY;
	}
	return 0;
}

/* The control block tells the version first, whatever else it holds. */
static int look(struct pin *pin)
{
	char path[PIN_PATH];
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	uint32_t zero = 0;

	pin_path(pin, "control", path);
	int fd = bpf_obj_get(path);
	if (fd < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	int err = bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? -errno : 0;
	struct tl_control *control = calloc(1, info.value_size + sizeof(*control));
	if (err == 0 && control && bpf_map_lookup_elem(fd, &zero, control) == 0) {
		pin->found = true;
		pin->frags = control->frags != 0;
		/* 0: killed before the first packet could come. */
		if (control->layout != TL_KERNEL_LAYOUT && control->layout != 0) {
			tl_log_err("%s: pinned by another version (layout %u, this is %d): end it "
				   "with xdp-flowd --unpin",
				   pin->folder, control->layout, TL_KERNEL_LAYOUT);
			err = -EBADMSG;
		}
	}
	free(control);
	close(fd);
	return err;
}

int pin_open(struct pin *pin, const char *root, int ifindex)
{
	*pin = (struct pin){.lock = -1};
	int err = pin_folder(pin->folder, root, ifindex);

	if (err == 0) {
		err = open_folder(pin, root);
	}
	return err < 0 ? err : look(pin);
}

void pin_close(struct pin *pin)
{
	if (pin->lock >= 0) {
		close(pin->lock);
	}
	pin->lock = -1;
}

/* --- links ---------------------------------------------------------------- */

bool pin_has_link(const struct pin *pin, bool outgoing)
{
	char path[PIN_PATH];

	pin_path(pin, link_name(outgoing), path);
	return access(path, F_OK) == 0;
}

int pin_take_link(const struct pin *pin, bool outgoing, int ifindex, struct attachment *out)
{
	char path[PIN_PATH];
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);

	pin_path(pin, link_name(outgoing), path);
	int fd = bpf_obj_get(path);
	if (fd < 0) {
		return -errno;
	}
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	*out = (struct attachment){
		.way = info.type == LINK_XDP ? ATTACH_XDP_NATIVE : ATTACH_TCX,
		.link = fd,
		.ifindex = ifindex,
		.hook = info.type == LINK_XDP ? KERNEL_XDP
			: outgoing	      ? KERNEL_TC_OUT
					      : KERNEL_TC_IN,
	};
	return 0;
}

int pin_put_link(const struct pin *pin, const struct attachment *attachment)
{
	char path[PIN_PATH];

	pin_path(pin, link_name(attachment->hook == KERNEL_TC_OUT), path);
	return bpf_obj_pin(attachment->link, path) < 0 ? -errno : 0;
}

/* --- the end -------------------------------------------------------------- */

int pin_remove(struct pin *pin)
{
	DIR *dir = opendir(pin->folder);
	int err = dir ? 0 : -errno;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PIN_PATH];
		if (entry->d_name[0] == '.') {
			continue;
		}
		pin_path(pin, entry->d_name, path);
		if (unlink(path) < 0) {
			err = -errno;
		}
	}
	if (dir) {
		closedir(dir);
	}
	if (err == 0 && rmdir(pin->folder) < 0) {
		err = -errno;
	}
	return err;
}
