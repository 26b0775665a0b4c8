/* SPDX-License-Identifier: BSD-2-Clause */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "pages_private.h"
#include "privilege.h"
#include "prometheus.h"
#include "report.h"

static const char json[] = "application/json";

static uint64_t look(struct pages *p)
{
	uint64_t now_ns = tl_clock_mono_ns();

	ledger_advance(p->ledger, now_ns);
	health_look(&p->health, p->ledger, now_ns);
	return now_ns;
}

static int write_metrics(void *context, const struct web_request *request,
			 struct web_answer *answer)
{
	const struct pages *p = context;
	enum prometheus_format format =
		prometheus_choose(web_header(request, MHD_HTTP_HEADER_ACCEPT));

	ledger_advance(p->ledger, tl_clock_mono_ns());
	answer->type = prometheus_content_type(format);
	answer->vary = MHD_HTTP_HEADER_ACCEPT;
	return prometheus_write(&answer->body, p->ledger, format);
}

static int write_health(struct pages *p, struct web_answer *answer, bool ready_only)
{
	look(p);
	bool is_well = ready_only ? p->health.is_ready : p->health.is_healthy;
	answer->status = is_well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
	return health_write(&p->health, &answer->body, ready_only);
}

static int write_healthz(void *context, const struct web_request *request,
			 struct web_answer *answer)
{
	(void)request;
	return write_health(context, answer, false);
}

static int write_readyz(void *context, const struct web_request *request, struct web_answer *answer)
{
	(void)request;
	return write_health(context, answer, true);
}

/* --- files ----------------------------------------------------------------- */

static void close_file(int fd)
{
	if (fd >= 0) {
		close(fd);
	}
}

/* A regular file that is not too long: its descriptor, or -errno. */
static int open_file(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || st->st_size > PAGES_LADDER_MAX) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

/* The newest of those that are where capladder puts them when nobody says where. */
static int open_newest(struct stat *st)
{
	glob_t found;
	int newest = -ENOENT;

	if (glob(TL_RUN_FOLDER "/capladder*/ladder.json", GLOB_NOSORT, 0, &found) != 0) {
		return -ENOENT;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct stat other;
		int fd = open_file(found.gl_pathv[i], &other);
		if (fd < 0 || (newest >= 0 && other.st_mtime < st->st_mtime)) {
			close_file(fd);
			continue;
		}
		close_file(newest);
		newest = fd;
		*st = other;
	}
	globfree(&found);
	return newest;
}

static int open_ladder(const struct pages *p, struct stat *st)
{
	return p->ladder_path ? open_file(p->ladder_path, st) : open_newest(st);
}

static bool has_ladder(const struct pages *p)
{
	struct stat st;
	int fd = open_ladder(p, &st);

	close_file(fd);
	return fd >= 0;
}

/* capladder replaces the file by renaming: what is there is whole. */
static int read_ladder(const struct pages *p, struct tl_textbuf *out)
{
	struct stat st;
	int fd = open_ladder(p, &st);
	char *to = fd >= 0 ? tl_textbuf_reserve(out, (size_t)st.st_size + 1) : 0;
	ssize_t got = to ? read(fd, to, (size_t)st.st_size) : -1;

	close_file(fd);
	out->len += got > 0 ? (size_t)got : 0;
	return got < 0 ? -EIO : 0;
}

static int say_missing(struct web_answer *answer, const char *text)
{
	answer->status = MHD_HTTP_NOT_FOUND;
	return tl_textbuf_add(&answer->body, text, strlen(text));
}

static int write_ladder(void *context, const struct web_request *request, struct web_answer *answer)
{
	const struct pages *p = context;

	(void)request;
	if (read_ladder(p, &answer->body) < 0) {
		return say_missing(answer, "no ladder: capladder does not run, or its ladder.json "
					   "cannot be read\n");
	}
	answer->type = json;
	return 0;
}

static int write_capabilities(void *context, const struct web_request *request,
			      struct web_answer *answer)
{
	const struct pages *p = context;

	(void)request;
	if (!p->capabilities) {
		return say_missing(answer, "no engine was found\n");
	}
	answer->type = json;
	return tl_textbuf_add(&answer->body, p->capabilities, p->capabilities_len);
}

/* --- the report ------------------------------------------------------------ */

static int write_report(void *context, const struct web_request *request, struct web_answer *answer)
{
	struct pages *p = context;
	uint64_t now_ns = look(p);
	const struct report_sources sources = {
		.ladder = has_ladder(p),
		.flows = p->feed,
		.events = p->feed,
		.capabilities = p->capabilities,
	};

	(void)request;
	answer->type = json;
	return report_write(&answer->body, p->ledger, &p->health, sources, tl_clock_wall_ns(),
			    now_ns);
}

const struct web_page pages_table[] = {
	{"/capture/metrics", false, write_report},
	{"/metrics", false, write_metrics},
	{"/healthz", true, write_healthz},
	{"/readyz", true, write_readyz},
	{"/ladder", false, write_ladder},
	{"/capabilities", false, write_capabilities},
	{"/flows/top", false, pages_write_flows},
	{"/events", false, pages_write_events},
	{"/events/recent", false, pages_write_recent},
	{0},
};
