#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# usage: fetch.sh SERIES FOLDER: Debian's newest cloud kernel of SERIES, such as 6.1, with the modules
# that the tests need, in FOLDER/PACKAGE (vmlinuz and lib/modules); prints that path. What is there
# already is not fetched again.
set -eu
series=$1
folder=$2

newest() {
	# The names end so for an image; there are -dbg and -unsigned ones as well.
	apt-cache search --names-only "^linux-image-$(echo "$series" | sed 's/\./\\./g')\.[^ ]*-cloud-amd64\$" |
		cut -d ' ' -f 1 | sort -V | tail -n 1
}

# Of the version that apt offers now: an old list names what the mirror has no more.
download() {
	apt-get -qq download "$1" >/dev/null 2>&1 && return
	apt-get -qq update >/dev/null
	apt-get -qq download "$1" >/dev/null
}

# Without compression: busybox's modprobe knows gzip alone.
unpack() {
	dpkg-deb --fsys-tarfile "$1".deb | tar -x --wildcards './boot/vmlinuz-*' './lib/modules/*/modules.*' \
		'*/veth.ko*' '*/sch_ingress.ko*' '*/cls_bpf.ko*'
	find lib -name '*.ko.xz' -exec xz -d {} +
	mv boot/vmlinuz-* vmlinuz
	for version in lib/modules/*; do
		/sbin/depmod -b . "${version##*/}"
	done
}

package=$(newest)
if [ -z "$package" ]; then
	apt-get -qq update >/dev/null
	package=$(newest)
fi
[ -n "$package" ] || {
	echo "check-kernels: apt offers no linux-image-$series.*-cloud-amd64" >&2
	exit 1
}
version=$(apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p')
kernel=$folder/${package#linux-image-}_$version
if [ ! -d "$kernel" ]; then
	mkdir -p "$folder"
	fresh=$(mktemp -d "$folder/fresh.XXXXXX")
	trap 'rm -rf "$fresh"' EXIT
	chmod 755 "$fresh"
	cd "$fresh"
	download "$package"
	mv "$package"_*.deb new.deb
	unpack new
	rm new.deb
	mv "$fresh" "$kernel"
fi
echo "$kernel"
