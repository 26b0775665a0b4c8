#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# report.sh RESULTS: sums up what each part of `make check` wrote there, as
# lines of: part passed failed skipped. And what is not part of it; the counts come last.
awk '
	{ printf "  %-8s %5d passed %3d failed %3d skipped\n", $1, $2, $3, $4
	  passed += $2; failed += $3; skipped += $4 }
	END { print "  not part of check: make soak (SOAKS=\"features xdp receiver delivery\", an hour: load, kills,"
	      print "  fuzzed and slow requests), make check-kernels, make valgrind, MODEL=big make model,"
	      print "  make fuzz FUZZ_SECONDS=600, make bench"
	      printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	      exit failed > 0 || passed == 0 }
' "$1"
