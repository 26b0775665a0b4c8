/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tail_private.h"

static int make_absolute(const char *text, char **path)
{
	char here[PATH_MAX];

	if (text[0] == '/' || strcmp(text, "-") == 0) {
		*path = strdup(text);
	} else if (!getcwd(here, sizeof(here))) {
		return -errno;
	} else if (asprintf(path, "%s/%s", here, text) < 0) {
		*path = 0;
	}
	return !*path ? -ENOMEM : strlen(*path) > CHECKPOINT_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int add_socket(struct place *p, const char *text)
{
	p->kind = PLACE_SOCKET;
	p->path = strdup(text);
	return p->path ? flow_listen(p) : -ENOMEM;
}

static int add_place(struct place *p, const char *text)
{
	struct stat st;

	*p = (struct place){.fd = -1};
	if (strncmp(text, "unix:", 5) == 0) {
		return add_socket(p, text);
	}
	int err = *text ? make_absolute(text, &p->path) : -EINVAL;
	if (err < 0) {
		tl_log_err("cannot follow '%s': %s", text, strerror(-err));
		return err == -ENOMEM ? err : -EINVAL;
	}
	bool there = stat(p->path, &st) == 0;
	if (there && S_ISDIR(st.st_mode)) {
		tl_log_err("cannot follow %s: it is a folder; give its files, as in '%s/*.json'",
			   text, text);
		return -EINVAL;
	}
	if (there && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
		tl_log_err(
			"cannot follow %s: neither a file nor a FIFO (unix:PATH makes a socket and "
			"listens on it)",
			text);
		return -EINVAL;
	}
	p->kind = strcmp(text, "-") == 0	   ? PLACE_STDIN
		  : there && !S_ISREG(st.st_mode)  ? PLACE_FIFO
		  : !there && strpbrk(text, "*?[") ? PLACE_PATTERN
						   : PLACE_FILE;
	return 0;
}

static int add_places(struct tail *t)
{
	const struct tail_config *config = &t->config;
	int err = config->place_count == 0 || config->place_count > TAIL_PLACES_MAX ? -EINVAL : 0;

	for (unsigned int i = 0; i < TAIL_PLACES_MAX; i++) {
		t->places[i].fd = -1;
	}
	if (err < 0) {
		tl_log_err("1 to %d places can be followed", TAIL_PLACES_MAX);
	}
	for (unsigned int i = 0; err == 0 && i < config->place_count; i++) {
		err = add_place(&t->places[i], config->places[i]);
	}
	return err;
}

static void read_machine(struct tail *t)
{
	int fd = t->config.machine_id ? -1 : open("/etc/machine-id", O_RDONLY | O_CLOEXEC);

	if (t->config.machine_id) {
		snprintf(t->machine, sizeof(t->machine), "%s", t->config.machine_id);
	} else if (fd >= 0) {
		ssize_t got = read(fd, t->machine, sizeof(t->machine) - 1);
		t->machine[got > 0 ? got : 0] = '\0';
		t->machine[strcspn(t->machine, " \r\n")] = '\0';
		close(fd);
	}
}

static void set_defaults(struct tail_config *config)
{
	config->max_line = config->max_line == 0 ? TAIL_MAX_LINE : config->max_line;
	config->open_max = config->open_max == 0 ? TAIL_OPEN_MAX : config->open_max;
}

static int set_up(struct tail *t)
{
	set_defaults(&t->config);
	if (t->config.max_line < TAIL_MAX_LINE_LEAST || t->config.max_line > INT_MAX) {
		tl_log_err("a line may be limited to %d to %d bytes", TAIL_MAX_LINE_LEAST, INT_MAX);
		return -EINVAL;
	}
	read_machine(t);
	int err = watch_create(&t->watch, t->config.no_inotify);
	if (err == 0) {
		err = add_places(t);
	}
	if (err == 0 && t->config.checkpoint) {
		err = checkpoint_open(&t->checkpoint, t->config.checkpoint);
	}
	t->first = true;
	return err == 0 && t->checkpoint ? tail_load(t) : err;
}

static void destroy(struct tail *t)
{
	for (size_t i = 0; i < t->count; i++) {
		file_destroy(t->files[i]);
	}
	for (unsigned int i = 0; i < TAIL_PLACES_MAX; i++) {
		flow_close(&t->places[i]);
		free(t->places[i].path);
	}
	free(t->files);
	watch_destroy(t->watch);
	checkpoint_close(t->checkpoint);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int tail_open(struct tail **out, const struct tail_config *config)
{
	struct tail *t = calloc(1, sizeof(*t));

	if (!t) {
		return -ENOMEM;
	}
	t->config = *config;
	pthread_mutex_init(&t->lock, 0);
	int err = set_up(t);
	if (err < 0) {
		destroy(t);
		return err;
	}
	*out = t;
	return 0;
}

int tail_close(struct tail *t)
{
	if (!t) {
		return 0;
	}
	tail_reap(t);
	int err = t->checkpoint && t->dirty ? tail_save(t) : 0;
	destroy(t);
	return err;
}
