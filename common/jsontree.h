/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A JSON text as a tree, for small documents of which nobody knows what is in
 * them: answers of a server, requests. simdjson does the reading; only
 * common/jsontree.cc knows it, and only programs that use this link with C++.
 *
 * A tree belongs to one thread. A node is a small value; it and the texts it
 * gives point into the tree and are valid until the next read. What is not there is a
 * node too, TL_JSONKIND_ABSENT, and asking it for anything is fine, so that paths
 * can be followed without a check at each step. Nothing logs.
 */
#ifndef TL_JSONTREE_H
#define TL_JSONTREE_H

#ifdef __cplusplus
extern "C" {
#endif

#include "text.h"

enum {
	TL_JSONTREE_DEPTH_MAX = 32,
	TL_JSONTREE_LEN_MAX = 16 << 20,
};

enum tl_jsonkind {
	TL_JSONKIND_ABSENT,
	TL_JSONKIND_NULL,
	TL_JSONKIND_BOOL,
	TL_JSONKIND_UINT, /* a whole number >= 0 */
	TL_JSONKIND_INT,  /* a whole number < 0 */
	TL_JSONKIND_REAL,
	TL_JSONKIND_TEXT,
	TL_JSONKIND_ARRAY,
	TL_JSONKIND_OBJECT,
};

struct tl_jsontree;

struct tl_jsonnode {
	const void *document; /* 0 = absent */
	size_t place;
};

/* 0 or -ENOMEM. */
int tl_jsontree_create(struct tl_jsontree **out);
void tl_jsontree_destroy(struct tl_jsontree *tree);

/*
 * Reads a whole text, which is copied. 0; -EBADMSG no JSON (or not UTF-8, a number
 * beyond 64 bits); -E2BIG too long or nested too deeply; -ENOMEM. On failure *root is absent.
 */
int tl_jsontree_read(struct tl_jsontree *tree, const char *json, size_t len,
		     struct tl_jsonnode *root);

enum tl_jsonkind tl_jsonnode_kind(struct tl_jsonnode node);

/* A member of an object: the first of that name. Absent in everything else. */
struct tl_jsonnode tl_jsonnode_member(struct tl_jsonnode node, const char *name);

/* Empty, 0 or false where the node is of another kind. A real is any number. */
struct tl_str tl_jsonnode_text(struct tl_jsonnode node);
uint64_t tl_jsonnode_uint(struct tl_jsonnode node);
int64_t tl_jsonnode_int(struct tl_jsonnode node);
double tl_jsonnode_real(struct tl_jsonnode node);
bool tl_jsonnode_bool(struct tl_jsonnode node);

/* Appends it as JSON, without blanks. 0 or -ENOMEM. */
int tl_jsonnode_write(struct tl_textbuf *out, struct tl_jsonnode node);

/* Over the elements of an array or the members of an object; over nothing of anything else. */
struct tl_jsonwalk {
	const void *document;
	size_t place;
	size_t end;
	bool is_object;
	struct tl_str name; /* of the member that tl_jsonwalk_next gave; empty in an array */
};

struct tl_jsonwalk tl_jsonwalk_over(struct tl_jsonnode node);
bool tl_jsonwalk_next(struct tl_jsonwalk *walk, struct tl_jsonnode *value);

#ifdef __cplusplus
}
#endif

#endif
