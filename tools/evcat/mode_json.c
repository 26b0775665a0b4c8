/* SPDX-License-Identifier: BSD-2-Clause */
/* --from-json: lines to events of new streams. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "jsonin.h"
#include "lines.h"
#include "log.h"
#include "modes.h"
#include "relay.h"
#include "select.h"
#include "service.h"

struct importer {
	struct tl_jsonin *in;
	struct relay *relay;
	struct select *select;
	struct tl_log_limit limit;
	const char *place;
	char host[65];
	uint64_t line; /* of this place */
	uint64_t read_lines;
	uint64_t refused_lines;
	uint64_t lost_edges;
	uint64_t unopened_places;
	uint64_t left;
};

/* Lines that name the same stream and origin become one stream. */
static void identify(uint8_t id[TL_WIRE_STREAM_LEN], const struct tl_jsonin_event *e)
{
	const struct tl_str parts[] = {e->stream, e->source, e->host, e->iface};
	XXH3_state_t *state = XXH3_createState();
	XXH128_canonical_t hash = {0};

	if (state) {
		XXH3_128bits_reset(state);
		for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			XXH3_128bits_update(state, &parts[i].len, sizeof(parts[i].len));
			XXH3_128bits_update(state, parts[i].ptr, parts[i].len);
		}
		XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(state));
		XXH3_freeState(state);
	}
	memcpy(id, hash.digest, TL_WIRE_STREAM_LEN);
}

static int refuse(struct importer *im, const char *reason)
{
	uint64_t held_back;

	im->refused_lines++;
	if (tl_log_allowed(&im->limit, &held_back)) {
		tl_log_warn("%s:%llu: line refused: %s (%llu more since the last line)", im->place,
			    (unsigned long long)im->line, reason, (unsigned long long)held_back);
	}
	return EVCAT_MORE;
}

static int import_event(struct importer *im, const struct tl_jsonin_event *e)
{
	struct tl_batch_head head = {
		.source = e->source.len ? e->source : TL_STR("evcat"),
		.host = e->host.len ? e->host : tl_str_of(im->host),
		.iface = e->iface,
	};

	identify(head.stream, e);
	im->lost_edges += e->edges_lost;
	if (!select_match(im->select, &head, &e->event)) {
		return EVCAT_MORE;
	}
	int step = relay_begin(im->relay, &head);
	if (step == EVCAT_MORE) {
		step = relay_event(im->relay, &e->event);
	}
	return step == EVCAT_MORE && --im->left == 0 ? EVCAT_DONE : step;
}

static bool is_blank(const char *line, size_t len)
{
	while (len > 0 && (*line == ' ' || *line == '\t' || *line == '\r')) {
		line++;
		len--;
	}
	return len == 0;
}

static int import_line(struct importer *im, const char *line, size_t len)
{
	struct tl_jsonin_event event;
	const char *reason = "no memory";

	if (is_blank(line, len)) {
		return EVCAT_MORE;
	}
	im->read_lines++;
	int err = tl_jsonin_read(im->in, line, len, &event, &reason);
	if (err == -ENOMEM) {
		return err;
	}
	return err < 0 ? refuse(im, reason) : import_event(im, &event);
}

static int import_lines(struct importer *im, struct lines *lines)
{
	const char *line;
	size_t len;
	int step = EVCAT_MORE;

	while (step == EVCAT_MORE) {
		int got = lines_next(lines, &line, &len);
		im->line += got == 1 || got == -E2BIG;
		if (got == 0) {
			return EVCAT_MORE;
		} else if (got == 1) {
			step = import_line(im, line, len);
		} else if (got == -E2BIG) {
			step = refuse(im, "line over 1 MiB");
		} else if (got == -EAGAIN) {
			step = relay_flush(im->relay);
			step = step == EVCAT_MORE ? lines_wait(lines) : step;
		} else {
			step = got;
		}
	}
	return step == -EINTR ? EVCAT_DONE : step;
}

static int import_place(struct importer *im, const char *place)
{
	int fd = strcmp(place, "-") == 0 ? STDIN_FILENO : open(place, O_RDONLY | O_CLOEXEC);
	struct lines *lines;

	im->place = place;
	im->line = 0;
	if (fd < 0) {
		tl_log_err("cannot open %s: %s", place, strerror(errno));
		im->unopened_places++;
		return EVCAT_MORE;
	}
	int step = lines_create(&lines, fd, TL_JSONIN_LINE_MAX, TL_JSONIN_PADDING);
	if (step == 0) {
		step = import_lines(im, lines);
		lines_destroy(lines);
	}
	if (step < 0) {
		tl_log_err("cannot read %s: %s", place, strerror(-step));
	}
	if (fd > STDERR_FILENO) {
		close(fd);
	}
	return step;
}

static int open_importer(struct importer *im, const struct evcat_config *config,
			 const struct input_config *input)
{
	int err = select_create(&im->select, &config->types, &config->wheres);

	gethostname(im->host, sizeof(im->host) - 1);
	if (err == 0) {
		err = tl_jsonin_create(&im->in);
	}
	return err == 0 ? relay_open(&im->relay, config->out, &input->out_hop) : err;
}

static enum tl_exit report(const struct importer *im, int err)
{
	if (im->refused_lines > 0 || im->lost_edges > 0) {
		tl_log_warn("input damaged: %llu of %llu lines refused, %llu edges to no entity "
			    "left out",
			    (unsigned long long)im->refused_lines,
			    (unsigned long long)im->read_lines, (unsigned long long)im->lost_edges);
	}
	if (err < 0 || im->refused_lines > 0 || im->lost_edges > 0) {
		return TL_EXIT_FAILED;
	}
	return im->unopened_places > 0 ? TL_EXIT_USAGE : TL_EXIT_OK;
}

enum tl_exit mode_from_json(const struct evcat_config *config, const struct input_config *input)
{
	struct importer im = {.left = config->count ? config->count : UINT64_MAX};
	enum tl_exit code;
	int err = open_importer(&im, config, input);

	if (err < 0) {
		code = mode_unopened(err);
	} else {
		int step = EVCAT_MORE;
		tl_service_ready(input->ready_fd);
		for (unsigned int i = 0; i < input->place_count && step == EVCAT_MORE; i++) {
			step = import_place(&im, input->places[i]);
		}
		int closed = relay_close(im.relay);
		code = report(&im, step < 0 ? step : closed);
	}
	tl_jsonin_destroy(im.in);
	select_destroy(im.select);
	return code;
}
