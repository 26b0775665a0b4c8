#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-2-Clause
# The first process of a kernel on trial: runs the kernel tests, then the daemon. What it prints on
# the second serial line is the report; its last line is the verdict that tests/kernels/run wants.
/bin/busybox --install -s /bin
export PATH=/opt:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
exec >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 -onlcr

# shellcheck disable=SC1091 # packed beside it
. /environment
ip link set lo up
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
verdict=passed
TEST_WRAP="timeout -s KILL $TL_TEST_SECONDS" sh /tests/run kernel /tests/test_* || verdict=failed
sh /tests/daemon.sh || verdict=failed
dmesg | grep -E 'WARNING|BUG:|Oops|stall' | sed 's/^/  kernel  /'
echo "verdict: $verdict"
poweroff -f
