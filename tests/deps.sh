#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# deps.sh PURPOSE "PACKAGE..."  Makes sure that Debian packages are there: as
# root it installs what is missing, otherwise it names them and fails; not for
# PURPOSE optional. No service of a package is started: tests start their own.
set -eu
purpose=$1
wanted=$2
if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "deps: no dpkg here; needed for $purpose, under their Debian names: $wanted" >&2
	exit 0
fi
missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
[ "$purpose" != optional ] || [ "$(id -u)" = 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "deps: missing for $purpose:$missing" >&2
	echo "deps: as root: apt-get install$missing   (or: sudo make deps)" >&2
	exit 1
fi
echo "deps: installing for $purpose:$missing"
export DEBIAN_FRONTEND=noninteractive
if [ ! -e /usr/sbin/policy-rc.d ]; then
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
fi
# shellcheck disable=SC2086  # a list of words
apt-get -qq update >/dev/null &&
	apt-get -qq install -y --no-install-recommends $missing >/dev/null || {
	echo "deps: apt-get could not install:$missing" >&2
	[ "$purpose" = optional ] || exit 1
}
