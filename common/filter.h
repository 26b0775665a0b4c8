/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters in libpcap's language, compiled to classic BPF. Both variants log
 * one line for a filter that does not compile.
 *
 * The program's accept value is `snaplen`: the kernel stores so many bytes.
 */
#ifndef TL_FILTER_H
#define TL_FILTER_H

#include <pcap/pcap.h>
#include <stdint.h>

/* Joins words[0..count) by blanks; the caller frees. 0 on no memory. */
char *tl_filter_join(char *const *words, int count);

/*
 * For packets whose bytes are all there, of that link type (DLT_*), as in
 * capture files. `text` 0 or "" accepts everything. 0; -EINVAL bad filter;
 * -ENOMEM. Release with tl_filter_free.
 */
int tl_filter_compile(struct bpf_program *out, int link_type, const char *text, uint32_t snaplen);

/*
 * For a SOCK_RAW packet socket bound to `iface` ("any": all of them). The
 * kernel keeps the outer VLAN tag beside the frame there, which only a
 * program compiled on the live interface looks at; needs CAP_NET_RAW.
 * With "any", or on an interface that is down, a filter on tags or MAC
 * addresses lets pass what Ethernet and loopback interfaces carry, or is refused.
 * -EINVAL bad filter; other -errno when the interface cannot be opened.
 */
int tl_filter_compile_live(struct bpf_program *out, const char *iface, const char *text,
			   uint32_t snaplen);

/* The first instructions refuse what does not go in that direction. */
enum tl_filter_direction {
	TL_FILTER_BOTH,
	TL_FILTER_IN,
	TL_FILTER_OUT,
};

/* Puts a test of the packet's direction before the program. 0, -ENOMEM, -E2BIG (free it). Pure. */
int tl_filter_prepend_direction(struct bpf_program *program, enum tl_filter_direction direction);

/*
 * Packets longer than `snaplen` whose headers may be longer too are kept up to
 * `long_snaplen`: all but IPv4, and IPv6 with TCP, UDP or ICMPv6 right behind
 * it, as seen behind the link header (tags, PPPoE and MPLS count as long).
 * For packet sockets only. 0, -ENOMEM, -E2BIG. Pure.
 */
int tl_filter_append_long(struct bpf_program *program, uint32_t snaplen, uint32_t long_snaplen);

void tl_filter_free(struct bpf_program *program);

#endif
