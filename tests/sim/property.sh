#!/bin/sh
# SPDX-License-Identifier: ISC
# Property mode: seeds for 60 s in all, or 200 of each with SIM_SEEDS=all.
# What fails says how to repeat it, and leaves the scenario in $B/log.

. tests/lib/tap.sh
seconds=60
[ "${SIM_SEEDS:-}" != all ] || seconds=0
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM HUP

seeds()
{
	last=100000
	[ "$seconds" != 0 ] || last=200
	"$B/bin/mikesim" check -q --seconds "$2" --seeds "1-$last" \
	    --save "$B/log/property-$1.conf" "$3" >"$T/$1" 2>&1
	is "$1: all seeds pass" $? 0 || diag "$(cat "$T/$1")"
	diag "$1: $(tail -n 1 "$T/$1")"
	like "$1: there were some" "$(tail -n 1 "$T/$1")" '^[1-9][0-9]* passed'
}
mkdir -p "$B/log"
seeds everything $((seconds * 2 / 3)) tests/sim/property.conf
seeds partition $((seconds / 3)) mikesim/scenarios/partition.conf

# Shards are the same seeds, each once.
for i in 1 2 3; do
	"$B/bin/mikesim" check --seeds 1-7 --shard $i/3 tests/sim/mutants.conf
done | grep '^seed' | sort >"$T/shards"
"$B/bin/mikesim" check --seeds 1-7 --jobs 1 tests/sim/mutants.conf |
    grep '^seed' | sort >"$T/whole"
is "shards together are the whole" "$(cat "$T/shards")" "$(cat "$T/whole")"
is "of seven seeds" "$(wc -l <"$T/whole")" 7
finish
