/* SPDX-License-Identifier: BSD-2-Clause */
/* The golden table. clang-format is off: one row is one line or two. */
#include "packets.h"

#include "../../bpf/parse.h"

/* clang-format off */
#define ETH		 {.kind = LAYER_ETH}
#define VLAN(id)	 {.kind = LAYER_TAG, .a = 0x8100, .b = id}
#define STAG(id)	 {.kind = LAYER_TAG, .a = 0x88a8, .b = id}
#define OTAG(id)	 {.kind = LAYER_TAG, .a = 0x9100, .b = id}
#define PPPOE		 {.kind = LAYER_PPPOE}
#define MPLS(label)	 {.kind = LAYER_MPLS, .a = label}
#define IP4		 {.kind = LAYER_IP4}
#define IP4OPT(bytes)	 {.kind = LAYER_IP4, .a = bytes}
#define IP4FRAG(f, id)	 {.kind = LAYER_IP4, .b = f, .c = id}
#define IP6		 {.kind = LAYER_IP6}
#define EXT(n, len)	 {.kind = LAYER_EXT, .a = n, .b = len}
#define HBH(bytes)	 EXT(0, bytes)
#define ROUTING(bytes)	 EXT(43, bytes)
#define DSTOPT(bytes)	 EXT(60, bytes)
#define MOBILITY(bytes)	 EXT(135, bytes)
#define FRAG6(f, id)	 {.kind = LAYER_FRAG6, .a = f, .b = id}
#define AH(bytes)	 {.kind = LAYER_AH, .a = bytes}
#define TCP(s, dp, flags) {.kind = LAYER_TCP, .a = s, .b = dp, .c = flags}
#define PORTS(s, dp, n, len) {.kind = LAYER_PORTS, .a = s, .b = dp, .c = n, .d = len}
#define UDP(s, dp)	 PORTS(s, dp, 17, 8)
#define SCTP(s, dp)	 PORTS(s, dp, 132, 12)
#define DCCP(s, dp)	 PORTS(s, dp, 33, 16)
#define UDPLITE(s, dp)	 PORTS(s, dp, 136, 8)
#define ICMP(t, code, id, n) {.kind = LAYER_ICMP, .a = t, .b = code, .c = id, .d = n}
#define ICMP4(t, code, id) ICMP(t, code, id, 1)
#define ICMP6(t, code, id) ICMP(t, code, id, 58)
#define GRE		 {.kind = LAYER_GRE}
#define NAMED(n)	 {.kind = LAYER_NAMED, .a = n}
#define PAYLOAD(bytes)	 {.kind = LAYER_PAYLOAD, .a = bytes}

#define FLOW4(p, s, d, b) .ip = 4, .proto = p, .sport = s, .dport = d, .ip_bytes = b
#define FLOW6(p, s, d, b) .ip = 6, .proto = p, .sport = s, .dport = d, .ip_bytes = b
#define OTHER_L3	  .class = TL_CLASS_OTHER_L3
#define MALFORMED_L2	  .class = TL_CLASS_MALFORMED_L2
#define MALFORMED_L3	  .class = TL_CLASS_MALFORMED_L3

const struct golden_row golden_rows[] = {
	/* transports */
	{"v4 tcp syn", {ETH, IP4, TCP(1001, 80, 0x02)}, FLOW4(6, 1001, 80, 40), .tcp_flags = 0x02, .payload = 54},
	{"v4 tcp all flags", {ETH, IP4, TCP(1001, 80, 0xff), PAYLOAD(100)}, FLOW4(6, 1001, 80, 140), .tcp_flags = 0xff, .payload = 54},
	{"v4 tcp options", {ETH, IP4, TCP(1002, 80, 0x18), PAYLOAD(40)}, {{46, 0x80}}, FLOW4(6, 1002, 80, 80), .tcp_flags = 0x18, .payload = 66},
	{"v4 tcp data offset 0", {ETH, IP4, TCP(1003, 80, 0x10)}, {{46, 0x00}}, FLOW4(6, 1003, 80, 40), .tcp_flags = 0x10, .payload = 54},
	{"v4 udp", {ETH, IP4, UDP(1004, 53), PAYLOAD(32)}, FLOW4(17, 1004, 53, 60), .payload = 42},
	{"v4 sctp", {ETH, IP4, SCTP(1005, 36412), PAYLOAD(16)}, FLOW4(132, 1005, 36412, 48), .payload = 34},
	{"v4 dccp", {ETH, IP4, DCCP(1006, 5004)}, FLOW4(33, 1006, 5004, 36), .payload = 34},
	{"v4 udp-lite", {ETH, IP4, UDPLITE(1007, 5006), PAYLOAD(20)}, FLOW4(136, 1007, 5006, 48), .payload = 42},
	{"v6 tcp fin", {ETH, IP6, TCP(1008, 443, 0x11)}, FLOW6(6, 1008, 443, 60), .tcp_flags = 0x11, .payload = 74},
	{"v6 udp", {ETH, IP6, UDP(1009, 53), PAYLOAD(32)}, FLOW6(17, 1009, 53, 80), .payload = 62},
	{"v6 sctp", {ETH, IP6, SCTP(1010, 36412), PAYLOAD(16)}, FLOW6(132, 1010, 36412, 68)},
	{"v6 dccp", {ETH, IP6, DCCP(1011, 5004)}, FLOW6(33, 1011, 5004, 56)},
	{"v6 udp-lite", {ETH, IP6, UDPLITE(1012, 5006)}, FLOW6(136, 1012, 5006, 48), .payload = 62},
	{"v4 largest frame", {ETH, IP4, TCP(1013, 80, 0x10), PAYLOAD(1460)}, FLOW4(6, 1013, 80, 1500), .tcp_flags = 0x10},

	/* ICMP: source port is the echo id, destination port type << 8 | code */
	{"icmp echo request", {ETH, IP4, ICMP4(8, 0, 0x1234), PAYLOAD(56)}, FLOW4(1, 0x1234, 0x0800, 84), .payload = 42},
	{"icmp echo reply", {ETH, IP4, ICMP4(0, 0, 0x1234), PAYLOAD(56)}, FLOW4(1, 0x1234, 0x0000, 84)},
	{"icmp unreachable", {ETH, IP4, ICMP4(3, 1, 0x7777), IP4, UDP(9, 9)}, FLOW4(1, 0, 0x0301, 56), .payload = 42},
	{"icmp time exceeded", {ETH, IP4, ICMP4(11, 0, 0), IP4, TCP(9, 9, 2)}, FLOW4(1, 0, 0x0b00, 68)},
	{"icmp type 128 is no echo", {ETH, IP4, ICMP4(128, 0, 0x1234)}, FLOW4(1, 0, 0x8000, 28)},
	{"icmp6 echo request", {ETH, IP6, ICMP6(128, 0, 0x4321), PAYLOAD(56)}, FLOW6(58, 0x4321, 0x8000, 104), .payload = 62},
	{"icmp6 echo reply", {ETH, IP6, ICMP6(129, 0, 0x4321), PAYLOAD(56)}, FLOW6(58, 0x4321, 0x8100, 104)},
	{"icmp6 packet too big", {ETH, IP6, ICMP6(2, 0, 0x0001), IP6, UDP(9, 9)}, FLOW6(58, 0, 0x0200, 96)},
	{"icmp6 neighbour solicitation", {ETH, IP6, ICMP6(135, 0, 0x0001), PAYLOAD(24)}, FLOW6(58, 0, 0x8700, 72)},

	/* no ports */
	{"v4 esp", {ETH, IP4, NAMED(50), PAYLOAD(40)}, FLOW4(50, 0, 0, 60), .payload = 34},
	{"v4 gre", {ETH, IP4, GRE, IP4, TCP(9, 9, 2)}, FLOW4(47, 0, 0, 64)},
	{"v4 gre ethernet", {ETH, IP4, GRE, ETH, IP4, UDP(9, 9)}, FLOW4(47, 0, 0, 66)},
	{"v4 in v4", {ETH, IP4, IP4, TCP(9, 9, 2)}, FLOW4(4, 0, 0, 60)},
	{"v6 in v4", {ETH, IP4, IP6, TCP(9, 9, 2)}, FLOW4(41, 0, 0, 80)},
	{"v4 ah is not walked", {ETH, IP4, AH(24), TCP(9, 9, 2)}, FLOW4(51, 0, 0, 64)},
	{"v4 igmp with option", {ETH, IP4OPT(4), NAMED(2), PAYLOAD(8)}, FLOW4(2, 0, 0, 32)},
	{"v6 esp", {ETH, IP6, NAMED(50), PAYLOAD(40)}, FLOW6(50, 0, 0, 80)},
	{"v6 gre", {ETH, IP6, GRE, IP4, TCP(9, 9, 2)}, FLOW6(47, 0, 0, 84)},
	{"v6 no next header", {ETH, IP6, NAMED(59)}, FLOW6(59, 0, 0, 40)},
	{"v6 in v6", {ETH, IP6, IP6, UDP(9, 9)}, FLOW6(41, 0, 0, 88)},

	/* IPv4 options */
	{"v4 options 4", {ETH, IP4OPT(4), TCP(1020, 80, 2)}, FLOW4(6, 1020, 80, 44), .tcp_flags = 2, .payload = 58},
	{"v4 options 40", {ETH, IP4OPT(40), UDP(1021, 53)}, FLOW4(17, 1021, 53, 68), .payload = 82},

	/* VLAN: the ids of the two outermost tags */
	{"vlan 8100", {ETH, VLAN(100), IP4, UDP(1030, 53)}, FLOW4(17, 1030, 53, 28), .vlan = 100, .payload = 46},
	{"vlan 88a8", {ETH, STAG(101), IP4, UDP(1031, 53)}, FLOW4(17, 1031, 53, 28), .vlan = 101},
	{"vlan 9100", {ETH, OTAG(102), IP6, UDP(1032, 53)}, FLOW6(17, 1032, 53, 48), .vlan = 102},
	{"vlan priority bits", {ETH, VLAN(0xf067), IP4, UDP(1033, 53)}, FLOW4(17, 1033, 53, 28), .vlan = 0x067},
	{"vlan priority tag", {ETH, VLAN(0xe000), IP4, UDP(1034, 53)}, FLOW4(17, 1034, 53, 28)},
	{"vlan 4095", {ETH, VLAN(4095), IP4, UDP(1035, 53)}, FLOW4(17, 1035, 53, 28), .vlan = 4095},
	{"qinq 88a8 8100", {ETH, STAG(200), VLAN(201), IP4, TCP(1036, 80, 2)}, FLOW4(6, 1036, 80, 40), .vlan = 200, .vlan_inner = 201, .tcp_flags = 2, .payload = 62},
	{"qinq 9100 8100", {ETH, OTAG(202), VLAN(203), IP6, UDP(1037, 53)}, FLOW6(17, 1037, 53, 48), .vlan = 202, .vlan_inner = 203},
	{"qinq 8100 8100", {ETH, VLAN(204), VLAN(205), IP4, UDP(1038, 53)}, FLOW4(17, 1038, 53, 28), .vlan = 204, .vlan_inner = 205},
	{"qinq priority tag outside", {ETH, STAG(0), VLAN(206), IP4, UDP(1039, 53)}, FLOW4(17, 1039, 53, 28), .vlan_inner = 206},
	{"three tags", {ETH, STAG(1), VLAN(2), VLAN(3), IP4, UDP(9, 9)}, OTHER_L3},
	{"vlan arp", {ETH, VLAN(100), NAMED(0x0806), PAYLOAD(46)}, .class = TL_CLASS_ARP},
	{"vlan other", {ETH, VLAN(100), NAMED(0x88cc), PAYLOAD(46)}, OTHER_L3},

	/* PPPoE */
	{"pppoe v4", {ETH, PPPOE, IP4, UDP(1040, 53)}, FLOW4(17, 1040, 53, 28), .payload = 50},
	{"pppoe v6", {ETH, PPPOE, IP6, TCP(1041, 80, 2)}, FLOW6(6, 1041, 80, 60), .tcp_flags = 2},
	{"pppoe lcp", {ETH, PPPOE, PAYLOAD(40)}, OTHER_L3},
	{"pppoe mpls", {ETH, PPPOE, MPLS(7), IP4, UDP(1042, 53)}, FLOW4(17, 1042, 53, 28)},
	{"pppoe in vlan", {ETH, VLAN(7), PPPOE, IP4, UDP(1043, 53)}, FLOW4(17, 1043, 53, 28), .vlan = 7},
	{"pppoe in qinq", {ETH, STAG(8), VLAN(9), PPPOE, IP6, UDP(1044, 53)}, FLOW6(17, 1044, 53, 48), .vlan = 8, .vlan_inner = 9},
	{"pppoe bad version", {ETH, PPPOE, IP4, UDP(9, 9)}, {{14, 0x21}}, MALFORMED_L2},
	{"pppoe discovery", {ETH, NAMED(0x8863), PAYLOAD(46)}, OTHER_L3},

	/* MPLS */
	{"mpls 1 v4", {ETH, MPLS(16), IP4, UDP(1050, 53)}, FLOW4(17, 1050, 53, 28), .payload = 46},
	{"mpls 1 v6", {ETH, MPLS(16), IP6, UDP(1051, 53)}, FLOW6(17, 1051, 53, 48)},
	{"mpls 2", {ETH, MPLS(16), MPLS(17), IP4, TCP(1052, 80, 2)}, FLOW4(6, 1052, 80, 40), .tcp_flags = 2},
	{"mpls 3", {ETH, MPLS(16), MPLS(17), MPLS(18), IP4, UDP(1053, 53)}, FLOW4(17, 1053, 53, 28)},
	{"mpls 8", {ETH, MPLS(1), MPLS(2), MPLS(3), MPLS(4), MPLS(5), MPLS(6), MPLS(7), MPLS(8), IP6, UDP(1054, 53)}, FLOW6(17, 1054, 53, 48), .payload = 94},
	{"mpls 9 is too deep", {ETH, MPLS(1), MPLS(2), MPLS(3), MPLS(4), MPLS(5), MPLS(6), MPLS(7), MPLS(8), MPLS(9), IP4, UDP(9, 9)}, OTHER_L3},
	{"mpls multicast", {ETH, NAMED(0x8848), MPLS(16), IP4, UDP(1055, 53)}, FLOW4(17, 1055, 53, 28)},
	{"mpls pseudowire", {ETH, MPLS(16), PAYLOAD(64)}, {{18, 0x00}}, OTHER_L3},
	{"mpls in vlan", {ETH, VLAN(10), MPLS(16), IP4, UDP(1056, 53)}, FLOW4(17, 1056, 53, 28), .vlan = 10},

	/* IPv6 extension headers, singly, chained, too many */
	{"v6 hop-by-hop", {ETH, IP6, HBH(8), UDP(1060, 53)}, FLOW6(17, 1060, 53, 56), .payload = 70},
	{"v6 routing", {ETH, IP6, ROUTING(24), UDP(1061, 53)}, FLOW6(17, 1061, 53, 72), .payload = 86},
	{"v6 destination", {ETH, IP6, DSTOPT(16), TCP(1062, 80, 2)}, FLOW6(6, 1062, 80, 76), .tcp_flags = 2},
	{"v6 atomic fragment", {ETH, IP6, FRAG6(0, 0x5001), UDP(1063, 53)}, FLOW6(17, 1063, 53, 56), .payload = 70},
	{"v6 ah", {ETH, IP6, AH(24), UDP(1064, 53)}, FLOW6(17, 1064, 53, 72), .payload = 86},
	{"v6 ah length 0", {ETH, IP6, AH(8), ICMP6(128, 0, 77)}, FLOW6(58, 77, 0x8000, 56)},
	{"v6 mobility", {ETH, IP6, MOBILITY(16), UDP(1065, 53)}, FLOW6(17, 1065, 53, 64)},
	{"v6 mobility then nothing", {ETH, IP6, MOBILITY(8), NAMED(59)}, FLOW6(59, 0, 0, 48)},
	{"v6 all six", {ETH, IP6, HBH(8), ROUTING(24), FRAG6(0, 0x5002), DSTOPT(8), AH(24), MOBILITY(8), TCP(1066, 80, 0x12)}, FLOW6(6, 1066, 80, 140), .tcp_flags = 0x12, .payload = 154},
	{"v6 six destination", {ETH, IP6, DSTOPT(8), DSTOPT(8), DSTOPT(8), DSTOPT(8), DSTOPT(8), DSTOPT(8), ICMP6(1, 4, 0)}, FLOW6(58, 0, 0x0104, 96)},
	{"v6 seven is too many", {ETH, IP6, HBH(8), DSTOPT(8), ROUTING(8), DSTOPT(8), DSTOPT(8), DSTOPT(8), DSTOPT(8), TCP(9, 9, 2)}, FLOW6(60, 0, 0, 116)},
	{"v6 option past its header", {ETH, IP6, DSTOPT(8), UDP(9, 9)}, {{57, 5}}, FLOW6(17, 0, 0, 56)},
	{"v6 option up to its header's end", {ETH, IP6, HBH(16), UDP(1068, 53)}, {{57, 12}}, FLOW6(17, 1068, 53, 64)},
	{"v6 routing header has no options", {ETH, IP6, ROUTING(8), UDP(1069, 53)}, {{56, 9}, {57, 99}}, FLOW6(17, 1069, 53, 56)},
	{"v6 esp after hop-by-hop", {ETH, IP6, HBH(8), NAMED(50), PAYLOAD(32)}, FLOW6(50, 0, 0, 80)},
	{"v6 transport at 3998", {ETH, IP6, DSTOPT(2048), DSTOPT(1896), TCP(1067, 80, 0x12)}, FLOW6(6, 1067, 80, 4004), .tcp_flags = 0x12},
	{"v6 transport beyond 4000", {ETH, IP6, DSTOPT(2048), DSTOPT(1904), TCP(9, 9, 2)}, FLOW6(6, 0, 0, 4012)},
	{"v6 header beyond 4000", {ETH, IP6, DSTOPT(2048), DSTOPT(1904), DSTOPT(8), TCP(9, 9, 2)}, MALFORMED_L3},

	/* fragments */
	{"v4 first fragment udp", {ETH, IP4FRAG(0x2000, 500), UDP(1070, 53), PAYLOAD(72)}, FLOW4(17, 1070, 53, 100), .frag = TL_FRAG_FIRST, .frag_id = 500},
	{"v4 later fragment", {ETH, IP4FRAG(0x200a, 500), NAMED(17), PAYLOAD(80)}, FLOW4(17, 0, 0, 100), .frag = TL_FRAG_LATER, .frag_id = 500, .payload = 34},
	{"v4 last fragment", {ETH, IP4FRAG(0x0014, 500), NAMED(17), PAYLOAD(9)}, FLOW4(17, 0, 0, 29), .frag = TL_FRAG_LATER, .frag_id = 500},
	{"v4 later fragment alone", {ETH, IP4FRAG(0x0001, 501), NAMED(6), PAYLOAD(32)}, FLOW4(6, 0, 0, 52), .frag = TL_FRAG_LATER, .frag_id = 501},
	{"v4 first fragment of 8 bytes", {ETH, IP4FRAG(0x2000, 502), NAMED(6), PAYLOAD(8)}, FLOW4(6, 0xa0a1, 0xa2a3, 28), .frag = TL_FRAG_FIRST, .frag_id = 502},
	{"v4 do not fragment", {ETH, IP4FRAG(0x4000, 503), UDP(1071, 53)}, FLOW4(17, 1071, 53, 28)},
	{"v4 first fragment icmp", {ETH, IP4FRAG(0x2000, 504), ICMP4(8, 0, 99), PAYLOAD(32)}, FLOW4(1, 99, 0x0800, 60), .frag = TL_FRAG_FIRST, .frag_id = 504},
	{"v4 later fragment icmp", {ETH, IP4FRAG(0x0005, 504), NAMED(1), PAYLOAD(32)}, FLOW4(1, 0, 0, 52), .frag = TL_FRAG_LATER, .frag_id = 504},
	{"v4 first fragment in vlan", {ETH, VLAN(11), IP4FRAG(0x2000, 505), UDP(1072, 53), PAYLOAD(72)}, FLOW4(17, 1072, 53, 100), .vlan = 11, .frag = TL_FRAG_FIRST, .frag_id = 505},
	{"v4 later fragment in vlan", {ETH, VLAN(11), IP4FRAG(0x000a, 505), NAMED(17), PAYLOAD(32)}, FLOW4(17, 0, 0, 52), .vlan = 11, .frag = TL_FRAG_LATER, .frag_id = 505},
	{"v4 later fragment in other vlan", {ETH, VLAN(12), IP4FRAG(0x000a, 505), NAMED(17), PAYLOAD(32)}, FLOW4(17, 0, 0, 52), .vlan = 12, .frag = TL_FRAG_LATER, .frag_id = 505},
	{"v6 first fragment udp", {ETH, IP6, FRAG6(1, 0xabcd0001), UDP(1073, 53), PAYLOAD(72)}, FLOW6(17, 1073, 53, 128), .frag = TL_FRAG_FIRST, .frag_id = 0xabcd0001},
	{"v6 later fragment", {ETH, IP6, FRAG6(80 | 1, 0xabcd0001), NAMED(17), PAYLOAD(80)}, FLOW6(17, 0, 0, 128), .frag = TL_FRAG_LATER, .frag_id = 0xabcd0001, .payload = 62},
	{"v6 last fragment", {ETH, IP6, FRAG6(160, 0xabcd0001), NAMED(17), PAYLOAD(9)}, FLOW6(17, 0, 0, 57), .frag = TL_FRAG_LATER, .frag_id = 0xabcd0001},
	{"v6 later fragment alone", {ETH, IP6, HBH(8), FRAG6(8, 0xabcd0002), NAMED(6), PAYLOAD(32)}, FLOW6(6, 0, 0, 88), .frag = TL_FRAG_LATER, .frag_id = 0xabcd0002},
	{"v6 later fragment of other protocol", {ETH, IP6, FRAG6(80, 0xabcd0001), NAMED(6), PAYLOAD(16)}, FLOW6(6, 0, 0, 64), .frag = TL_FRAG_LATER, .frag_id = 0xabcd0001},
	{"v6 reserved bits are no offset", {ETH, IP6, FRAG6(6, 0xabcd0003), UDP(1074, 53)}, FLOW6(17, 1074, 53, 56)},

	/* captured short: what is missing is 0, or the frame is malformed */
	{"cut ethernet", {ETH, IP4, UDP(9, 9)}, .snap = 13, MALFORMED_L2},
	{"cut after ethernet", {ETH, IP4, UDP(9, 9)}, .snap = 14, MALFORMED_L3},
	{"cut tag", {ETH, VLAN(9), IP4, UDP(9, 9)}, .snap = 17, MALFORMED_L2},
	{"cut inner tag", {ETH, STAG(9), VLAN(9), IP4, UDP(9, 9)}, .snap = 21, MALFORMED_L2},
	{"cut pppoe", {ETH, PPPOE, IP4, UDP(9, 9)}, .snap = 21, MALFORMED_L2},
	{"cut mpls label", {ETH, MPLS(9), IP4, UDP(9, 9)}, .snap = 17, MALFORMED_L2},
	{"cut after mpls", {ETH, MPLS(9), IP4, UDP(9, 9)}, .snap = 18, MALFORMED_L2},
	{"cut ipv4", {ETH, IP4, UDP(9, 9)}, .snap = 33, MALFORMED_L3},
	{"cut ipv4 options", {ETH, IP4OPT(12), UDP(9, 9)}, .snap = 45, MALFORMED_L3},
	{"cut ipv6", {ETH, IP6, UDP(9, 9)}, .snap = 53, MALFORMED_L3},
	{"cut extension header", {ETH, IP6, HBH(8), UDP(9, 9)}, .snap = 61, MALFORMED_L3},
	{"cut in extension options", {ETH, IP6, HBH(64), UDP(9, 9)}, .snap = 70, FLOW6(17, 0, 0, 112)},
	{"cut second extension header", {ETH, IP6, HBH(8), DSTOPT(8), UDP(9, 9)}, .snap = 69, MALFORMED_L3},
	{"cut fragment header", {ETH, IP6, FRAG6(1, 9), UDP(9, 9)}, .snap = 61, MALFORMED_L3},
	{"cut before transport", {ETH, IP4, UDP(9, 9)}, .snap = 34, FLOW4(17, 0, 0, 28), .payload = 34},
	{"cut in tcp ports", {ETH, IP4, TCP(1080, 80, 2)}, .snap = 37, FLOW4(6, 0, 0, 40)},
	{"cut after tcp ports", {ETH, IP4, TCP(1081, 80, 2)}, .snap = 38, FLOW4(6, 1081, 80, 40)},
	{"cut before tcp flags", {ETH, IP4, TCP(1082, 80, 2)}, .snap = 47, FLOW4(6, 1082, 80, 40)},
	{"cut after tcp flags", {ETH, IP4, TCP(1083, 80, 2)}, .snap = 48, FLOW4(6, 1083, 80, 40), .tcp_flags = 2},
	{"cut after udp ports", {ETH, IP6, UDP(1084, 53), PAYLOAD(100)}, .snap = 58, FLOW6(17, 1084, 53, 148)},
	{"cut in icmp", {ETH, IP4, ICMP4(8, 0, 5)}, .snap = 37, FLOW4(1, 0, 0, 28)},
	{"cut before icmp id", {ETH, IP4, ICMP4(8, 0, 5)}, .snap = 39, FLOW4(1, 0, 0x0800, 28)},
	{"cut payload", {ETH, IP4, UDP(1085, 53), PAYLOAD(1000)}, .snap = 96, FLOW4(17, 1085, 53, 1028)},

	/* wrong or short lengths */
	{"v4 header length 4", {ETH, IP4, UDP(9, 9)}, {{14, 0x44}}, MALFORMED_L3},
	{"v4 header length 0", {ETH, IP4, UDP(9, 9)}, {{14, 0x40}}, MALFORMED_L3},
	{"v4 total below 20", {ETH, IP4, UDP(9, 9)}, {{17, 19}}, MALFORMED_L3},
	{"v4 total below header", {ETH, IP4OPT(4), UDP(9, 9)}, {{17, 23}}, MALFORMED_L3},
	{"v4 version 5", {ETH, IP4, UDP(9, 9)}, {{14, 0x55}}, MALFORMED_L3},
	{"v4 ethertype over v6", {ETH, NAMED(0x0800), IP6, UDP(9, 9)}, MALFORMED_L3},
	{"v6 version 4", {ETH, IP6, UDP(9, 9)}, {{14, 0x45}}, MALFORMED_L3},
	{"v6 ethertype over v4", {ETH, NAMED(0x86dd), IP4OPT(40), UDP(9, 9)}, MALFORMED_L3},
	{"v6 payload ends in extension", {ETH, IP6, HBH(8), UDP(9, 9)}, {{19, 4}}, MALFORMED_L3},
	{"v6 payload ends in ports", {ETH, IP6, UDP(9, 9)}, {{19, 2}}, FLOW6(17, 0, 0, 42)},
	{"v6 payload 0", {ETH, IP6, UDP(9, 9)}, {{19, 0}}, FLOW6(17, 0, 0, 40)},
	{"v4 padding is no udp header", {ETH, IP4, NAMED(17), PAYLOAD(26)}, {{17, 22}}, FLOW4(17, 0, 0, 22)},
	{"v4 padding is no tcp flags", {ETH, IP4, TCP(1090, 80, 0xff), PAYLOAD(6)}, {{17, 28}}, FLOW4(6, 1090, 80, 28)},
	{"v4 padded tcp", {ETH, IP4, TCP(1091, 80, 0x11), PAYLOAD(6)}, {{17, 40}}, FLOW4(6, 1091, 80, 40), .tcp_flags = 0x11},
	{"v4 padded icmp", {ETH, IP4, ICMP4(8, 0, 7), PAYLOAD(18)}, {{17, 24}}, FLOW4(1, 0, 0x0800, 24)},
	{"v4 total 0 is segmentation offload", {ETH, IP4, TCP(1092, 80, 0x10), PAYLOAD(200)}, {{16, 0}, {17, 0}}, .snap = 128, .wire_len = 70054, FLOW4(6, 1092, 80, 70040), .tcp_flags = 0x10, .payload = 54},
	{"v4 total beyond the frame", {ETH, IP4, UDP(1093, 53)}, {{16, 0x20}}, FLOW4(17, 1093, 53, 0x201c)},
	{"v6 jumbogram", {ETH, IP6, HBH(8), UDP(1094, 53), PAYLOAD(64)}, {{18, 0}, {19, 0}, {56, 0xc2}, {57, 4}, {58, 0}, {59, 1}, {60, 0x11}, {61, 0x62}}, .snap = 128, .wire_len = 70040, FLOW6(17, 1094, 53, 70026), .payload = 70},

	/* no IP */
	{"arp", {ETH, NAMED(0x0806), PAYLOAD(46)}, .class = TL_CLASS_ARP},
	{"arp cut", {ETH, NAMED(0x0806)}, .class = TL_CLASS_ARP},
	{"lldp", {ETH, NAMED(0x88cc), PAYLOAD(60)}, OTHER_L3},
	{"802.3 length", {ETH, NAMED(38), PAYLOAD(46)}, OTHER_L3},
	{"unknown ethertype", {ETH, PAYLOAD(46)}, OTHER_L3},
};
/* clang-format on */

const unsigned int golden_row_count = sizeof(golden_rows) / sizeof(golden_rows[0]);
