/* SPDX-License-Identifier: BSD-2-Clause */
#include "health.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "text.h"

#define RETRY_NS     (200 * TL_MS_NS)
#define FORBIDDEN_NS (5 * TL_SECOND_NS)
#define ALARM_NS     (60 * TL_SECOND_NS)
#define LOOK_NS	     (200 * TL_MS_NS) /* between looks at the files with credentials */

void health_init(struct health *h, const struct sink_config *config, uint64_t retry_max_ns,
		 uint64_t seed)
{
	*h = (struct health){
		.name = config->url,
		.files = {config->token_file, config->credentials_file, config->cert_file,
			  config->key_file},
	};
	backoff_init(&h->retry, RETRY_NS, retry_max_ns, seed);
	backoff_init(&h->forbidden, FORBIDDEN_NS, retry_max_ns, seed + 1);
}

static bool files_moved(struct health *h)
{
	bool moved = false;

	for (unsigned int i = 0; i < HEALTH_FILES; i++) {
		if (h->files[i] && filemark_moved(&h->marks[i], h->files[i])) {
			moved = true;
		}
	}
	return moved;
}

void health_note_files(struct health *h)
{
	files_moved(h);
}

uint64_t health_wait_ns(struct health *h, uint64_t now_ns)
{
	if (h->paused_until_ns <= now_ns) {
		h->paused_until_ns = 0;
		return 0;
	}
	uint64_t left = h->paused_until_ns - now_ns;
	if (h->alarm_ns == 0) {
		return left;
	}
	if (files_moved(h)) {
		h->paused_until_ns = 0;
		return 0;
	}
	return left < LOOK_NS ? left : LOOK_NS;
}

static void say_back(const struct health *h, uint64_t now_ns, uint64_t waiting_batches)
{
	uint64_t ms = (now_ns - h->down_since_ns) / TL_MS_NS;

	tl_log_note("%s: back after %llu.%llu s; %llu batches wait", h->name,
		    (unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100,
		    (unsigned long long)waiting_batches);
}

bool health_up(struct health *h, uint64_t now_ns, uint64_t waiting_batches)
{
	/* Of several in flight some may pass: that ends no pause. */
	if (h->paused_until_ns > now_ns) {
		return false;
	}
	backoff_reset(&h->retry);
	backoff_reset(&h->forbidden);
	h->alarm_ns = 0;
	/* What an earlier run noted may be otherwise. */
	bool news = h->down_since_ns != 0 || !h->answered;
	h->answered = true;
	if (h->told) {
		say_back(h, now_ns, waiting_batches);
	}
	h->told = false;
	h->down_since_ns = 0;
	return news;
}

/* Once a second, also where it is down and back all the time. */
static void say_down(struct health *h)
{
	uint64_t held_back;

	if (tl_log_allowed(&h->limit, &held_back)) {
		h->told = true;
		tl_log_warn("%s: down: %s; trying again, at least each %.3g s", h->name, h->reason,
			    (double)h->retry.max_ns / TL_SECOND_NS);
	}
}

static void alarm_forbidden(struct health *h, uint64_t now_ns)
{
	if (h->alarm_ns != 0 && now_ns - h->alarm_ns < ALARM_NS) {
		return;
	}
	h->alarm_ns = now_ns;
	h->told = true;
	tl_log_err("%s: refuses our credentials: %s; nothing is delivered there until that is put "
		   "right",
		   h->name, h->reason);
}

static void pause_until(struct health *h, const struct sink_answer *answer, uint64_t now_ns)
{
	struct backoff *b = answer->verdict == SINK_FORBIDDEN ? &h->forbidden : &h->retry;

	/* Of those in flight together only the first makes the next pause longer. */
	if (h->paused_until_ns <= now_ns) {
		h->paused_until_ns = now_ns + backoff_next(b, answer->retry_after_ns);
	} else if (answer->retry_after_ns > 0) {
		uint64_t asked = now_ns + backoff_spread(b, answer->retry_after_ns);
		h->paused_until_ns = asked > h->paused_until_ns ? asked : h->paused_until_ns;
	}
}

bool health_down(struct health *h, const struct sink_answer *answer, uint64_t now_ns)
{
	bool first = h->down_since_ns == 0;
	bool changed = first || strcmp(h->reason, answer->reason) != 0;

	pause_until(h, answer, now_ns);
	if (first) {
		h->down_since_ns = now_ns;
		h->down_since_wall_ns = tl_clock_wall_ns();
	}
	memcpy(h->reason, answer->reason, sizeof(h->reason));
	if (answer->verdict == SINK_FORBIDDEN) {
		alarm_forbidden(h, now_ns);
	} else {
		h->alarm_ns = 0;
		if (changed) {
			say_down(h);
		}
	}
	return changed;
}

void health_text(const struct health *h, char text[HEALTH_TEXT_LEN])
{
	char since[TL_TEXT_TIME_LEN];

	if (h->down_since_ns == 0) {
		snprintf(text, HEALTH_TEXT_LEN, "ok");
		return;
	}
	tl_text_put_time(since, h->down_since_wall_ns);
	snprintf(text, HEALTH_TEXT_LEN, "down since %.*s: %s", TL_TEXT_TIME_LEN, since, h->reason);
}
