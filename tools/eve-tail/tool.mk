# SPDX-License-Identifier: BSD-2-Clause
LIBS_eve-tail := -lsimdjson -lnettle -lzstd -lz -lcap-ng -lseccomp
LINK_eve-tail := $(CXX)
# Worth some 6 % of its time; whoever gives CFLAGS to make decides.
$(OBJ)/tools/eve-tail/%: CFLAGS := $(patsubst -O2,-O3,$(CFLAGS))
