#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# report.sh RESULTS: sums up what each part of `make check` wrote there, as
# lines of: part passed failed skipped.
awk '
	{ printf "  %-8s %5d passed %3d failed %3d skipped\n", $1, $2, $3, $4
	  passed += $2; failed += $3; skipped += $4 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	      exit failed > 0 || passed == 0 }
' "$1"
