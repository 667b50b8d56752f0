#!/bin/sh
# SPDX-License-Identifier: ISC
# The same scenario and seed give the same trace, octet for octet: on every
# run, with any number of jobs, with whatever compiler it was built.

. tests/lib/tap.sh
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM HUP

# trace PROGRAM SCENARIO OPTION...: its hash
trace()
{
	program=$1 file=$2
	shift 2
	"$program" run -q --trace "$T/trace" "$@" "$file" >"$T/out" 2>&1 ||
	    echo "status $?"
	sha256sum <"$T/trace"
}

for file in mikesim/scenarios/briefing-small.conf \
    mikesim/scenarios/partition.conf tests/sim/property.conf; do
	name=$(basename "$file" .conf)
	first=$(trace "$B/bin/mikesim" $file --jobs 1)
	for jobs in 1 2 3 8; do
		is "$name: $jobs jobs" \
		    "$(trace "$B/bin/mikesim" $file --jobs $jobs)" "$first"
	done
	for other in clang asan; do
		if [ -x "$B/$other/bin/mikesim" ]; then
			is "$name: built with $other" \
			    "$(trace "$B/$other/bin/mikesim" $file)" "$first"
		else
			skip "$name: built with $other" "it is not built"
		fi
	done
	no "$name: another seed" test \
	    "$(trace "$B/bin/mikesim" $file --seed 77)" = "$first"
done
finish
