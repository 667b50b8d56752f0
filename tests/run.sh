#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Run tests that print TAP, two at a time, one line each; sum up.
#
#   run.sh start			forget earlier results
#   run.sh tap [OPTION...] FILE...	run programs and *.sh scripts
#     -l LABEL	before the name, for what runs more than once ("asan ")
#     -t SECONDS	limit for each (60)
#     -w COMMAND	run "COMMAND FILE" instead of FILE
#     -j N		side by side (2)
#     -1		count each FILE as one test: a repetition
#     -R DIR	results go to DIR/log though B is another build
#   run.sh step NAME COMMAND...	a command that is one test by itself
#   run.sh head TEXT...		a heading
#   run.sh sum			loud skips, failures, the closing line
#
# B is the build directory; outputs are kept in $B/log.  A missing plan, a
# crash and a timeout are failures.  Exit status 77 skips a whole file.

set -u
B=${B:-build}
log=${run_results:-$B}/log
results=$log/results # name, passed, failed, skipped, milliseconds
skips=$log/skips
self=$0

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

# line MARK NAME COUNTS MS
line()
{
	printf '  %-4s %-38s %-26s %4d.%d s\n' "$1" "$2" "$3" \
	    $(($4 / 1000)) $(($4 / 100 % 10))
}

# judge FILE STATUS LATE: "passed failed skipped", complaints to FILE.why,
# skips to FILE.skip.  cmocka closes each group with an unnumbered line.
judge()
{
	awk -v rc="$2" -v late="$3" -v why="$1.why" -v skipf="$1.skip" '
	function bad(text) { print text > why; fail++ }
	/^1\.\.[0-9]+/ {
		plan = 1
		want += substr($1, 4)
		if (match($0, /# *[Ss][Kk][Ii][Pp]/)) {
			skip++
			print "all:" substr($0, RSTART + RLENGTH) > skipf
		}
		next
	}
	/^(not )?ok +[0-9]+/ {
		ran++
		if (match($0, /# *[Ss][Kk][Ii][Pp]/)) {
			skip++
			text = substr($0, RSTART + RLENGTH)
			head = substr($0, 1, RSTART - 1)
			sub(/^(not )?ok +[0-9]+ *-? */, "", head)
			sub(/ *$/, head == "" ? "" : ":", head)
			print head text > skipf
		} else if ($1 == "ok") {
			pass++
		} else {
			fail++
		}
		next
	}
	/^Bail out!/ { bad($0); bailed = 1; next }
	END {
		if (rc == 77 && ran == 0) {
			print "all: " last > skipf
			print 0, 0, 1
			exit
		}
		if (bailed)
			fail += 0
		else if (late)
			bad("not done in time")
		else if (rc > 128)
			bad("killed by signal " rc - 128)
		else if (rc == 127 && !ran)
			bad("is not there: it was not built")
		else if (!plan)
			bad("no plan (1..N): ended early, status " rc)
		else if (ran != want)
			bad(want + 0 " tests planned, " ran + 0 " run")
		else if (rc != 0 && fail == 0)
			bad("status " rc " though no test failed")
		print pass + 0, fail + 0, skip + 0
	}
	{ if ($0 != "") last = $0 }' "$1"
}

counts()
{
	text="$1 passed"
	[ "$2" = 0 ] || text="$text, $2 FAILED"
	[ "$3" = 0 ] || text="$text, $3 skipped"
	echo "$text"
}

# report NAME FILE PASSED FAILED SKIPPED MS: under the lock, so that the
# output of a failed program stays in one piece.
report()
{
	mark=ok
	[ "$5" = 0 ] || mark=skip
	[ "$4" = 0 ] || mark=FAIL
	line $mark "$1" "$(counts "$3" "$4" "$5")" "$6"
	echo "$1	$3	$4	$5	$6" >>"$results"
	if [ -s "$2.skip" ]; then
		sed "s|^|$1: |" "$2.skip" >>"$skips"
	fi
	[ "$4" != 0 ] || return 0
	echo "  ---- $2"
	grep -vE "^  (CC|AR|LINK|INSTALL) " "$2" | tail -n 400 | sed 's/^/  | /'
	[ ! -s "$2.why" ] || sed 's/^/  ! /' "$2.why"
	echo "  ----"
}

# one FILE, with run_label, run_limit, run_wrap, run_once in the environment
one()
{
	name=${1#"$B"/}
	name=${name#test/}
	name=${name#tests/}
	name=$run_label${name%.sh}
	out=$log/$(echo "$name" | tr ' /' '-.').log
	rm -f "$out" "$out.why" "$out.skip"
	start=$(now_ms)
	case $1 in
	*.sh | */run)
		timeout -k 5 "$run_limit" $run_wrap sh "$1" >"$out" 2>&1 \
		    </dev/null
		rc=$?
		;;
	*)
		# Buffered standard output must not be cut by an error line.
		CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 "$run_limit" \
		    $run_wrap "$1" >"$out" 2>"$out.err" </dev/null
		rc=$?
		;;
	esac
	if [ -s "$out.err" ]; then
		cat "$out.err" >>"$out"
	fi
	rm -f "$out.err"
	ms=$(($(now_ms) - start))
	late=$((ms >= run_limit * 1000))
	set -- $(judge "$out" $rc $late) $ms
	if [ -n "$run_once" ] && [ "$1$2" != 00 ]; then
		set -- $(($2 == 0)) $(($2 != 0)) 0 "$4"
		rm -f "$out.skip"
	fi
	(
		flock 9
		report "$name" "$out" "$@"
	) 9>"$log/.lock"
	[ "$2" = 0 ]
}

tap()
{
	run_label= run_limit=60 run_wrap= run_once= jobs=2
	while getopts 1j:l:R:t:w: opt; do
		case $opt in
		1) run_once=1 ;;
		j) jobs=$OPTARG ;;
		l) run_label=$OPTARG ;;
		R) export run_results="$OPTARG" ;;
		t) run_limit=$OPTARG ;;
		w) run_wrap=$OPTARG ;;
		*) exit 64 ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# -gt 0 ] || return 0
	export B run_label run_limit run_wrap run_once
	printf '%s\0' "$@" | xargs -0 -n 1 -P "$jobs" sh "$self" one
}

step()
{
	name=$1
	shift
	out=$log/$(echo "$name" | tr ' /:,' '-.__').log
	rm -f "$out.why" "$out.skip"
	start=$(now_ms)
	"$@" >"$out" 2>&1 </dev/null
	rc=$?
	ms=$(($(now_ms) - start))
	if [ $rc = 0 ]; then
		report "$name" "$out" 1 0 0 $ms
	else
		echo "status $rc from: $*" >"$out.why"
		report "$name" "$out" 0 1 0 $ms
	fi
	return $rc
}

sum()
{
	[ -s "$results" ] || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
	if [ -s "$skips" ]; then
		echo
		echo "SKIPPED, so not tested here:"
		sed 's/^/  /' "$skips"
	fi
	if awk -F '\t' '$3 { n++ } END { exit !n }' "$results"; then
		echo
		echo "FAILED (output above and in $log):"
		awk -F '\t' '$3 { printf "  %s: %d\n", $1, $3 }' "$results"
	fi
	echo
	awk -F '\t' '{ p += $2; f += $3; s += $4 }
	END {
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f > 0 || p == 0
	}' "$results"
}

what=${1:-}
[ $# -eq 0 ] || shift
[ "$what" = tap ] || mkdir -p "$log"
case $what in
start) rm -f "$log"/*; : >"$results"; : >"$skips" ;;
head) echo; echo "== $*" ;;
tap) tap "$@" ;;
step) step "$@" ;;
one) one "$@" ;;
sum) sum ;;
*) sed -n '4,21s/^# \{0,1\}//p' "$self" >&2; exit 64 ;;
esac
