# SPDX-License-Identifier: BSD-2-Clause
LIBS_batcher := -lcap-ng -lseccomp
