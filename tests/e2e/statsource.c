/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: statsource FILE [--ready-fd N]: a tool that reports what FILE says, ten times a
 * second, until SIGTERM: its closing report. The first line of FILE is
 *
 *   URL TOOL PLACE ENGINE MODE IFACE        (- = none)
 *
 * the others are samples; a name's first line describes it:
 *
 *   counter|gauge NAME UNIT VALUE [LABEL=VALUE]...
 *
 * FILE is read anew for each report, but for its first line and the descriptions. SIGUSR1
 * holds reports back while the process lives on.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/metrics.h"
#include "../../common/service.h"

enum { WORDS = 10, LINES = 64, LINE_MAX_LEN = 512 };

#define PERIOD_NS (100 * TL_MS_NS)

struct line {
	char text[LINE_MAX_LEN];
	unsigned int count;
	char *words[WORDS];
};

struct source {
	const char *path;
	struct line head;
	struct line lines[LINES];
	unsigned int line_count;
	struct tl_metric table[LINES];
	unsigned int metric_count;
	struct line described[LINES];
};

static void split(struct line *line)
{
	char *rest = line->text;
	char *word;

	line->count = 0;
	while (line->count < WORDS && (word = strtok_r(rest, " \t\n", &rest))) {
		line->words[line->count++] = word;
	}
}

/* The file is replaced by renaming: what is there is whole. */
static void read_lines(struct source *s, struct line *head)
{
	FILE *file = fopen(s->path, "r");
	struct line line;

	if (!file || !fgets(head->text, sizeof(head->text), file)) {
		fprintf(stderr, "statsource: cannot read %s\n", s->path);
		exit(2);
	}
	split(head);
	s->line_count = 0;
	while (s->line_count < LINES && fgets(line.text, sizeof(line.text), file)) {
		s->lines[s->line_count] = line;
		split(&s->lines[s->line_count]);
		s->line_count += s->lines[s->line_count].count >= 4;
	}
	fclose(file);
}

static int find(const struct source *s, const char *name)
{
	for (unsigned int i = 0; i < s->metric_count; i++) {
		if (strcmp(s->table[i].name, name) == 0) {
			return (int)i;
		}
	}
	return -1;
}

static void describe(struct source *s, unsigned int index)
{
	struct line *line = &s->described[s->metric_count];
	struct tl_metric *metric = &s->table[s->metric_count];

	if (find(s, s->lines[index].words[1]) >= 0) {
		return;
	}
	line->count = s->lines[index].count;
	for (unsigned int i = 0; i < line->count; i++) {
		line->words[i] = strdup(s->lines[index].words[i]);
	}
	*metric = (struct tl_metric){
		.name = line->words[1],
		.unit = strcmp(line->words[2], "-") == 0 ? "" : line->words[2],
		.type = line->words[0][0] == 'c' ? TL_METRIC_COUNTER : TL_METRIC_GAUGE,
		.help = "Said by a test",
	};
	for (unsigned int i = 4; i < line->count && i < 4 + TL_METRICS_MAX_LABELS; i++) {
		char *name = strdup(line->words[i]);
		name[strcspn(name, "=")] = '\0';
		metric->labels[i - 4] = name;
	}
	s->metric_count++;
}

static void add(struct tl_metrics *m, unsigned int index, const struct line *line)
{
	const char *labels[TL_METRICS_MAX_LABELS] = {0};
	const char *value = line->words[3];

	for (unsigned int i = 4; i < line->count && i < 4 + TL_METRICS_MAX_LABELS; i++) {
		const char *equals = strchr(line->words[i], '=');
		labels[i - 4] = equals ? equals + 1 : "";
	}
	if (strchr(value, '.')) {
		tl_metrics_add_real(m, index, strtod(value, 0), labels);
	} else {
		tl_metrics_add_int(m, index, strtoll(value, 0, 10), labels);
	}
}

static void gather(void *context, struct tl_metrics *m)
{
	struct source *s = context;
	struct line head;

	read_lines(s, &head);
	for (unsigned int i = 0; i < s->line_count; i++) {
		int index = find(s, s->lines[i].words[1]);
		if (index >= 0) {
			add(m, (unsigned int)index, &s->lines[i]);
		}
	}
}

static const char *word(const struct source *s, unsigned int index)
{
	const char *text = index < s->head.count ? s->head.words[index] : "-";

	return strcmp(text, "-") == 0 ? 0 : text;
}

int main(int argc, char **argv)
{
	static struct source source;
	bool quiet = false;

	if (argc < 2 || tl_service_open() < 0) {
		return 2;
	}
	source.path = argv[1];
	read_lines(&source, &source.head);
	for (unsigned int i = 0; i < source.line_count; i++) {
		describe(&source, i);
	}
	const char *iface = word(&source, 5);
	const struct tl_metrics_config config = {
		.url = word(&source, 0),
		.period_ns = PERIOD_NS,
		.tool = word(&source, 1),
		.place = word(&source, 2),
		.engine = word(&source, 3),
		.mode = word(&source, 4),
		.ifaces = &iface,
		.iface_count = iface != 0,
		.table = source.table,
		.table_count = source.metric_count,
		.gather = gather,
		.context = &source,
	};
	struct tl_metrics *metrics;
	if (tl_metrics_open(&metrics, &config) < 0) {
		return 2;
	}
	tl_service_ready(argc > 3 ? atoi(argv[3]) : 0);
	while (!tl_service_stopping()) {
		tl_service_wait(PERIOD_NS / 2);
		quiet ^= tl_service_take_stats();
		if (!quiet) {
			tl_metrics_tick(metrics);
		}
	}
	tl_metrics_close(metrics);
	return 0;
}
