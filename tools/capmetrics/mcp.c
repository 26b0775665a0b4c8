/* SPDX-License-Identifier: BSD-2-Clause */
#include "mcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mcp_message.h"

int mcp_create(struct mcp **out, const struct mcp_source *source)
{
	struct mcp *mcp = calloc(1, sizeof(*mcp));

	if (!mcp || tl_jsontree_create(&mcp->request) < 0 ||
	    tl_jsontree_create(&mcp->task.page) < 0) {
		mcp_destroy(mcp);
		return -ENOMEM;
	}
	mcp->source = *source;
	mcp->task.source = &mcp->source;
	*out = mcp;
	return 0;
}

void mcp_destroy(struct mcp *mcp)
{
	if (!mcp) {
		return;
	}
	tl_jsontree_destroy(mcp->request);
	tl_jsontree_destroy(mcp->task.page);
	client_reply_fini(&mcp->task.reply);
	tl_textbuf_fini(&mcp->result);
	free(mcp);
}

/* --- a message ------------------------------------------------------------- */

static void refuse_version(struct mcp_message *m, struct tl_jsonnode wanted)
{
	mcp_message_begin_error(m, MCP_ERROR_VERSION, "Unsupported protocol version");
	jsondoc_open(&m->doc, "data", '{');
	mcp_message_put_versions(&m->doc, "supported");
	mcp_message_put(&m->doc, "requested", wanted);
	jsondoc_close(&m->doc, '}');
	mcp_message_end(m);
}

/* A request that says its version is of the new era. False: it was answered. */
static bool find_era(struct mcp_message *m)
{
	struct tl_jsonnode meta = tl_jsonnode_member(m->params, "_meta");
	struct tl_jsonnode version = tl_jsonnode_member(meta, MCP_META "protocolVersion");
	struct tl_jsonnode abilities = tl_jsonnode_member(meta, MCP_META "clientCapabilities");

	m->is_modern = version.document;
	if (!m->is_modern) {
		return true;
	}
	if (tl_jsonnode_kind(version) != TL_JSONKIND_TEXT) {
		mcp_message_error(m, MCP_ERROR_PARAMS,
				  "_meta: " MCP_META "protocolVersion must be a string");
		return false;
	}
	if (!tl_str_eq(tl_jsonnode_text(version), tl_str_of(mcp_versions[0]))) {
		refuse_version(m, version);
		return false;
	}
	if (tl_jsonnode_kind(abilities) != TL_JSONKIND_OBJECT) {
		mcp_message_error(m, MCP_ERROR_PARAMS,
				  "_meta: " MCP_META "clientCapabilities must be an object");
		return false;
	}
	return true;
}

static void answer_request(struct mcp_message *m)
{
	if (!find_era(m)) {
		return;
	}
	const struct mcp_method *method = mcp_methods_find(m);
	if (!method) {
		mcp_message_error(m, MCP_ERROR_METHOD, "Method not found");
	} else if (!m->is_modern && method->needs_session && !m->mcp->has_session) {
		mcp_message_error(m, MCP_ERROR_PARAMS,
				  "params._meta: " MCP_META
				  "protocolVersion is missing, and there was no initialize");
	} else {
		method->answer(m);
	}
}

static bool is_id(enum tl_jsonkind kind)
{
	return kind == TL_JSONKIND_TEXT || kind == TL_JSONKIND_UINT || kind == TL_JSONKIND_INT;
}

static void answer_message(struct mcp_message *m, struct tl_jsonnode root)
{
	struct tl_jsonnode id = tl_jsonnode_member(root, "id");
	struct tl_jsonnode method = tl_jsonnode_member(root, "method");
	enum tl_jsonkind params_kind;

	m->id = is_id(tl_jsonnode_kind(id)) ? id : (struct tl_jsonnode){0};
	m->method = tl_jsonnode_text(method);
	m->params = tl_jsonnode_member(root, "params");
	params_kind = tl_jsonnode_kind(m->params);
	if (!tl_str_eq(tl_jsonnode_text(tl_jsonnode_member(root, "jsonrpc")), TL_STR("2.0"))) {
		mcp_message_error(m, MCP_ERROR_REQUEST,
				  "Invalid request: not a JSON-RPC 2.0 object");
	} else if (!method.document && (tl_jsonnode_member(root, "result").document ||
					tl_jsonnode_member(root, "error").document)) {
		return; /* an answer, and we asked nothing */
	} else if (tl_jsonnode_kind(method) != TL_JSONKIND_TEXT) {
		mcp_message_error(m, MCP_ERROR_REQUEST, "Invalid request: method must be a string");
	} else if (!id.document) {
		return; /* a notification */
	} else if (!m->id.document) {
		mcp_message_error(m, MCP_ERROR_REQUEST,
				  "Invalid request: id must be a string or an integer");
	} else if (params_kind != TL_JSONKIND_ABSENT && params_kind != TL_JSONKIND_OBJECT) {
		mcp_message_error(m, MCP_ERROR_PARAMS, "Invalid params: must be an object");
	} else {
		answer_request(m);
	}
}

static const char *why_not_read(int err)
{
	return err == -E2BIG ? "Parse error: nested too deeply" : "Parse error: not JSON in UTF-8";
}

int mcp_answer(struct mcp *mcp, const char *line, size_t len, struct tl_textbuf *out)
{
	struct mcp_message m = {.mcp = mcp, .doc = {.out = out}};
	struct tl_jsonnode root;
	size_t before = out->len;

	if (len > MCP_LINE_MAX) {
		return mcp_answer_too_long(out);
	}
	int err = tl_jsontree_read(mcp->request, line, len, &root);
	if (err == -ENOMEM) {
		return err;
	}
	if (err < 0) {
		mcp_message_error(&m, MCP_ERROR_PARSE, why_not_read(err));
	} else {
		answer_message(&m, root);
	}
	err = m.err < 0 ? m.err : jsondoc_end(&m.doc);
	if (err < 0) {
		out->len = before;
	}
	return err;
}

int mcp_answer_too_long(struct tl_textbuf *out)
{
	struct mcp_message m = {.doc = {.out = out}};
	size_t before = out->len;

	mcp_message_error(&m, MCP_ERROR_REQUEST, "Invalid request: longer than 64 KiB");
	if (jsondoc_end(&m.doc) < 0) {
		out->len = before;
		return -ENOMEM;
	}
	return 0;
}
