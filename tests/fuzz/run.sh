#!/bin/sh
# SPDX-License-Identifier: ISC
#
# One fuzz target as two tests: its corpus, then SECONDS of fuzzing.
#   run.sh SECONDS PROGRAM
# New inputs stay in $B/fuzz-corpus/NAME, what crashed in $B/fuzz-artifacts.
# The seed is fixed: the same build on the same machine finds the same again.

set -u
seconds=$1 prog=$2
name=$(basename "$prog")
corpus=tests/fuzz/corpus/$name
found=$B/fuzz-corpus/$name
crashes=$B/fuzz-artifacts
mkdir -p "$found" "$crashes"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
rm -f "$crashes/$name-"*
set -- -seed=20030407 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="$crashes/$name-"
[ ! -e "tests/fuzz/$name.dict" ] || set -- "$@" "-dict=tests/fuzz/$name.dict"
bad=0

# verdict N NAME STATUS
verdict()
{
	if [ "$3" = 0 ]; then
		echo "ok $1 - $2"
		return
	fi
	bad=1
	echo "not ok $1 - $2"
	tail -n 60 "$out" | sed 's/^/# /'
	for f in "$crashes/$name-"*; do
		[ ! -e "$f" ] || {
			echo "# input kept: $f; again: $prog $f"
			od -An -tx1 -N 256 "$f" | sed 's/^/#  /'
		}
	done
}

echo 1..2
n=$(find "$corpus" -type f 2>/dev/null | wc -l)
if [ "$n" = 0 ]; then
	echo "# $corpus is empty" >"$out"
	verdict 1 "corpus of $name" 1
else
	"$prog" "$@" -runs=0 "$corpus" >"$out" 2>&1
	verdict 1 "corpus of $name: $n inputs" $?
fi
[ ! -d "$corpus" ] || found="$found $corpus"
"$prog" "$@" -max_total_time="$seconds" -print_final_stats=1 $found \
    >"$out" 2>&1
rc=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out")
edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$out" | tail -n 1)
verdict 2 "$seconds s of fuzzing: ${runs:-0} runs, ${edges:-0} edges" $rc
exit $bad
