# SPDX-License-Identifier: BSD-2-Clause
LIBS_eve-tail := -lsimdjson -lzstd -lz -lcap-ng -lseccomp
LINK_eve-tail := $(CXX)
