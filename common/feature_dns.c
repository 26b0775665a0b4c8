/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS queries and answers (RFC 1035, section 4; AAAA: RFC 3596), over UDP and,
 * behind a length, TCP; mDNS and LLMNR, which look the same. Of the answers:
 * addresses, and the names that CNAME, DNAME, NS, PTR, MX and SRV point to.
 */
#include <stdio.h>

#include "feature_private.h"

enum {
	PORT_DNS = 53,
	PORT_MDNS = 5353,
	PORT_LLMNR = 5355,
	HEADER_LEN = 12,
	FLAG_ANSWER = 0x8000,
	OPCODE_MASK = 0x7800,
	RCODE_MASK = 0x000f,
	POINTER = 0xc0,
	LABEL_MAX = 63,
	NAME_WIRE_MAX = 255,
	NAME_TEXT_MAX = 256 * 4, /* each byte may become \DDD */
	JUMPS_MAX = 32,
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
};

struct name {
	uint32_t len;
	uint8_t text[NAME_TEXT_MAX];
};

struct message {
	struct bytes all; /* from its first byte: what pointers are relative to */
	struct bytes at;
	uint32_t *name_bytes; /* of names that were put together, of all of the message */
};

/* --- names ---------------------------------------------------------------------- */

/* A dot or backslash within a label, and what is not printable, is escaped (RFC 4343). */
static void add_label(struct name *name, struct bytes label)
{
	uint8_t c;

	if (name->len > 0) {
		name->text[name->len++] = '.';
	}
	while (bytes_u8(&label, &c)) {
		if (c > ' ' && c < 0x7f && c != '.' && c != '\\') {
			name->text[name->len++] = c;
			continue;
		}
		name->text[name->len++] = '\\';
		if (c == '.' || c == '\\') {
			name->text[name->len++] = c;
		} else {
			name->text[name->len++] = (uint8_t)('0' + c / 100);
			name->text[name->len++] = (uint8_t)('0' + c / 10 % 10);
			name->text[name->len++] = (uint8_t)('0' + c % 10);
		}
	}
}

/*
 * Reads a name and steps over it. Pointers must lead backwards, each behind
 * the one before, so the walk ends; its length is limited besides.
 */
static bool read_name(struct message *m, struct name *name)
{
	struct bytes at = m->at;
	const uint8_t *bound = m->at.at;
	uint32_t wire = 0;
	uint8_t len;
	bool jumped = false;

	name->len = 0;
	for (unsigned int jumps = 0; jumps <= JUMPS_MAX && bytes_u8(&at, &len);) {
		struct bytes label;
		uint8_t low;
		if (len == 0 || len >= POINTER) {
			if (len != 0 && !bytes_u8(&at, &low)) {
				return false;
			}
			m->at = jumped ? m->at : at;
			if (len == 0) {
				return true;
			}
			uint32_t target = (uint32_t)(len & ~POINTER) << 8 | low;
			if (target >= (uint32_t)(bound - m->all.at)) {
				return false;
			}
			bound = m->all.at + target;
			at = (struct bytes){bound, m->all.end};
			jumped = true;
			jumps++;
			continue;
		}
		wire += len + 1u;
		if (len > LABEL_MAX || wire >= NAME_WIRE_MAX || !bytes_take(&at, len, &label)) {
			return false;
		}
		*m->name_bytes += len + 1u;
		add_label(name, label);
	}
	return false;
}

/* Steps over a name; where it leads does not matter. */
static bool skip_name(struct message *m)
{
	struct bytes label;
	uint8_t len;

	while (bytes_u8(&m->at, &len)) {
		if (len >= POINTER) {
			return bytes_take(&m->at, 1, &label);
		}
		if (len == 0) {
			return true;
		}
		if (len > LABEL_MAX || !bytes_take(&m->at, len, &label)) {
			return false;
		}
	}
	return false;
}

/* The root is told as ".", or it would be no text. */
static void put_name(struct tl_feature *f, enum tl_feature_field field, const struct name *name,
		     bool once)
{
	const uint8_t *text = name->len > 0 ? name->text : (const uint8_t *)".";
	uint32_t len = name->len > 0 ? name->len : 1;

	if (once) {
		feature_put_text_once(f, field, text, len);
	} else {
		feature_put_text(f, field, text, len);
	}
}

/* --- records ---------------------------------------------------------------------- */

static const char *const rcodes[] = {
	"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",
};

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
	{1, "A"},      {2, "NS"},      {5, "CNAME"},  {6, "SOA"},    {10, "NULL"},  {12, "PTR"},
	{13, "HINFO"}, {15, "MX"},     {16, "TXT"},   {28, "AAAA"},  {29, "LOC"},   {33, "SRV"},
	{35, "NAPTR"}, {39, "DNAME"},  {41, "OPT"},   {43, "DS"},    {44, "SSHFP"}, {46, "RRSIG"},
	{47, "NSEC"},  {48, "DNSKEY"}, {50, "NSEC3"}, {52, "TLSA"},  {64, "SVCB"},  {65, "HTTPS"},
	{99, "SPF"},   {249, "TKEY"},  {250, "TSIG"}, {252, "AXFR"}, {255, "ANY"},  {256, "URI"},
	{257, "CAA"},
};

static void put_type(struct tl_feature *f, uint16_t type)
{
	char text[16];

	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type == type) {
			feature_put_text_once(f, TL_FEATURE_DNS_RRTYPE,
					      (const uint8_t *)types[i].name,
					      (uint32_t)strlen(types[i].name));
			return;
		}
	}
	int len = snprintf(text, sizeof(text), "TYPE%u", type);
	feature_put_text_once(f, TL_FEATURE_DNS_RRTYPE, (const uint8_t *)text, (uint32_t)len);
}

static bool read_question(struct tl_feature *f, struct message *m)
{
	struct name name;
	uint16_t type;
	uint16_t class;

	if (!read_name(m, &name) || !bytes_u16(&m->at, &type) || !bytes_u16(&m->at, &class)) {
		return false;
	}
	put_name(f, TL_FEATURE_DNS_RRNAME, &name, true);
	put_type(f, type);
	return true;
}

/* Bytes of the data before a name; a type that has none gives more than there can be. */
static uint32_t name_offset(uint16_t type)
{
	switch (type) {
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_DNAME:
		return 0;
	case TYPE_MX:
		return 2;
	case TYPE_SRV:
		return 6;
	default:
		return UINT32_MAX;
	}
}

static bool put_data(struct tl_feature *f, const struct message *m, uint16_t type,
		     struct bytes data)
{
	uint32_t len = bytes_left(&data);
	uint32_t offset = name_offset(type);

	if ((type == TYPE_A && len == 4) || (type == TYPE_AAAA && len == 16)) {
		feature_put_address(f, TL_FEATURE_DNS_ANSWERS, data.at, (uint8_t)len);
		return true;
	}
	if (offset == UINT32_MAX) {
		return true;
	}
	struct message inside = {m->all, data, m->name_bytes};
	struct name name;
	if (offset > len) {
		return false;
	}
	inside.at.at += offset;
	if (!read_name(&inside, &name)) {
		return false;
	}
	put_name(f, TL_FEATURE_DNS_ANSWERS, &name, false);
	return true;
}

static bool read_answer(struct tl_feature *f, struct message *m)
{
	struct bytes data;
	uint16_t type;
	uint16_t class;
	uint32_t ttl;

	return skip_name(m) && bytes_u16(&m->at, &type) && bytes_u16(&m->at, &class) &&
	       bytes_u32(&m->at, &ttl) && bytes_take16(&m->at, &data) && put_data(f, m, type, data);
}

/* --- messages --------------------------------------------------------------------- */

static void put_rcode(struct tl_feature *f, unsigned int rcode)
{
	char text[16];

	if (rcode < sizeof(rcodes) / sizeof(rcodes[0])) {
		feature_put_text_once(f, TL_FEATURE_DNS_RCODE, (const uint8_t *)rcodes[rcode],
				      (uint32_t)strlen(rcodes[rcode]));
		return;
	}
	int len = snprintf(text, sizeof(text), "%u", rcode);
	feature_put_text_once(f, TL_FEATURE_DNS_RCODE, (const uint8_t *)text, (uint32_t)len);
}

/* Walks at most so many records; false when the message ends early. */
static bool read_records(struct tl_feature *f, struct message *m, uint16_t count,
			 bool (*read)(struct tl_feature *f, struct message *m))
{
	for (unsigned int i = 0; i < count; i++) {
		if (i == TL_FEATURE_DNS_RECORDS || *m->name_bytes > TL_FEATURE_DNS_NAME_BYTES) {
			f->flags |= TL_FEATURE_MANY;
			return true;
		}
		if (!read(f, m)) {
			return false;
		}
	}
	return true;
}

static enum verdict read_message(const struct feature_input *in, struct bytes all)
{
	struct tl_feature *f = in->f;
	uint16_t flags = tl_mp_be16(all.at + 2);
	uint16_t questions = tl_mp_be16(all.at + 4);
	uint16_t answers = tl_mp_be16(all.at + 6);
	bool is_answer = (flags & FLAG_ANSWER) != 0;
	uint32_t name_bytes = 0;
	struct message m = {all, {all.at + HEADER_LEN, all.end}, &name_bytes};

	/* Notify, update and the like are about zones, not names that somebody looks up. */
	if (flags & OPCODE_MASK) {
		return VERDICT_MORE;
	}
	feature_put_text_once(f, TL_FEATURE_DNS_TYPE,
			      (const uint8_t *)(is_answer ? "answer" : "query"), is_answer ? 6 : 5);
	if (!feature_has(f, TL_FEATURE_DNS_TYPE)) {
		return VERDICT_MORE; /* no room for the first word of it */
	}
	if (is_answer) {
		put_rcode(f, flags & RCODE_MASK);
	}
	if (!read_records(f, &m, questions, read_question) ||
	    (is_answer && !read_records(f, &m, answers, read_answer))) {
		feature_malformed(in);
	}
	return VERDICT_MORE;
}

static bool is_dns_port(uint16_t port)
{
	return port == PORT_DNS || port == PORT_MDNS || port == PORT_LLMNR;
}

bool feature_dns_ports(const struct tl_flow_key *key)
{
	return is_dns_port(TL_NTOHS(key->src_port)) || is_dns_port(TL_NTOHS(key->dst_port));
}

/* phase counts the messages. */
static enum verdict next_message(const struct feature_input *in, struct bytes all)
{
	struct tl_feature *f = in->f;

	if (f->phase == TL_FEATURE_DNS_MESSAGES) {
		f->flags |= TL_FEATURE_MANY;
		return VERDICT_DONE;
	}
	f->phase++;
	if (bytes_left(&all) < HEADER_LEN) {
		feature_malformed(in);
		return VERDICT_MORE; /* the next one may be as it should */
	}
	return read_message(in, all);
}

static enum verdict decode_datagram(const struct feature_input *in, const uint8_t *bytes,
				    uint32_t len, uint32_t *used)
{
	(void)used;
	if (!feature_dns_ports(in->packet->key)) {
		return VERDICT_NOT;
	}
	return next_message(in, bytes_of(bytes, len));
}

static enum verdict decode_stream(const struct feature_input *in, const uint8_t *bytes,
				  uint32_t len, uint32_t *used)
{
	enum verdict verdict = VERDICT_MORE;
	struct bytes b = bytes_of(bytes, len);
	struct bytes all;

	if (in->f->decoder == 0 && (!in->packet || !feature_dns_ports(in->packet->key))) {
		return VERDICT_NOT;
	}
	while (verdict == VERDICT_MORE && bytes_take16(&b, &all)) {
		*used = (uint32_t)(b.at - bytes);
		verdict = next_message(in, all);
	}
	return verdict;
}

const struct feature_decoder feature_dns_datagram = {"dns", decode_datagram};
const struct feature_decoder feature_dns_stream = {"dns", decode_stream};
