/* SPDX-License-Identifier: BSD-2-Clause */
#include "table.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "proto.h"
#include "safe.h"

enum {
	W_TIME = 27,
	W_TYPE = 13,
	W_ORIGIN = 24,
	W_IFACE = 15, /* what Linux allows; of a file name the end is shown */
	W_PROTO = 5,
	W_ENDPOINT = 21,
	W_PACKETS = 9,
	W_BYTES = 11,
	W_DURATION = 11,
	ICMP = 1,
	ICMPV6 = 58,
};

/* --- cells -------------------------------------------------------------------- */

static int gap(struct tl_textbuf *out)
{
	return tl_textbuf_add(out, " ", 1);
}

/* At most `max` bytes of text, its end or its start. */
static struct tl_str clip(struct tl_str text, uint32_t max, bool keep_end)
{
	uint32_t cut = text.len > max ? text.len - max : 0;

	return (struct tl_str){text.ptr + (keep_end ? cut : 0), text.len - cut};
}

/* Of a file its name is enough. */
static struct tl_str file_name(struct tl_str path)
{
	const char *slash = memrchr(path.ptr, '/', path.len);
	uint32_t skip = slash ? (uint32_t)(slash + 1 - path.ptr) : 0;

	return (struct tl_str){path.ptr + skip, path.len - skip};
}

int table_add_origin(struct tl_textbuf *out, struct tl_str source, struct tl_str iface,
		     uint32_t width)
{
	struct tl_str name = file_name(iface);
	const char *between = name.len > width ? "/.." : "/";

	if (tl_safe_add(out, clip(source, width, false)) < 0 ||
	    tl_textbuf_add(out, between, strlen(between)) < 0) {
		return -ENOMEM;
	}
	return tl_safe_add(out, clip(name, width, true));
}

int table_add_proto(struct tl_textbuf *out, uint8_t proto)
{
	const char *name = tl_proto_name(proto);

	return name ? tl_textbuf_add(out, name, strlen(name)) : tl_safe_printf(out, "%u", proto);
}

static bool has_ports(const struct tl_flow_key *key)
{
	return key->proto != ICMP && key->proto != ICMPV6 && (key->src_port || key->dst_port);
}

int table_add_endpoint(struct tl_textbuf *out, const struct tl_flow_key *key, bool dst)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *address = dst ? key->dst : key->src;
	uint16_t port = __builtin_bswap16(dst ? key->dst_port : key->src_port);
	bool v4 = memcmp(address, mapped, sizeof(mapped)) == 0;
	bool brackets = !v4 && has_ports(key);
	char *p = tl_textbuf_reserve(out, TL_TEXT_SCALAR_MAX);

	if (!p) {
		return -ENOMEM;
	}
	if (brackets) {
		*p++ = '[';
	}
	p = tl_text_put_ip(p, v4 ? address + 12 : address, v4 ? 4 : 16);
	if (brackets) {
		*p++ = ']';
	}
	if (has_ports(key)) {
		*p++ = ':';
		p = tl_text_put_uint(p, port);
	}
	out->len = (size_t)(p - out->data);
	return 0;
}

static int add_time(struct tl_textbuf *out, uint64_t ns)
{
	char text[TL_TEXT_TIME_LEN];

	tl_text_put_time(text, ns);
	text[26] = 'Z'; /* microseconds are what captures have */
	return tl_textbuf_add(out, text, W_TIME);
}

static int add_right(struct tl_textbuf *out, uint64_t number, size_t width)
{
	size_t from = out->len;
	char text[TL_TEXT_UINT_MAX];
	size_t len = (size_t)(tl_text_put_uint(text, number) - text);

	return tl_textbuf_add(out, text, len) < 0 ? -ENOMEM : tl_safe_pad_left(out, from, width);
}

/* --- flow events ---------------------------------------------------------------- */

static int add_tcp_flags(struct tl_textbuf *out, uint8_t flags)
{
	static const char letters[] = "FSRPAUEC";
	char text[10] = " ";
	size_t len = 1;

	for (unsigned int bit = 0; bit < 8; bit++) {
		if (flags & 1u << bit) {
			text[len++] = letters[bit];
		}
	}
	return len > 1 ? tl_textbuf_add(out, text, len) : 0;
}

static int add_vlan(struct tl_textbuf *out, const struct tl_flow_key *key)
{
	unsigned int vlan = __builtin_bswap16(key->vlan);
	unsigned int inner = __builtin_bswap16(key->vlan_inner);

	if (vlan == 0 && inner == 0) {
		return 0;
	}
	return inner ? tl_safe_printf(out, " vlan=%u/%u", vlan, inner)
		     : tl_safe_printf(out, " vlan=%u", vlan);
}

static int add_icmp(struct tl_textbuf *out, const struct tl_flow_key *key)
{
	unsigned int message = __builtin_bswap16(key->dst_port);

	if (key->proto != ICMP && key->proto != ICMPV6) {
		return 0;
	}
	return tl_safe_printf(out, " type=%u code=%u id=%u", message >> 8, message & 0xff,
			      __builtin_bswap16(key->src_port));
}

static int add_key_flags(struct tl_textbuf *out, uint8_t flags)
{
	return tl_safe_printf(out, "%s%s%s", flags & TL_KEY_FRAGMENT ? " fragment" : "",
			      flags & TL_KEY_COARSE ? " coarse" : "",
			      flags & TL_KEY_TUNNEL ? " tunnel" : "");
}

static int add_detail(struct tl_textbuf *out, const struct tl_flow_event *flow)
{
	const struct tl_flow_key *key = &flow->flow.key;
	const char *reason = flow->kind == TL_FLOW_END ? tl_end_reason_name(flow->reason) : 0;
	int err = tl_safe_printf(out, "%s%s%s", key->direction == TL_DIR_OUT ? "out" : "in",
				 reason ? " " : "", reason ? reason : "");

	if (err == 0) {
		err = add_tcp_flags(out, flow->flow.tcp_flags);
	}
	if (err == 0) {
		err = add_vlan(out, key);
	}
	if (err == 0) {
		err = add_icmp(out, key);
	}
	return err == 0 ? add_key_flags(out, key->flags) : err;
}

static int add_duration(struct tl_textbuf *out, const struct tl_flow *flow)
{
	uint64_t ns = flow->end_ns > flow->start_ns ? flow->end_ns - flow->start_ns : 0;
	size_t from = out->len;

	if (tl_safe_printf(out, "%llu.%06llu", (unsigned long long)(ns / TL_SECOND_NS),
			   (unsigned long long)(ns % TL_SECOND_NS / 1000)) < 0) {
		return -ENOMEM;
	}
	return tl_safe_pad_left(out, from, W_DURATION);
}

static int add_endpoints(struct tl_textbuf *out, const struct tl_flow_key *key)
{
	size_t from = out->len;

	if (table_add_proto(out, key->proto) < 0 || tl_safe_pad(out, from, W_PROTO) < 0 ||
	    gap(out) < 0) {
		return -ENOMEM;
	}
	from = out->len;
	if (table_add_endpoint(out, key, false) < 0 ||
	    tl_safe_pad_left(out, from, W_ENDPOINT) < 0 || tl_textbuf_add(out, " -> ", 4) < 0) {
		return -ENOMEM;
	}
	from = out->len;
	return table_add_endpoint(out, key, true) < 0 ? -ENOMEM
						      : tl_safe_pad(out, from, W_ENDPOINT);
}

static int add_flow(struct tl_textbuf *out, const struct tl_flow_event *flow)
{
	if (add_endpoints(out, &flow->flow.key) < 0 || gap(out) < 0 ||
	    add_right(out, flow->flow.packets, W_PACKETS) < 0 || gap(out) < 0 ||
	    add_right(out, flow->flow.bytes, W_BYTES) < 0 || gap(out) < 0 ||
	    add_duration(out, &flow->flow) < 0 || gap(out) < 0) {
		return -ENOMEM;
	}
	return add_detail(out, flow);
}

/* --- all other events ------------------------------------------------------------ */

static int add_value(struct tl_textbuf *out, struct tl_mp_cursor value, enum tl_json_hint hint)
{
	struct tl_mp_cursor ahead = value;
	struct tl_mp_item item;
	char scalar[TL_TEXT_SCALAR_MAX];

	tl_mp_get(&ahead, &item);
	if (item.kind == TL_MP_KIND_STR) {
		return tl_safe_add_value(out, item.blob);
	}
	const char *end = tl_json_put_scalar(scalar, &item, hint);
	if (end) {
		return tl_textbuf_add(out, scalar, (size_t)(end - scalar));
	}
	return tl_json_value(out, &value, hint);
}

static int add_entities(struct tl_textbuf *out, const struct tl_event *event)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	int err = 0;

	for (bool first = true; err == 0 && tl_entity_next(&iter, &entity); first = false) {
		err = first ? 0 : gap(out);
		if (err == 0) {
			err = tl_safe_add_value(out, entity.name);
		}
		if (err == 0) {
			err = tl_textbuf_add(out, "=", 1);
		}
		if (err == 0) {
			err = add_value(out, entity.value, tl_json_hint(entity.name));
		}
	}
	return err;
}

/* --- lines ----------------------------------------------------------------------- */

int table_header(struct tl_textbuf *out)
{
	return tl_safe_printf(out, "%-*s %-*s %-*s %-*s %*s -> %-*s %*s %*s %*s %s\n", W_TIME,
			      "TIME", W_TYPE, "TYPE", W_ORIGIN, "FROM", W_PROTO, "PROTO",
			      W_ENDPOINT, "SOURCE", W_ENDPOINT, "DESTINATION", W_PACKETS, "PACKETS",
			      W_BYTES, "BYTES", W_DURATION, "DURATION", "DETAIL");
}

static int add_common(struct tl_textbuf *out, const struct tl_batch_head *head,
		      const struct tl_event *event)
{
	if (add_time(out, event->ts_ns) < 0 || gap(out) < 0) {
		return -ENOMEM;
	}
	size_t from = out->len;
	if (tl_safe_add(out, event->type) < 0 || tl_safe_pad(out, from, W_TYPE) < 0 ||
	    gap(out) < 0) {
		return -ENOMEM;
	}
	from = out->len;
	if (table_add_origin(out, head->source, head->iface, W_IFACE) < 0 ||
	    tl_safe_pad(out, from, W_ORIGIN) < 0) {
		return -ENOMEM;
	}
	return gap(out);
}

int table_row(struct tl_textbuf *out, const struct tl_batch_head *head,
	      const struct tl_event *event)
{
	struct tl_flow_event flow;
	size_t before = out->len;
	int err = add_common(out, head, event);

	if (err == 0) {
		err = tl_flow_event_decode(event, &flow) == 0 ? add_flow(out, &flow)
							      : add_entities(out, event);
	}
	if (err == 0) {
		err = tl_textbuf_add(out, "\n", 1);
	}
	if (err < 0) {
		out->len = before;
	}
	return err;
}
