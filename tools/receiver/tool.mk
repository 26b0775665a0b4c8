# SPDX-License-Identifier: BSD-2-Clause
LIBS_receiver := -lmicrohttpd -lgnutls -lzstd -lcap-ng -lseccomp
