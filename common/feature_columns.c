/* SPDX-License-Identifier: BSD-2-Clause */
/* The one table: names, units and edges of flow_features events, and the shapes that follow. */
#include <errno.h>

#include "feature_columns.h"

/* clang-format off */
const struct feature_column feature_columns[FEATURE_COLUMNS] = {
	{{"src_ip", ""}, ALWAYS, KEY},
	{{"dst_ip", ""}, ALWAYS, KEY},
	{{"src_port", ""}, ALWAYS, KEY},
	{{"dst_port", ""}, ALWAYS, KEY},
	{{"proto", ""}, ALWAYS, KEY},
	{{"vlan", ""}, ALWAYS, KEY},
	{{"vlan_inner", ""}, ALWAYS, KEY},
	{{"direction", ""}, ALWAYS, KEY},
	{{"flow_id", ""}, ALWAYS, NUMBER},
	{{"start", ""}, ALWAYS, TIME},
	{{"packets", "packets"}, ALWAYS, NUMBER},
	{{"bytes", "bytes"}, ALWAYS, NUMBER},
	{{"duration", "ns"}, ALWAYS, NUMBER},
	{{"size.mean", "bytes"}, ALWAYS, REAL},
	{{"size.variance", "bytes^2"}, ALWAYS, REAL},
	{{"size.min", "bytes"}, ALWAYS, NUMBER},
	{{"size.max", "bytes"}, ALWAYS, NUMBER},
	{{"size.first", "bytes"}, ALWAYS, NUMBERS},
	{{"gap.mean", "ns"}, ALWAYS, REAL},
	{{"gap.variance", "ns^2"}, ALWAYS, REAL},
	{{"gap.min", "ns"}, ALWAYS, NUMBER},
	{{"gap.max", "ns"}, ALWAYS, NUMBER},
	{{"gap.first", "ns"}, ALWAYS, NUMBERS},
	{{"payload.bytes", "bytes"}, ALWAYS, NUMBER},
	{{"payload.entropy_bytes", "bytes"}, ALWAYS, NUMBER},
	{{"payload.entropy", "bits/byte"}, ALWAYS, REAL},
	{{"tcp.out_of_order", "packets"}, ALWAYS, NUMBER},
	{{"feature_flags", "bits"}, ALWAYS, NUMBER},
	{{"tcp.window", "bytes"}, WITH_SYN, NUMBER},
	{{"tcp.mss", "bytes"}, WITH_SYN, NUMBER},
	{{"tcp.window_scale", "bits"}, WITH_SYN, NUMBER},
	{{"tcp.options", ""}, WITH_SYN, NUMBERS},
	{{"tcp.synack_time", "ns"}, WITH_SYNACK, NUMBER},
	/* In the order of enum tl_feature_field. */
	{{"tls.client_version", ""}, WITH_FIELD, TEXT},
	{{"tls.sni", ""}, WITH_FIELD, TEXT},
	{{"tls.client_alpns", ""}, WITH_FIELD, TEXTS},
	{{"tls.ja3.hash", ""}, WITH_FIELD, TEXT},
	{{"tls.ja4", ""}, WITH_FIELD, TEXT},
	{{"tls.version", ""}, WITH_FIELD, TEXT},
	{{"tls.server_alpns", ""}, WITH_FIELD, TEXTS},
	{{"tls.ja3s.hash", ""}, WITH_FIELD, TEXT},
	{{"tls.server_handshake.cipher", ""}, WITH_FIELD, FIELD_NUMBER},
	{{"tls.server_handshake.exts", ""}, WITH_FIELD, FIELD_NUMBERS},
	{{"quic.version", ""}, WITH_FIELD, TEXT},
	{{"quic.sni", ""}, WITH_FIELD, TEXT},
	{{"quic.client_alpns", ""}, WITH_FIELD, TEXTS},
	{{"quic.ja3.hash", ""}, WITH_FIELD, TEXT},
	{{"quic.ja4", ""}, WITH_FIELD, TEXT},
	{{"dns.type", ""}, WITH_FIELD, TEXTS},
	{{"dns.rrname", ""}, WITH_FIELD, TEXTS},
	{{"dns.rrtype", ""}, WITH_FIELD, TEXTS},
	{{"dns.rcode", ""}, WITH_FIELD, TEXTS},
	{{"dns.answers.rdata", ""}, WITH_FIELD, TEXTS},
	{{"http.http_method", ""}, WITH_FIELD, TEXT},
	{{"http.hostname", ""}, WITH_FIELD, TEXT},
	{{"http.http_user_agent", ""}, WITH_FIELD, TEXT},
	{{"ssh.client.banner", ""}, WITH_FIELD, TEXT},
	{{"ssh.client.hassh.hash", ""}, WITH_FIELD, TEXT},
	{{"ssh.server.banner", ""}, WITH_FIELD, TEXT},
	{{"ssh.server.hassh.hash", ""}, WITH_FIELD, TEXT},
};
/* clang-format on */

#define FIELD(name) (1u << TL_FEATURE_##name)

/* What a shape is of: fields, and how the handshake was seen. */
struct form {
	uint32_t fields;
	bool one_name; /* all answers are to one name: only then can an edge be drawn */
};

/* Every combination that the decoders leave behind. */
#define TLS_CLIENT (FIELD(TLS_CLIENT_VERSION) | FIELD(TLS_JA3) | FIELD(TLS_JA4))
#define TLS_SERVER                                                                                 \
	(FIELD(TLS_VERSION) | FIELD(TLS_JA3S) | FIELD(TLS_SERVER_CIPHER) | FIELD(TLS_SERVER_EXTS))
#define QUIC_CLIENT (FIELD(QUIC_VERSION) | FIELD(QUIC_JA3) | FIELD(QUIC_JA4))
#define DNS_NAME    (FIELD(DNS_RRNAME) | FIELD(DNS_RRTYPE))
#define DNS_ANSWER  (FIELD(DNS_TYPE) | FIELD(DNS_RCODE))

static const struct form forms[] = {
	{0, false},
	{TLS_CLIENT, false},
	{TLS_CLIENT | FIELD(TLS_SNI), false},
	{TLS_CLIENT | FIELD(TLS_CLIENT_ALPNS), false},
	{TLS_CLIENT | FIELD(TLS_SNI) | FIELD(TLS_CLIENT_ALPNS), false},
	{TLS_SERVER, false},
	{TLS_SERVER | FIELD(TLS_SERVER_ALPNS), false},
	{FIELD(QUIC_VERSION), false},
	{QUIC_CLIENT, false},
	{QUIC_CLIENT | FIELD(QUIC_SNI), false},
	{QUIC_CLIENT | FIELD(QUIC_CLIENT_ALPNS), false},
	{QUIC_CLIENT | FIELD(QUIC_SNI) | FIELD(QUIC_CLIENT_ALPNS), false},
	{FIELD(DNS_TYPE), false},
	{FIELD(DNS_TYPE) | DNS_NAME, false},
	{DNS_ANSWER, false},
	{DNS_ANSWER | FIELD(DNS_ANSWERS), false},
	{DNS_ANSWER | DNS_NAME, false},
	{DNS_ANSWER | DNS_NAME | FIELD(DNS_ANSWERS), false},
	{DNS_ANSWER | DNS_NAME | FIELD(DNS_ANSWERS), true},
	{FIELD(HTTP_METHOD), false},
	{FIELD(HTTP_METHOD) | FIELD(HTTP_HOSTNAME), false},
	{FIELD(HTTP_METHOD) | FIELD(HTTP_USER_AGENT), false},
	{FIELD(HTTP_METHOD) | FIELD(HTTP_HOSTNAME) | FIELD(HTTP_USER_AGENT), false},
	{FIELD(SSH_CLIENT_BANNER), false},
	{FIELD(SSH_CLIENT_BANNER) | FIELD(SSH_CLIENT_HASSH), false},
	{FIELD(SSH_SERVER_BANNER), false},
	{FIELD(SSH_SERVER_BANNER) | FIELD(SSH_SERVER_HASSH), false},
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

_Static_assert(TL_FEATURE_SHAPES == FORMS * FEATURE_HANDSHAKES,
	       "the header tells how many ids are used");

/* Edges between the key and a field, or two fields. */
static const struct {
	const char *from;
	const char *to;
	uint32_t needs; /* fields */
	uint32_t lacks; /* fields */
	bool one_name;
} edges[] = {
	{"src_ip", "dst_ip", 0, 0, false},
	{"src_ip", "tls.sni", FIELD(TLS_SNI), 0, false},
	{"tls.sni", "dst_ip", FIELD(TLS_SNI), 0, false},
	{"src_ip", "tls.ja3.hash", FIELD(TLS_JA3), 0, false},
	{"src_ip", "tls.ja4", FIELD(TLS_JA4), 0, false},
	{"src_ip", "tls.ja3s.hash", FIELD(TLS_JA3S), 0, false},
	{"src_ip", "quic.sni", FIELD(QUIC_SNI), 0, false},
	{"quic.sni", "dst_ip", FIELD(QUIC_SNI), 0, false},
	{"src_ip", "quic.ja3.hash", FIELD(QUIC_JA3), 0, false},
	{"src_ip", "quic.ja4", FIELD(QUIC_JA4), 0, false},
	{"src_ip", "dns.rrname", FIELD(DNS_RRNAME), FIELD(DNS_RCODE), false},
	{"dns.rrname", "dns.answers.rdata", FIELD(DNS_ANSWERS), 0, true},
	{"src_ip", "http.hostname", FIELD(HTTP_HOSTNAME), 0, false},
	{"http.hostname", "dst_ip", FIELD(HTTP_HOSTNAME), 0, false},
	{"src_ip", "ssh.client.hassh.hash", FIELD(SSH_CLIENT_HASSH), 0, false},
	{"src_ip", "ssh.server.hassh.hash", FIELD(SSH_SERVER_HASSH), 0, false},
};

enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

const struct tl_feature_column *tl_feature_column(unsigned int at)
{
	return at < FEATURE_COLUMNS ? &feature_columns[at].told : 0;
}

/* --- shapes ----------------------------------------------------------------------- */

bool feature_column_is_in(unsigned int column, uint32_t fields, unsigned int handshake)
{
	switch (feature_columns[column].when) {
	case ALWAYS:
		return true;
	case WITH_SYN:
		return handshake > 0;
	case WITH_SYNACK:
		return handshake > 1;
	default:
		return fields >> (column - C_FIELDS) & 1;
	}
}

static int intern(struct tl_shapes *shapes, const struct form *form, unsigned int handshake)
{
	struct tl_str names[FEATURE_COLUMNS];
	struct tl_edge pairs[EDGES];
	uint32_t name_count = 0;
	uint32_t pair_count = 0;

	for (unsigned int i = 0; i < FEATURE_COLUMNS; i++) {
		if (feature_column_is_in(i, form->fields, handshake)) {
			names[name_count++] = tl_str_of(feature_columns[i].told.name);
		}
	}
	for (unsigned int i = 0; i < EDGES; i++) {
		if ((form->fields & edges[i].needs) == edges[i].needs &&
		    (form->fields & edges[i].lacks) == 0 &&
		    (!edges[i].one_name || form->one_name)) {
			pairs[pair_count++] =
				(struct tl_edge){tl_str_of(edges[i].from), tl_str_of(edges[i].to)};
		}
	}
	return tl_shapes_intern(shapes, TL_STR("flow_features"), names, name_count, pairs,
				pair_count);
}

int tl_feature_shapes_add(struct tl_shapes *shapes)
{
	int first = 0;

	for (unsigned int i = 0; i < TL_FEATURE_SHAPES; i++) {
		int id = intern(shapes, &forms[i / FEATURE_HANDSHAKES], i % FEATURE_HANDSHAKES);
		if (id < 0) {
			return id;
		}
		first = i == 0 ? id : first;
		if (id != first + (int)i) {
			return -EEXIST;
		}
	}
	return first;
}

static bool has_one_name(const struct tl_feature *f)
{
	struct tl_feature_item item = {0};

	return tl_feature_next(f, TL_FEATURE_DNS_RRNAME, &item) &&
	       !tl_feature_next(f, TL_FEATURE_DNS_RRNAME, &item);
}

/* When something found no room, most of what did. */
static const struct form *find_form(const struct tl_feature *f)
{
	bool one_name = f->have & FIELD(DNS_ANSWERS) && has_one_name(f);
	const struct form *best = &forms[0];

	for (unsigned int i = 0; i < FORMS; i++) {
		if (forms[i].fields == f->have && forms[i].one_name == one_name) {
			return &forms[i];
		}
		if ((forms[i].fields & ~f->have) == 0 && !forms[i].one_name &&
		    __builtin_popcount(forms[i].fields) > __builtin_popcount(best->fields)) {
			best = &forms[i];
		}
	}
	return best;
}

unsigned int feature_shape_of(const struct tl_feature *f, struct feature_shape *shape)
{
	const struct form *form = find_form(f);

	shape->fields = form->fields;
	shape->handshake = f->has_syn + (f->has_syn && f->synack_ns > 0);
	return (unsigned int)(form - forms) * FEATURE_HANDSHAKES + shape->handshake;
}
