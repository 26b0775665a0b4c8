# SPDX-License-Identifier: BSD-2-Clause
SCRIPT_capladder := $(addprefix tools/capladder/,settings.sh rungs.sh children.sh books.sh feeds.sh reload.sh show.sh capladder)
