#!/bin/sh
# SPDX-License-Identifier: ISC
# Run all scenarios; pages, captures and results go to $B/sim.
#   all.sh [NAME...]	these; all when none is named
B=${B:?}
out=$B/sim
rc=0
mkdir -p "$out" || exit 1
[ $# -gt 0 ] || set -- $(ls mikesim/scenarios | sed 's/\.conf$//')
for name in "$@"; do
	file=mikesim/scenarios/$name.conf
	echo "== $name"
	"$B/bin/mikesim" run --html "$out/$name.html" --svg "$out/$name.svg" \
	    --pcap "$out/$name.pcap" --keys "$out/$name.keys" \
	    --json "$out/$name.json" "$file"
	case $? in
	0) ;;
	69) rm -f "$out/$name".* ;; # it said so
	*) echo "== $name failed" >&2; rc=1 ;;
	esac
done
echo "pages, captures and results are in $out:"
ls "$out"
exit $rc
