# SPDX-License-Identifier: BSD-2-Clause
LIBS_afp-capd := -lpcap -lcap-ng -lseccomp
