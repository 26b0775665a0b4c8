#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# usage: metrics.sh BIN-FOLDER: docs/metrics.md on stdout, from what the tools say of themselves.
set -eu
cat <<'END'
# Metrics

What each tool reports at `--stats URL`, as `TOOL --list-metrics` prints it; this page is made by
`docs/metrics.sh`. In `/metrics` of [capmetrics(1)](man/capmetrics.1) a name has `tapline_` before it and a
counter `_total` behind it; the labels `tool`, `instance`, and of capture tools `engine` and `mode`, come to
those below.
END
for program in "$1"/*; do
	if table=$("$program" --list-metrics 2>/dev/null </dev/null); then
		printf '\n## %s\n\n%s\n' "${program##*/}" "$table"
	fi
done
