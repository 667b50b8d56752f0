#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Test Anything Protocol for shell tests.
#
#   . tests/lib/tap.sh
#   ok "name" command arg...	passes when the command succeeds; what it
#				printed is shown when it does not
#   no "name" command arg...	passes when it fails
#   is "name" GOT WANT		passes when both are the same text
#   like "name" TEXT ERE	passes when a line of TEXT matches
#   skip "name" "why"		counts as skipped
#   skip_all "why"		before any test: skip the whole script
#   diag text...		a remark in the output
#   wait_for SECONDS command	poll every 0.1 s; 1 when it never succeeded
#   finish			prints the plan and exits

tap_n=0
tap_failed=0

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

tap_pass()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

tap_fail()
{
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $1"
}

ok()
{
	tap_name=$1
	shift
	tap_rc=0
	tap_out=$("$@" 2>&1) || tap_rc=$?
	if [ "$tap_rc" = 0 ]; then
		tap_pass "$tap_name"
		return 0
	fi
	tap_fail "$tap_name"
	diag "status $tap_rc from: $*"
	[ -z "$tap_out" ] || diag "$tap_out"
	return 1
}

no()
{
	tap_name=$1
	shift
	if tap_out=$("$@" 2>&1); then
		tap_fail "$tap_name"
		diag "succeeded but must not: $*"
		[ -z "$tap_out" ] || diag "$tap_out"
		return 1
	fi
	tap_pass "$tap_name"
}

is()
{
	if [ "$2" = "$3" ]; then
		tap_pass "$1"
		return 0
	fi
	tap_fail "$1"
	diag "got:    $2"
	diag "wanted: $3"
	return 1
}

like()
{
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		tap_pass "$1"
		return 0
	fi
	tap_fail "$1"
	diag "no line matches: $3"
	diag "$2"
	return 1
}

skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

wait_for()
{
	tap_left=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tap_left=$((tap_left - 1))
		[ "$tap_left" -gt 0 ] || return 1
		sleep 0.1
	done
}

finish()
{
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ]
	exit
}
