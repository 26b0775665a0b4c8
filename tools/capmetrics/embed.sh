#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# embed.sh FOLDER: on stdout, as C, all files of the page and those that its VENDOR names
# (lines NAME PATH), for assets.c.
set -eu
folder=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

type_of() { # NAME
	case $1 in
	*.html) echo 'text/html; charset=utf-8' ;;
	*.js | *.mjs) echo 'text/javascript; charset=utf-8' ;;
	*.css) echo 'text/css; charset=utf-8' ;;
	*.svg) echo 'image/svg+xml' ;;
	*.png) echo 'image/png' ;;
	*.ico) echo 'image/x-icon' ;;
	*.woff2) echo 'font/woff2' ;;
	*.json | *.webmanifest) echo 'application/json' ;;
	*) echo 'text/plain; charset=utf-8' ;;
	esac
}

bytes() { # NAME FILE
	echo "static const unsigned char $1[] = {"
	od -An -v -tx1 "$2" | sed 's/ \(..\)/0x\1,/g'
	echo '};'
}

count=0
rows=$tmp/rows
: >"$rows"

add() { # NAME FILE
	[ -s "$2" ] || {
		echo "embed.sh: $1: no $2, or it is empty" >&2
		exit 1
	}
	gzip -9nc "$2" >"$tmp/gz"
	bytes "plain_$count" "$2"
	packed=0
	if [ "$(wc -c <"$tmp/gz")" -lt "$(wc -c <"$2")" ]; then
		packed="gzip_$count, sizeof(gzip_$count)"
		bytes "gzip_$count" "$tmp/gz"
	else
		packed='0, 0'
	fi
	etag=$(sha256sum "$2" | cut -c 1-32)
	row="\"$(type_of "$1")\", \"$etag\", plain_$count, sizeof(plain_$count), $packed},"
	echo "	{\"/$1\", $row" >>"$rows"
	[ "$1" != index.html ] || echo "	{\"/\", $row" >>"$rows"
	count=$((count + 1))
}

for file in "$folder"/*; do
	name=${file##*/}
	case $name in
	VENDOR | README* | *.md | '*') ;;
	*) [ ! -f "$file" ] || add "$name" "$file" ;;
	esac
done
if [ -r "$folder/VENDOR" ]; then
	while read -r name path; do
		case $name in
		'' | '#'*) ;;
		*) add "$name" "$path" ;;
		esac
	done <"$folder/VENDOR"
fi
echo 'static const struct web_asset embedded[] = {'
cat "$rows"
echo '	{0},'
echo '};'
