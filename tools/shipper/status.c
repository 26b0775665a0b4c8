/* SPDX-License-Identifier: BSD-2-Clause */
/* `shipper --spool-status DIR`: reads names only, and takes no lock, so it works beside a shipper.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "exit.h"
#include "log.h"
#include "spool_file.h"
#include "store.h"
#include "text.h"

enum { STATE_MAX = 512, NAME_MAX_SHOWN = 256 };

struct folder_sum {
	uint64_t files;
	uint64_t batches; /* of these, those with a batch's name */
	uint64_t events;
	uint64_t bytes;
	uint64_t oldest_order;
	uint64_t oldest_ns; /* 0 = none */
};

static void add_file(struct folder_sum *sum, int folder, const char *name)
{
	uint8_t stream[TL_WIRE_STREAM_LEN];
	struct backlog_run run;
	struct stat st;

	/* It may have been delivered since its name was read. */
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
		return;
	}
	sum->files++;
	unsigned int len = spool_name_get(name, &run, stream);
	size_t behind = strlen(name + len);
	if (len == 0 || (behind > 7 && strcmp(name + len + behind - 7, ".reason") == 0)) {
		return;
	}
	sum->batches++;
	sum->events += run.count;
	sum->bytes += (uint64_t)st.st_size;
	if (sum->oldest_ns == 0 || run.order < sum->oldest_order) {
		sum->oldest_order = run.order;
		sum->oldest_ns =
			(uint64_t)st.st_mtim.tv_sec * TL_SECOND_NS + (uint64_t)st.st_mtim.tv_nsec;
	}
}

/* 0 or -errno; *sum is what was seen. */
static int sum_up(int root, const char *name, struct folder_sum *sum)
{
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? 0 : fdopendir(fd);
	const struct dirent *entry;

	*sum = (struct folder_sum){0};
	if (!dir) {
		int err = -errno;
		if (fd >= 0) {
			close(fd);
		}
		return err;
	}
	while ((entry = readdir(dir))) {
		add_file(sum, fd, entry->d_name);
	}
	closedir(dir);
	return 0;
}

/* "TIME TEXT"; a file of a stranger may hold anything. */
static void read_state(int root, const char *sink, char state[STATE_MAX])
{
	char name[NAME_MAX_SHOWN + 16];

	snprintf(name, sizeof(name), "%.255s.state", sink);
	int fd = openat(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, state, STATE_MAX - 1);
	if (fd >= 0) {
		close(fd);
	}
	state[len > 0 ? len : 0] = 0;
	state[strcspn(state, "\n")] = 0;
}

static void print_text(const char *text)
{
	for (; *text; text++) {
		putchar(*text >= ' ' && *text <= '~' ? *text : '?');
	}
}

static void print_oldest(uint64_t oldest_ns)
{
	char time[TL_TEXT_TIME_LEN + 1];
	uint64_t now = tl_clock_wall_ns();

	if (oldest_ns == 0) {
		fputs("\t-\t-", stdout);
		return;
	}
	*tl_text_put_time(time, oldest_ns) = 0;
	printf("\t%s\t%" PRIu64, time,
	       now > oldest_ns ? (now - oldest_ns) / (uint64_t)TL_SECOND_NS : (uint64_t)0);
}

/* One line, `state` behind it. */
static int print_folder(int root, const char *name, const char *state)
{
	struct folder_sum sum;
	int err = sum_up(root, name, &sum);

	if (err < 0) {
		return err;
	}
	print_text(name);
	printf("\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, sum.batches, sum.events, sum.bytes);
	print_oldest(sum.oldest_ns);
	putchar('\t');
	print_text(state);
	putchar('\n');
	return 0;
}

static bool is_sink(int root, const char *name)
{
	struct stat st;

	return name[0] != '.' && strcmp(name, "tmp") != 0 && strcmp(name, "bad") != 0 &&
	       strcmp(name, "rejected") != 0 &&
	       fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int print_all(int root)
{
	struct dirent **entries;
	char state[STATE_MAX];
	int count = scandirat(root, ".", &entries, 0, alphasort);
	int err = count < 0 ? -errno : 0;

	puts("sink\tbatches\tevents\tbytes\toldest\tage_s\tstate");
	for (int i = 0; i < count; i++) {
		if (err == 0 && is_sink(root, entries[i]->d_name)) {
			read_state(root, entries[i]->d_name, state);
			err = print_folder(root, entries[i]->d_name, state[0] ? state : "-");
		}
		free(entries[i]);
	}
	if (count >= 0) {
		free(entries);
	}
	err = err < 0 ? err : print_folder(root, "bad", "not what was written");
	return err < 0 ? err : print_folder(root, "rejected", "refused by the sink");
}

/* Of any folder otherwise this would say that nothing waits. */
static bool is_spool(int root)
{
	return faccessat(root, "lock", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	       faccessat(root, "rejected", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int store_status(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		int code = errno == ENOENT || errno == ENOTDIR ? TL_EXIT_USAGE : TL_EXIT_FAILED;
		tl_log_err("cannot open the spool %s: %s", folder, strerror(errno));
		return code;
	}
	int code = TL_EXIT_OK;
	if (!is_spool(fd)) {
		tl_log_err("%s is no spool", folder);
		code = TL_EXIT_USAGE;
	} else {
		int err = print_all(fd);
		if (err < 0 || fflush(stdout) != 0) {
			tl_log_err("cannot show the spool %s: %s", folder,
				   strerror(err < 0 ? -err : errno));
			code = TL_EXIT_FAILED;
		}
	}
	close(fd);
	return code;
}
