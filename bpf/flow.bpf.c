/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Flows, counted where the packets are: XDP for what comes in, tc (tcx or
 * clsact) for what goes out, and for both where XDP is not to be had. One
 * parser, one set of maps.
 *
 * Counts live only in the maps of the running epoch. User space turns
 * control.epoch, waits until no program runs that read the old value, and then
 * drains maps that nothing writes to. What finds no room in the flow map is
 * counted under a coarser key, or under its class: nothing is lost.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "segments.h"

const volatile struct tl_kernel_config config;
struct tl_control control SEC(".data.control");
struct tl_gate gate SEC(".data.gate");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TL_KERNEL_FLOWS);
	__type(key, struct tl_flow_key);
	__type(value, struct tl_flow_value);
} flows_a SEC(".maps"), flows_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TL_KERNEL_COARSE);
	__type(key, struct tl_flow_key);
	__type(value, struct tl_flow_value);
} coarse_a SEC(".maps"), coarse_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2); /* by the parity of the epoch */
	__type(key, __u32);
	__type(value, struct tl_books);
} books SEC(".maps");

/* Written by the filters (tools/xdp-flowd/translate.c). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tl_missed);
} missed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TL_KERNEL_HINTS);
} hints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TL_FRAGMENT_ENTRIES);
	__type(key, struct tl_datagram);
	__type(value, struct tl_datagram_ports);
} fragments SEC(".maps");

/* Where the program of a filter finds the one that counts, for each hook: enum tl_jump. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TL_JUMP_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} jump_xdp SEC(".maps"), jump_in SEC(".maps"), jump_out SEC(".maps");

/* Every update of it from user space waits until no program runs that began before. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__type(key, __u32);
			__type(value, __u32);
		});
} grace SEC(".maps");

/* --- one frame's place in the books --------------------------------------- */

/* What is known of the frame besides its packet: passed by pointer, a call has five arguments. */
struct frame {
	struct tl_segments segments;
	__u64 now_ns;
	__u32 epoch;
	__u32 skb; /* 1 on tc, 0 on XDP */
};

/* At most a tick old, and at most TL_CLOCK_SHARE packets. */
static __always_inline __u64 adaptive_ns(struct tl_books *b)
{
	__u64 tick_ns = bpf_ktime_get_coarse_ns();

	if (b->tick_ns != tick_ns) {
		b->tick_ns = tick_ns;
		b->dense = b->seen >= TL_CLOCK_DENSE;
		b->seen = 0;
		b->left = 0;
	}
	b->seen++;
	if (b->left == 0 || !b->dense) {
		b->now_ns = bpf_ktime_get_ns();
		b->left = TL_CLOCK_SHARE;
	}
	b->left--;
	return b->now_ns;
}

static __always_inline __u64 clock_ns(struct tl_books *b)
{
	if (config.clock == TL_CLOCK_ADAPTIVE)
		return adaptive_ns(b);
	return config.clock == TL_CLOCK_COARSE ? bpf_ktime_get_coarse_ns() : bpf_ktime_get_ns();
}

static __always_inline void enter(struct tl_acct *acct, const struct tl_segments *s)
{
	acct->packets += s->packets;
	acct->bytes += s->bytes;
	acct->skbs++;
}

/* The maps are named in each branch, so that the lookup is compiled into the program. */
static __always_inline struct tl_flow_value *find_flow(__u32 epoch, const struct tl_flow_key *key)
{
	if (epoch) {
		return bpf_map_lookup_elem(&flows_b, key);
	}
	return bpf_map_lookup_elem(&flows_a, key);
}

static __always_inline __u64 excess_of(const struct tl_segments *s)
{
	return s->bytes - TL_ETHERNET_LEN * s->packets - s->ip_bytes;
}

static __always_inline void add_to_flow(struct tl_flow_value *v, const struct tl_packet *pkt,
					const struct frame *f)
{
	const struct tl_segments *s = &f->segments;
	__u32 flags = pkt->tcp_flags;

	__sync_fetch_and_add(&v->packets, s->packets);
	__sync_fetch_and_add(&v->bytes, s->bytes);
	if (excess_of(s))
		__sync_fetch_and_add(&v->excess, excess_of(s));
	if (f->skb)
		__sync_fetch_and_add(&v->skbs, 1);
	if (flags & ~v->tcp_flags)
		__sync_fetch_and_or(&v->tcp_flags, flags);
	v->last_ns = f->now_ns;
	if (s->min_len < v->min_len)
		v->min_len = s->min_len;
	if (s->max_len > v->max_len)
		v->max_len = s->max_len;
}

static __always_inline void begin_flow(struct tl_flow_value *v, const struct tl_packet *pkt,
				       const struct frame *f)
{
	const struct tl_segments *s = &f->segments;

	*v = (struct tl_flow_value){
		.packets = s->packets,
		.bytes = s->bytes,
		.first_ns = f->now_ns,
		.last_ns = f->now_ns,
		.excess = excess_of(s),
		.skbs = f->skb,
		.tcp_flags = pkt->tcp_flags,
		.min_len = s->min_len,
		.max_len = s->max_len,
		.ttl = pkt->ttl,
		.tos = pkt->tos,
	};
}

/* --- hints ---------------------------------------------------------------- */

/*
 * A reader that is about to sleep sets the flag and then looks once more. So
 * it is read after the hint was submitted, which is a full barrier: either it
 * is seen here, or the hint is seen there. One wake-up is 10 us.
 */
static __always_inline void wake_reader(void)
{
	if (!*(volatile __u32 *)&control.sleeping)
		return;
	control.sleeping = 0;
	struct tl_hint *h = bpf_ringbuf_reserve(&hints, sizeof(*h), 0);
	if (!h)
		return;
	*h = (struct tl_hint){.kind = TL_HINT_WAKE};
	bpf_ringbuf_submit(h, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void hint(struct tl_books *b, enum tl_hint_kind kind,
				 const struct tl_packet *pkt, const struct frame *f)
{
	struct tl_hint *h = bpf_ringbuf_reserve(&hints, sizeof(*h), 0);

	if (!h) {
		b->hints_lost++;
		return;
	}
	b->hints++;
	*h = (struct tl_hint){
		.key = pkt->key,
		.ns = f->now_ns,
		.len = f->segments.max_len,
		.kind = (__u8)kind,
		.tcp_flags = pkt->tcp_flags,
		.ttl = pkt->ttl,
		.tos = pkt->tos,
	};
	bpf_ringbuf_submit(h, BPF_RB_NO_WAKEUP);
	wake_reader();
}

static __always_inline void tell_new_flow(struct tl_books *b, const struct tl_packet *pkt,
					  const struct frame *f)
{
	__u32 before = __sync_fetch_and_add(&control.inserted[f->epoch & 1], 1);

	hint(b, TL_HINT_NEW, pkt, f);
	if (before + 1 == control.pressure_at)
		hint(b, TL_HINT_PRESSURE, pkt, f);
}

/* --- flows, and what takes their place ------------------------------------ */

/* Either the source or most of the destination goes: what a scan or a flood varies. */
static __always_inline void make_coarse(struct tl_flow_key *key)
{
	int v4 = tl_parse_be16(key->dst + 10) == 0xffff && *(__u64 *)key->dst == 0 &&
		 tl_parse_be16(key->dst + 8) == 0;

	__builtin_memset(key->src, 0, sizeof(key->src));
	if (v4) {
		key->src[10] = key->src[11] = 0xff;
		key->dst[15] = 0;
	} else {
		__builtin_memset(key->dst + 8, 0, 8);
	}
	key->src_port = 0;
	key->flags |= TL_KEY_COARSE;
}

static __always_inline int add_coarse(void *map, struct tl_packet *pkt, const struct frame *f)
{
	struct tl_flow_value *v = bpf_map_lookup_elem(map, &pkt->key);
	struct tl_flow_value fresh;

	if (!v) {
		begin_flow(&fresh, pkt, f);
		if (bpf_map_update_elem(map, &pkt->key, &fresh, BPF_NOEXIST) == 0)
			return TL_CLASS_COARSE;
		v = bpf_map_lookup_elem(map, &pkt->key); /* another CPU was first */
	}
	if (!v)
		return TL_CLASS_UNATTRIBUTED;
	add_to_flow(v, pkt, f);
	return TL_CLASS_COARSE;
}

/* A flow that this epoch does not know yet. */
static __noinline int add_new_flow(struct tl_packet *pkt, const struct frame *f, struct tl_books *b)
{
	struct tl_flow_value fresh;
	struct tl_flow_value *v;

	if (!pkt || !f || !b)
		return TL_CLASS_UNATTRIBUTED;
	begin_flow(&fresh, pkt, f);
	long err = f->epoch ? bpf_map_update_elem(&flows_b, &pkt->key, &fresh, BPF_NOEXIST)
			    : bpf_map_update_elem(&flows_a, &pkt->key, &fresh, BPF_NOEXIST);
	if (err == 0) {
		tell_new_flow(b, pkt, f);
		return TL_CLASS_FLOW;
	}
	v = find_flow(f->epoch, &pkt->key); /* another CPU was first */
	if (v) {
		add_to_flow(v, pkt, f);
		return TL_CLASS_FLOW;
	}
	if (err == -7 /* E2BIG */)
		b->flows_full++;
	else
		b->flows_refused++;
	make_coarse(&pkt->key);
	return f->epoch ? add_coarse(&coarse_b, pkt, f) : add_coarse(&coarse_a, pkt, f);
}

/* Ports of a datagram's later fragments are those of its first; common/fragtab.c is the same. */
static __noinline void resolve_fragment(struct tl_packet *pkt, struct tl_books *b, __u64 now_ns)
{
	struct tl_datagram datagram;

	if (!pkt || !b)
		return;
	tl_parse_datagram(pkt, &datagram);
	if (pkt->frag == TL_FRAG_FIRST) {
		struct tl_datagram_ports ports = {
			.seen_ns = now_ns,
			.src_port = pkt->key.src_port,
			.dst_port = pkt->key.dst_port,
			.proto = pkt->key.proto,
		};
		bpf_map_update_elem(&fragments, &datagram, &ports, BPF_ANY);
		return;
	}
	const struct tl_datagram_ports *ports = bpf_map_lookup_elem(&fragments, &datagram);
	if (!ports || now_ns > ports->seen_ns + TL_FRAGMENT_SECONDS * 1000000000ull) {
		pkt->key.flags |= TL_KEY_FRAGMENT;
		b->frag_misses++;
		return;
	}
	pkt->key.src_port = ports->src_port;
	pkt->key.dst_port = ports->dst_port;
	pkt->key.proto = ports->proto;
	b->frag_hits++;
}

static __always_inline int add_flow(struct tl_packet *pkt, struct frame *f, struct tl_books *b)
{
	if (!f->now_ns)
		f->now_ns = clock_ns(b);
	if (pkt->frag != TL_FRAG_NONE)
		resolve_fragment(pkt, b, f->now_ns);
	struct tl_flow_value *v = find_flow(f->epoch, &pkt->key);
	if (!v)
		return add_new_flow(pkt, f, b);
	add_to_flow(v, pkt, f);
	return TL_CLASS_FLOW;
}

/* While engines change (common/handover.h): what is not ours to count. The clock is read for each
 * packet then, and that reading is the packet's time. */
static __always_inline int is_kept_out(struct frame *f)
{
	volatile const struct tl_gate *g = &gate;

	if (!g->looked_at)
		return 0;
	f->now_ns = bpf_ktime_get_ns();
	return f->now_ns < g->begin_ns || f->now_ns >= g->end_ns;
}

/* The epoch is read once for all that a frame touches. */
static __always_inline struct tl_books *open_books(struct frame *f)
{
	f->epoch = *(volatile __u32 *)&control.epoch & 1;
	return bpf_map_lookup_elem(&books, &f->epoch);
}

/* The last word of the key in one store: see tl_parse_copy. */
static __always_inline void seal_key(struct tl_flow_key *key, __u8 direction)
{
	*(volatile __u32 *)&key->proto = bpf_htonl((__u32)key->proto << 24 | direction << 16);
	key->ifindex = config.ifindex;
}

/* 0: the frame was not ours to count. */
static __always_inline int count(struct tl_packet *pkt, struct frame *f, __u8 direction)
{
	if (is_kept_out(f))
		return 0;
	struct tl_books *b = open_books(f);
	int class = pkt->class;
	if (!b)
		return 1;
	enter(&b->total, &f->segments);
	if (class == TL_CLASS_FLOW) {
		seal_key(&pkt->key, direction);
		class = add_flow(pkt, f, b);
	}
	enter(&b->by_class[class & (TL_CLASS_COUNT - 1)], &f->segments);
	return 1;
}

static __always_inline int count_filtered(struct frame *f)
{
	if (is_kept_out(f))
		return 0;
	struct tl_books *b = open_books(f);
	if (b) {
		enter(&b->total, &f->segments);
		enter(&b->by_class[TL_CLASS_FILTERED], &f->segments);
	}
	return 1;
}

/* --- XDP ------------------------------------------------------------------ */

static __always_inline __u32 xdp_len(struct xdp_md *ctx)
{
	/* 6 ns, and the linear part is all there is where the driver makes no fragments. */
	return config.frags ? (__u32)bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
}

/* What is not ours is the other engine's, which may be a packet socket further up. */
static __always_inline int xdp_verdict(int counted)
{
	return config.drop && counted ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int xdp_flow(struct xdp_md *ctx)
{
	__u32 len = xdp_len(ctx);
	struct tl_packet pkt;
	struct frame f = {0};

	tl_parse_begin(&pkt);
	tl_parse_ethernet((void *)(long)ctx->data, (void *)(long)ctx->data_end, len, &pkt);
	tl_segments_one(&pkt, len, &f.segments);
	return xdp_verdict(count(&pkt, &f, TL_DIR_IN));
}

SEC("xdp")
int xdp_filtered(struct xdp_md *ctx)
{
	struct frame f = {.segments = {.packets = 1, .bytes = xdp_len(ctx)}};

	return xdp_verdict(count_filtered(&f));
}

/* --- tc ------------------------------------------------------------------- */

/* How many bytes of headers may be pulled together from the fragments of a packet. */
#define PULL_MAX (TL_PARSE_MAX_OFFSET + 96)

static __noinline int parse_skb(struct __sk_buff *skb, struct tl_packet *pkt)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	__u32 len = skb->len;

	if (!pkt)
		return 0;
	tl_parse_begin(pkt);
	if (skb->vlan_present)
		tl_parse_tag(pkt, (__u16)skb->vlan_tci);
	if (config.link_raw)
		tl_parse_payload(data, end, len, TL_NTOHS((__u16)skb->protocol), 0, pkt);
	else
		tl_parse_ethernet(data, end, len, pkt);
	/* Looked for what is there, but not in the linear part. */
	return pkt->cut && (__u32)(end - data) < skb->len && (__u32)(end - data) < PULL_MAX;
}

static __always_inline void measure_skb(struct __sk_buff *skb, struct tl_packet *pkt,
					struct frame *f)
{
	struct tl_merged merged = {
		.tag_len = skb->vlan_present ? 4 : 0,
		.gso_size = skb->gso_size,
		.gso_segments = skb->gso_segs,
	};

	merged.wire_len = skb->len + merged.tag_len;
	if (parse_skb(skb, pkt)) {
		__u32 len = skb->len;
		bpf_skb_pull_data(skb, len < PULL_MAX ? len : PULL_MAX);
		parse_skb(skb, pkt);
	}
	tl_segments_count(pkt, &merged, &f->segments);
	f->skb = 1;
}

static __always_inline int tc_verdict(int counted, __u8 direction)
{
	return config.drop && counted && direction == TL_DIR_IN ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

static __always_inline int tc_count(struct __sk_buff *skb, __u8 direction)
{
	struct tl_packet pkt;
	struct frame f = {0};

	measure_skb(skb, &pkt, &f);
	return tc_verdict(count(&pkt, &f, direction), direction);
}

static __always_inline int tc_count_filtered(struct __sk_buff *skb, __u8 direction)
{
	struct tl_packet pkt;
	struct frame f = {0};

	measure_skb(skb, &pkt, &f);
	return tc_verdict(count_filtered(&f), direction);
}

SEC("tc")
int tc_in(struct __sk_buff *skb)
{
	return tc_count(skb, TL_DIR_IN);
}

SEC("tc")
int tc_out(struct __sk_buff *skb)
{
	return tc_count(skb, TL_DIR_OUT);
}

SEC("tc")
int tc_in_filtered(struct __sk_buff *skb)
{
	return tc_count_filtered(skb, TL_DIR_IN);
}

SEC("tc")
int tc_out_filtered(struct __sk_buff *skb)
{
	return tc_count_filtered(skb, TL_DIR_OUT);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
