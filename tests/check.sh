#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What `make check` does, in order: a heading, then a line for each program or
# step.  What fails shows its output, and the rest goes on.
#   check.sh check		everything, 60 s of fuzzing over all targets
#   check.sh check-long		everything, 60 s for each target
#   check.sh only PART		asan fuzz interop lab lint simtest
# B is the build directory, MIKE_MAKE is make.

set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:?}
export B
make=${MIKE_MAKE:-make}
cores=$(nproc 2>/dev/null || echo 2)
fuzz_seconds=60
began=$(date +%s)
# The caller's make options are not ours; what must differ is said below.
unset MAKEFLAGS MFLAGS GNUMAKEFLAGS
# Private roots lay this over /; nothing is built on the way.
export MIKE_STAGE="$B/stage"

mk="$make -s -k --no-print-directory -j$cores SAN= FUZZ= V= WERROR=1"

run()
{
	sh tests/run.sh "$@"
}

# programs BUILD KIND: from the sources, so that one that does not build is a
# failure and not forgotten.
programs()
{
	for f in tests/"$2"/*_test.c; do
		[ ! -e "$f" ] || echo "$1/test/$2/$(basename "$f" _test.c)"
	done
}

fuzzers()
{
	for f in tests/fuzz/*_fuzz.c; do
		[ ! -e "$f" ] || echo "$B/fuzz/$(basename "$f" _fuzz.c)"
	done
}

scripts()
{
	for f in tests/"$1"/*.sh; do
		[ ! -e "$f" ] || echo "$f"
	done
}

build_plain()
{
	run step "build with gcc" $mk CC=gcc B="$B" all tests probes labfiles
}

build_asan()
{
	run step "build with gcc, ASan and UBSan" $mk CC=gcc B="$B/asan" \
	    SAN=address,undefined all tests labfiles
}

build_fuzz()
{
	run step "build fuzz targets with clang" $mk CC=clang B="$B/fuzz" \
	    FUZZ=1 SAN=fuzzer-no-link,address,undefined fuzzers
}

compile()
{
	run head "Does it compile?  (gcc and clang, warnings are errors)"
	build_plain
	run step "build with clang" $mk CC=clang B="$B/clang" all tests
	build_asan
	build_fuzz
	run step "headers compile alone" $mk CC=gcc headers
}

rules()
{
	run head "House rules"
	run tap tests/lint/rules.sh tests/lint/rules_test.sh \
	    tests/lint/conformance.sh
}

plain()
{
	run head "Unit tests: one module at a time"
	run tap $(programs "$B" unit)
	run head "Exchange tests: whole protocol runs inside one process"
	run tap $(programs "$B" exchange)
	run head "Vectors: octets that others computed"
	run tap $(programs "$B" vectors)
}

# Repetitions count once for each program.  A shell test that can run over an
# instrumented build says so in a line of its own: "# sanitizers: yes".
asan()
{
	run head "The same under AddressSanitizer and UBSan"
	export UBSAN_OPTIONS=print_stacktrace=1
	export ASAN_OPTIONS=detect_stack_use_after_return=1
	for kind in unit exchange vectors; do
		B=$B/asan run tap -1 -t 120 -l "asan " -R "$B" \
		    $(programs "$B/asan" $kind)
	done
	# A sandboxed process cannot be searched for leaks: that takes ptrace.
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
	MIKE_STAGE=$B/asan/stage B=$B/asan run tap -1 -t 240 -l "asan " \
	    -R "$B" $(grep -l '^# sanitizers: yes' tests/netns/*.sh 2>/dev/null)
	unset ASAN_OPTIONS UBSAN_OPTIONS
}

valgrind()
{
	run head "Unit tests under valgrind"
	set --
	for p in $(programs "$B" unit); do
		why=$(sed -n "s|^${p#"$B/test/"}: *||p" tests/valgrind.skip)
		if [ -n "$why" ]; then
			echo "  not  ${p#"$B/test/"}: $why"
		else
			set -- "$@" "$p"
		fi
	done
	run tap -1 -t 240 -l "valgrind " -w "valgrind -q --error-exitcode=99 \
	    --leak-check=full --show-leak-kinds=definite \
	    --errors-for-leak-kinds=definite" "$@"
}

# fuzz SECONDS [over-all]
fuzz()
{
	run head "Fuzzing: corpus, then new inputs (seed fixed)"
	targets=$(fuzzers)
	each=$1
	if [ -n "${2:-}" ] && [ -n "$targets" ]; then
		each=$(($1 / $(echo "$targets" | wc -l)))
		[ "$each" -gt 0 ] || each=1
	fi
	run tap -t $((each + 60)) -w "sh tests/fuzz/run.sh $each" $targets
}

sandbox()
{
	run head "Sandbox: every daemon tries what it must not"
	run tap -t 240 $(scripts sandbox)
}

netns()
{
	run head "Network namespaces: real daemons on this machine's kernel"
	run tap -t 240 $(scripts netns)
}

interop()
{
	run head "Other people's programs: strongSwan, Wireshark"
	run tap -t 120 $(scripts interop)
}

# The property seeds take as long as they are given.
sim()
{
	run head "Simulation: the same cores under loss, faults and strangers"
	run tap -t 240 $(scripts sim)
}

lab()
{
	run head "Lab: hosts on a bridge, multicast through kernel ESP"
	run tap -t 300 tests/lab/run
}

# How fast is not asked here: `make bench` does.
benches()
{
	run head "Benches: that they run, and their load generator as a peer"
	run tap -t 240 tests/bench/smoke.sh
}

lint()
{
	rules
	run head "Static analysis"
	run tap -t 1200 tests/lint/tools.sh
}

check()
{
	echo "MIKE: $cores cores; $(gcc --version | sed 1q);" \
	    "$(clang --version | sed 1q); results in $B/log"
	compile
	rules
	plain
	asan
	valgrind
	fuzz "$@"
	sandbox
	netns
	interop
	sim
	lab
	benches
	echo
	echo "took $(($(date +%s) - began)) s"
}

run start
case ${1:-} in
check) check $fuzz_seconds over-all ;;
check-long)
	export SIM_SEEDS=all
	check $fuzz_seconds
	;;
only)
	case ${2:-} in
	asan) build_asan && asan ;;
	interop) build_plain && interop ;;
	fuzz) build_fuzz && fuzz "${FUZZ_SECONDS:-10}" ;;
	lab) build_plain && lab ;;
	lint) lint ;;
	simtest) build_plain && sim ;;
	*) echo "check.sh: no part ${2:-}" >&2; exit 64 ;;
	esac
	;;
*) sed -n '4,9s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
run sum
