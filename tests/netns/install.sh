#!/bin/sh
# SPDX-License-Identifier: ISC
# make install: what goes where, and what does not.

. tests/lib/tap.sh
make=${MIKE_MAKE:-make}
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT

# The programs are built already; where they think they lie is compiled in.
install_to() # DIR [VARIABLE=VALUE...]
{
	dest=$1
	shift
	"$make" -s --no-print-directory B="$B" DESTDIR="$dest" "$@" \
	    install-files
}

ok "make install DESTDIR=" install_to "$d/a"
modes() { (cd "$1" && find . -type f -perm "$2" | sort | tr '\n' ' '); }
is "programs" "$(modes "$d/a" 755)" "./etc/init.d/mike ./usr/bin/mikectl \
./usr/bin/mikesim ./usr/lib/mike/dispatcherd ./usr/lib/mike/groupd ./usr/lib/mike/keymgrd \
./usr/lib/mike/mkusers ./usr/lib/mike/policyd ./usr/sbin/mike-spawn "
for f in etc/default/mike usr/lib/sysusers.d/mike.conf \
    usr/lib/tmpfiles.d/mike.conf; do
	ok "$f" test -s "$d/a/$f"
done
for f in docs/man/*.[1-8]; do
	page=${f##*/}
	ok "$page is in its section" \
	    cmp "$f" "$d/a/usr/share/man/man${page##*.}/$page"
done
ok "the dissector" cmp packaging/wireshark/gike.lua \
    "$d/a/usr/share/mike/gike.lua"
is "examples" "$(ls "$d/a/usr/share/doc/mike/examples")" \
    "$(ls packaging/examples)"
is "the policy's directory is not for all" \
    "$(stat -c %a "$d/a/etc/mike")" 750
is "nothing is set-user-id" "$(find "$d/a" -perm /6000)" ""

echo "LOG=/elsewhere" >"$d/a/etc/default/mike"
ok "a second time" install_to "$d/a"
is "keeps the operator's settings" "$(cat "$d/a/etc/default/mike")" \
    LOG=/elsewhere

ok "PREFIX=/opt/mike" install_to "$d/b" PREFIX=/opt/mike \
    SYSCONFDIR=/etc/opt
like "the init script finds mike-spawn" \
    "$(cat "$d/b/etc/opt/init.d/mike")" '^SPAWN=/opt/mike/sbin/mike-spawn$'
like "and the daemons" "$(cat "$d/b/etc/opt/init.d/mike")" \
    '^LIBEXEC=/opt/mike/lib/mike$'
like "and mikectl" "$(cat "$d/b/etc/opt/init.d/mike")" \
    '^PATH=/opt/mike/bin:'
ok "is a shell script" sh -n "$d/b/etc/opt/init.d/mike"

# Users.
mkdir -p "$d/r/etc"
printf 'root:x:0:0:root:/root:/bin/sh\nx:x:700:701::/:/bin/sh\n' \
    >"$d/r/etc/passwd"
printf 'root:x:0:\nmike:x:42:joe\n' >"$d/r/etc/group"
ok "mkusers" sh packaging/mkusers.sh packaging/sysusers.d/mike.conf "$d/r"
is "67 users are new" "$(wc -l <"$d/r/etc/passwd")" 69
is "each has a group of its own number" "$(awk -F: '
    FNR == NR { g[$1] = $3; next }
    /^mike-/ && ($3 != $4 || g[$1] != $3)' "$d/r/etc/group" \
    "$d/r/etc/passwd")" ""
is "no number twice" "$(cut -d: -f3 "$d/r/etc/passwd" | sort | uniq -d)" ""
is "nor one that was taken" \
    "$(grep -cE '^mike.*:70[01]:' "$d/r/etc/passwd")" 0
like "a group that was there stays" "$(cat "$d/r/etc/group")" \
    '^mike:x:42:joe$'
is "nobody can log in" \
    "$(grep ^mike- "$d/r/etc/passwd" | grep -vc ':/usr/sbin/nologin$')" 0
cp "$d/r/etc/passwd" "$d/before"
ok "mkusers again" sh packaging/mkusers.sh packaging/sysusers.d/mike.conf \
    "$d/r"
ok "changes nothing" cmp "$d/before" "$d/r/etc/passwd"
is "and leaves nothing behind" "$(ls -A "$d/r/etc" | tr '\n' ' ')" \
    "group passwd "
finish
