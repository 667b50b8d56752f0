#!/bin/sh
# SPDX-License-Identifier: ISC
# Add the users and groups of a sysusers.d file to ROOT/etc/passwd and
# ROOT/etc/group, for machines without systemd-sysusers and for test roots.
#   mkusers.sh SYSUSERS-FILE [ROOT]
# Who is there already stays as it is; ids are the first free ones from 700.
set -eu
[ $# -ge 1 ] || { echo "usage: mkusers.sh SYSUSERS-FILE [ROOT]" >&2; exit 64; }
conf=$1 root=${2:-}
for f in passwd group; do
	[ -w "$root/etc/$f" ] || {
		echo "mkusers: cannot write $root/etc/$f: run as root" >&2
		exit 1
	}
done
umask 022
tmp=$(mktemp -d "$root/etc/.mkusers.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cp -p "$root/etc/passwd" "$root/etc/group" "$tmp/"

# A user gets a group of the same name and number, so an id must be free in
# both files.
awk -v pw="$tmp/passwd" -v gr="$tmp/group" '
BEGIN {
	FS = ":"
	while ((getline < (pw)) > 0) {
		user[$1] = 1
		used[$3] = used[$4] = 1
	}
	close(pw)
	while ((getline < (gr)) > 0) { group[$1] = $3; used[$3] = 1 }
	close(gr)
	FS = " "
	id = 700
}
/^[ \t]*(#|$)/ { next }
$1 == "u" || $1 == "g" {
	name = $2
	if (!(name in group)) {
		while (id in used)
			id++
		used[id] = 1
		group[name] = id
		printf "%s:x:%d:\n", name, id >> gr
	}
	if ($1 == "g" || name in user)
		next
	text = ""
	if (match($0, /"[^"]*"/))
		text = substr($0, RSTART + 1, RLENGTH - 2)
	printf "%s:x:%d:%d:%s:/nonexistent:/usr/sbin/nologin\n", \
	    name, group[name], group[name], text >> pw
	next
}
{
	printf "mkusers: line %d: what is \"%s\"?\n", NR, $1 > "/dev/stderr"
	bad = 1
}
END { exit bad }' "$conf"
# Rename last: whoever reads sees the old file or the whole new one.
mv "$tmp/group" "$root/etc/group"
mv "$tmp/passwd" "$root/etc/passwd"
