/* SPDX-License-Identifier: BSD-2-Clause */
#include "mcp_message.h"

const char *const mcp_versions[MCP_VERSIONS] = {"2026-07-28", "2025-11-25", "2025-06-18"};

void mcp_message_put(struct jsondoc *doc, const char *key, struct tl_jsonnode node)
{
	jsondoc_raw(doc, key, "", 0);
	doc->failed |= tl_jsonnode_write(doc->out, node) < 0;
}

/* The schema of the protocol wants no id where JSON-RPC itself has null. */
static void begin_answer(struct mcp_message *m, const char *key)
{
	jsondoc_open(&m->doc, 0, '{');
	jsondoc_text(&m->doc, "jsonrpc", "2.0");
	if (m->id.document) {
		mcp_message_put(&m->doc, "id", m->id);
	}
	jsondoc_open(&m->doc, key, '{');
}

void mcp_message_end(struct mcp_message *m)
{
	jsondoc_close(&m->doc, '}');
	jsondoc_close(&m->doc, '}');
	m->doc.failed |= tl_textbuf_add(m->doc.out, "\n", 1) < 0;
}

void mcp_message_begin_error(struct mcp_message *m, enum mcp_error code, const char *text)
{
	begin_answer(m, "error");
	jsondoc_int(&m->doc, "code", code);
	jsondoc_text(&m->doc, "message", text);
}

void mcp_message_error(struct mcp_message *m, enum mcp_error code, const char *text)
{
	mcp_message_begin_error(m, code, text);
	mcp_message_end(m);
}

void mcp_message_put_server(struct jsondoc *doc, const char *key)
{
	jsondoc_open(doc, key, '{');
	jsondoc_text(doc, "name", "capmetrics");
	jsondoc_text(doc, "title", "Tapline capture pipeline");
	jsondoc_text(doc, "version", TL_VERSION);
	jsondoc_close(doc, '}');
}

void mcp_message_begin_result(struct mcp_message *m)
{
	begin_answer(m, "result");
	if (m->is_modern) {
		jsondoc_text(&m->doc, "resultType", "complete");
		jsondoc_open(&m->doc, "_meta", '{');
		mcp_message_put_server(&m->doc, MCP_META "serverInfo");
		jsondoc_close(&m->doc, '}');
	}
}

void mcp_message_put_versions(struct jsondoc *doc, const char *key)
{
	jsondoc_open(doc, key, '[');
	for (unsigned int i = 0; i < MCP_VERSIONS; i++) {
		jsondoc_text(doc, 0, mcp_versions[i]);
	}
	jsondoc_close(doc, ']');
}
