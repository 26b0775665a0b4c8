/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of capmetrics between two strangers: lines of MCP from one, pages of a server
 * from the other. Input: the lines, a NUL, the page that every path gives.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/jsontree.h"
#include "../../tools/capmetrics/client_view.h"
#include "../../tools/capmetrics/mcp.h"

struct page {
	const char *body;
	size_t len;
	uint64_t now_ns;
};

static int get(void *context, const char *path, struct client_reply *reply)
{
	const struct page *page = context;

	(void)path;
	reply->body.len = 0;
	reply->status = page->len > 0 ? 200 : 404;
	snprintf(reply->reason, sizeof(reply->reason), "none");
	return page->len > 0 ? tl_textbuf_add(&reply->body, page->body, page->len) : -EPROTO;
}

static uint64_t now(void *context)
{
	struct page *page = context;

	return page->now_ns += 1000000000;
}

/* Whatever was asked: nothing, or one line that is a JSON object. */
static void check_answer(const struct tl_textbuf *out)
{
	struct tl_jsontree *tree;
	struct tl_jsonnode root;

	if (out->len == 0) {
		return;
	}
	if (memchr(out->data, '\n', out->len) != out->data + out->len - 1) {
		abort();
	}
	if (tl_jsontree_create(&tree) == 0 &&
	    (tl_jsontree_read(tree, out->data, out->len, &root) < 0 ||
	     tl_jsonnode_kind(root) != TL_JSONKIND_OBJECT)) {
		abort();
	}
	tl_jsontree_destroy(tree);
}

static void ask(struct page *page, const char *lines, size_t len)
{
	const struct mcp_source source = {get, now, page};
	struct tl_textbuf out = {0};
	struct mcp *mcp;

	if (mcp_create(&mcp, &source) < 0) {
		return;
	}
	while (len > 0) {
		const char *newline = memchr(lines, '\n', len);
		size_t line_len = newline ? (size_t)(newline - lines) : len;
		out.len = 0;
		mcp_answer(mcp, lines, line_len, &out);
		check_answer(&out);
		lines += newline ? line_len + 1 : line_len;
		len -= newline ? line_len + 1 : line_len;
	}
	tl_textbuf_fini(&out);
	mcp_destroy(mcp);
}

/* Nothing of the server's reaches the terminal as a command: no ESC, and of controls newlines. */
static void show(const struct page *page)
{
	const struct client_frame frame = {.url = "http://x", .rows = 40};
	struct tl_textbuf out = {0};
	struct client_view *view;

	if (client_view_create(&view) < 0) {
		return;
	}
	for (int i = 0; i < CLIENT_PAGES; i++) {
		client_view_read(view, (enum client_page)i, page->body, page->len);
	}
	client_view_write(view, &out, &frame);
	for (size_t i = 0; i < out.len; i++) {
		if ((uint8_t)out.data[i] < 0x20 && out.data[i] != '\n') {
			abort();
		}
	}
	tl_textbuf_fini(&out);
	client_view_destroy(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *lines = (const char *)data;
	const char *nul = len ? memchr(data, 0, len) : 0;
	size_t lines_len = nul ? (size_t)(nul - lines) : len;
	struct page page = {nul ? nul + 1 : "", nul ? len - lines_len - 1 : 0, 0};

	ask(&page, lines, lines_len);
	show(&page);
	return 0;
}
