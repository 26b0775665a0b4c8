# SPDX-License-Identifier: BSD-2-Clause
LIBS_tpv3-capd := -lpcap -lcap-ng -lseccomp
