/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum {
	IPV6_NEXT_HEADER = 6, /* offset in the header */
	SLL_LEN = 16,	      /* DLT_LINUX_SLL header: what libpcap believes to be in front */
	SLL_PKTTYPE = 0,      /* offsets in it, LINKTYPE_LINUX_SLL */
	SLL_PROTOCOL = 14,
	LIVE_BUFFER = 256 << 10,
};

char *tl_filter_join(char *const *words, int count)
{
	size_t len = 1;

	for (int i = 0; i < count; i++) {
		len += strlen(words[i]) + 1;
	}
	char *text = calloc(1, len);
	for (int i = 0; text && i < count; i++) {
		strcat(text, words[i]);
		if (i + 1 < count) {
			strcat(text, " ");
		}
	}
	return text;
}

/* A copy in memory of ours, so that one function releases every program. */
static int copy_program(struct bpf_program *out, const struct bpf_insn *insns, unsigned int count)
{
	struct bpf_insn *copy = calloc(count, sizeof(*copy));

	if (!copy) {
		return -ENOMEM;
	}
	memcpy(copy, insns, count * sizeof(*copy));
	*out = (struct bpf_program){.bf_len = count, .bf_insns = copy};
	return 0;
}

/* Jumps are relative: what stands before a program does not change it. */
static int prepend(struct bpf_program *program, const struct bpf_insn *test, unsigned int test_len)
{
	unsigned int count = program->bf_len + test_len;
	struct bpf_insn *insns = calloc(count, sizeof(*insns));

	if (!insns) {
		return -ENOMEM;
	}
	memcpy(insns, test, test_len * sizeof(*insns));
	memcpy(insns + test_len, program->bf_insns, program->bf_len * sizeof(*insns));
	tl_filter_free(program);
	*program = (struct bpf_program){.bf_len = count, .bf_insns = insns};
	return count > BPF_MAXINSNS ? -E2BIG : 0;
}

static int accept_all(struct bpf_program *out, uint32_t snaplen)
{
	struct bpf_insn accept = {.code = BPF_RET | BPF_K, .k = snaplen};

	return copy_program(out, &accept, 1);
}

static void set_snaplen(struct bpf_program *program, uint32_t snaplen)
{
	for (unsigned int i = 0; i < program->bf_len; i++) {
		struct bpf_insn *insn = &program->bf_insns[i];
		if (insn->code == (BPF_RET | BPF_K) && insn->k != 0) {
			insn->k = snaplen;
		}
	}
}

/*
 * Rewrites one load of a program made for cooked frames for a socket that
 * sees the frame as it is: the network header and the two fields of the
 * cooked header that the kernel can tell have offsets of their own.
 */
static int uncook(struct bpf_insn *insn)
{
	unsigned int class = BPF_CLASS(insn->code);
	unsigned int mode = BPF_MODE(insn->code);
	bool absolute =
		(class == BPF_LD && mode == BPF_ABS) || (class == BPF_LDX && mode == BPF_MSH);

	if (!absolute && !(class == BPF_LD && mode == BPF_IND)) {
		return 0;
	}
	if (insn->k >= (uint32_t)SKF_LL_OFF) {
		return 0;
	}
	if (insn->k >= SLL_LEN) {
		insn->k = insn->k - SLL_LEN + (uint32_t)SKF_NET_OFF;
	} else if (absolute && insn->k == SLL_PROTOCOL) {
		insn->k = (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL);
	} else if (absolute && insn->k == SLL_PKTTYPE) {
		insn->k = (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int uncook_program(struct bpf_program *program)
{
	for (unsigned int i = 0; i < program->bf_len; i++) {
		if (uncook(&program->bf_insns[i]) < 0) {
			return -EINVAL;
		}
	}
	return 0;
}

static int compile_on(pcap_t *pcap, struct bpf_program *out, const char *text, uint32_t snaplen,
		      bool quiet)
{
	struct bpf_program compiled;

	if (pcap_compile(pcap, &compiled, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		if (!quiet) {
			tl_log_err("filter '%s': %s", text, pcap_geterr(pcap));
		}
		return -EINVAL;
	}
	int err = copy_program(out, compiled.bf_insns, compiled.bf_len);
	pcap_freecode(&compiled);
	if (err == 0) {
		set_snaplen(out, snaplen);
	}
	return err;
}

int tl_filter_compile(struct bpf_program *out, int link_type, const char *text, uint32_t snaplen)
{
	if (!text || text[0] == '\0') {
		return accept_all(out, snaplen);
	}
	pcap_t *pcap = pcap_open_dead(link_type, (int)snaplen);
	if (!pcap) {
		return -ENOMEM;
	}
	int err = compile_on(pcap, out, text, snaplen, false);
	pcap_close(pcap);
	return err;
}

static int activation_errno(int status)
{
	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return -ENODEV;
	case PCAP_ERROR_PERM_DENIED:
		return -EPERM;
	default:
		return -EIO;
	}
}

static int open_live(pcap_t **out, const char *iface, uint32_t snaplen)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_create(iface, reason);

	if (!pcap) {
		tl_log_err("filter on %s: %s", iface, reason);
		return -ENOMEM;
	}
	pcap_set_snaplen(pcap, (int)snaplen);
	pcap_set_buffer_size(pcap, LIVE_BUFFER);
	int status = pcap_activate(pcap);
	if (status == PCAP_ERROR_IFACE_NOT_UP) {
		pcap_close(pcap);
		return -ENETDOWN;
	}
	if (status < 0) {
		tl_log_err("filter on %s: %s: %s", iface, pcap_statustostr(status),
			   pcap_geterr(pcap));
		pcap_close(pcap);
		return activation_errno(status);
	}
	*out = pcap;
	return 0;
}

/* For a handle that is open: cooked programs are made to fit. */
static int compile_open(pcap_t *pcap, struct bpf_program *out, const char *text, uint32_t snaplen,
			bool quiet)
{
	struct bpf_program program;
	int err = compile_on(pcap, &program, text, snaplen, quiet);

	if (err < 0) {
		return err;
	}
	if (pcap_datalink(pcap) == DLT_LINUX_SLL && uncook_program(&program) < 0) {
		tl_filter_free(&program);
		if (!quiet) {
			tl_log_err("filter '%s': this interface has no such link-layer fields",
				   text);
		}
		return -EINVAL;
	}
	*out = program;
	return 0;
}

static int compile_at(struct bpf_program *out, const char *iface, const char *text,
		      uint32_t snaplen, bool quiet)
{
	pcap_t *pcap;
	int err = open_live(&pcap, iface, snaplen);

	if (err < 0) {
		return err;
	}
	err = compile_open(pcap, out, text, snaplen, quiet);
	pcap_close(pcap);
	return err;
}

/*
 * For all interfaces: below IP they have nothing in common. A filter on tags
 * or MAC addresses therefore takes packets of Ethernet and loopback alone.
 */
static int compile_any(struct bpf_program *out, const char *text, uint32_t snaplen)
{
	static const struct bpf_insn test[] = {
		{.code = BPF_LD | BPF_W | BPF_ABS, .k = (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 2, .k = ARPHRD_ETHER},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 1, .k = ARPHRD_LOOPBACK},
		{.code = BPF_RET | BPF_K, .k = 0},
	};

	if (compile_at(out, "any", text, snaplen, true) == 0) {
		return 0;
	}
	int err = compile_at(out, "lo", text, snaplen, false);
	return err < 0 ? err : prepend(out, test, sizeof(test) / sizeof(test[0]));
}

int tl_filter_compile_live(struct bpf_program *out, const char *iface, const char *text,
			   uint32_t snaplen)
{
	if (!text || text[0] == '\0') {
		return accept_all(out, snaplen);
	}
	if (strcmp(iface, "any") == 0) {
		return compile_any(out, text, snaplen);
	}
	int err = compile_at(out, iface, text, snaplen, false);
	/* libpcap does not open what is down; a filter on IP needs no link layer. */
	return err == -ENETDOWN ? compile_at(out, "any", text, snaplen, false) : err;
}

int tl_filter_prepend_direction(struct bpf_program *program, enum tl_filter_direction direction)
{
	bool out = direction == TL_FILTER_OUT;
	struct bpf_insn test[3] = {
		{.code = BPF_LD | BPF_B | BPF_ABS, .k = (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K,
		 .jt = out ? 1 : 0,
		 .jf = out ? 0 : 1,
		 .k = PACKET_OUTGOING},
		{.code = BPF_RET | BPF_K, .k = 0},
	};

	return direction == TL_FILTER_BOTH ? 0 : prepend(program, test, 3);
}

/*
 * Loads that miss the packet would refuse it, so its length is looked at first;
 * a packet of up to `program`'s own length is kept whole by it anyway.
 */
int tl_filter_append_long(struct bpf_program *program, uint32_t snaplen, uint32_t long_snaplen)
{
	const struct bpf_insn tail[] = {
		{.code = BPF_LD | BPF_W | BPF_LEN},
		{.code = BPF_JMP | BPF_JGT | BPF_K, .jt = 0, .jf = 8, .k = snaplen},
		{.code = BPF_LD | BPF_H | BPF_ABS, .k = (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 6, .jf = 0, .k = ETH_P_IP},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 4, .k = ETH_P_IPV6},
		{.code = BPF_LD | BPF_B | BPF_ABS, .k = (uint32_t)(SKF_NET_OFF + IPV6_NEXT_HEADER)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 3, .jf = 0, .k = IPPROTO_TCP},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 2, .jf = 0, .k = IPPROTO_UDP},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 1, .jf = 0, .k = IPPROTO_ICMPV6},
		{.code = BPF_RET | BPF_K, .k = long_snaplen},
		{.code = BPF_RET | BPF_K, .k = snaplen},
	};
	const unsigned int tail_len = sizeof(tail) / sizeof(tail[0]);
	const unsigned int len = program->bf_len;
	struct bpf_insn *insns = calloc(len + tail_len, sizeof(*insns));

	if (!insns) {
		return -ENOMEM;
	}
	memcpy(insns, program->bf_insns, len * sizeof(*insns));
	memcpy(insns + len, tail, sizeof(tail));
	for (unsigned int i = 0; i < len; i++) {
		if (insns[i].code == (BPF_RET | BPF_K) && insns[i].k != 0) {
			insns[i] = (struct bpf_insn){.code = BPF_JMP | BPF_JA, .k = len - i - 1};
		}
	}
	tl_filter_free(program);
	*program = (struct bpf_program){.bf_len = len + tail_len, .bf_insns = insns};
	return len + tail_len > BPF_MAXINSNS ? -E2BIG : 0;
}

void tl_filter_free(struct bpf_program *program)
{
	free(program->bf_insns);
	*program = (struct bpf_program){.bf_len = 0};
}
