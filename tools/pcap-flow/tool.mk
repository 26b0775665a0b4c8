# SPDX-License-Identifier: BSD-2-Clause
LIBS_pcap-flow := -lpcap -lzstd -lz -lcap-ng -lseccomp
