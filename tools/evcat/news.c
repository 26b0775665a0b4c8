/* SPDX-License-Identifier: BSD-2-Clause */
#include "news.h"

#include "safe.h"
#include "table.h"

void news_fini(struct news *n)
{
	for (unsigned int i = 0; i < NEWS_ROWS; i++) {
		tl_textbuf_fini(&n->rows[i]);
	}
}

void news_take(struct news *n, const struct tl_batch_head *head, const struct tl_event *event)
{
	struct tl_textbuf *row = &n->rows[n->next];

	n->count++;
	if (n->fresh == NEWS_ROWS) {
		return;
	}
	row->len = 0;
	if (table_row(row, head, event) == 0) {
		n->next = (n->next + 1) % NEWS_ROWS;
		n->fresh++;
	}
}

unsigned int news_lines(struct news *n, struct tl_textbuf *out)
{
	unsigned int lines = 2;

	n->fresh = 0;
	if (n->count == 0) {
		return 0;
	}
	tl_safe_printf(out, "OTHER EVENTS %llu\n", (unsigned long long)n->count);
	for (unsigned int i = 1; i <= NEWS_ROWS; i++) {
		const struct tl_textbuf *row = &n->rows[(n->next + NEWS_ROWS - i) % NEWS_ROWS];
		if (row->len > 0) {
			tl_textbuf_add(out, row->data, row->len);
			lines++;
		}
	}
	tl_safe_printf(out, "\n");
	return lines;
}
