#!/bin/sh
# SPDX-License-Identifier: ISC
# A daemon that cannot apply its sandbox does not start.  deny.c
# answers one system call as a kernel without it would.

[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"
. tests/lib/tap.sh
. tests/lib/probe.sh
deny=$B/test/sandbox/deny
out=/run/refuse.out

# What mike-spawn made stays when it is killed; the daemons die with it.
leave_directories()
{
	probe_start
	wait_for 10 join || return 1
	kill -KILL "$spawn_pid"
	wait "$spawn_pid" 2>/dev/null
	wait_for 5 nobody_left
}

# start DAEMON CALL ERRNO [OPTION...]: for one second, as mike-spawn does it.
# Sets rc: 124 when it lives.
start()
{
	daemon=$1 call=$2 err=$3
	shift 3
	set -- "$lib/$daemon" -r "$run" -d "$@"
	case $daemon in
	keymgrd) set -- "$@" -n 0 ;;
	*) set -- "$@" -c "$conf" -s "$state" ;;
	esac
	case $daemon in
	groupd) how=-c ;;
	keymgrd) how="-f $run/state/00" ;;
	*) how= ;;
	esac
	timeout 1 "$deny" $how "$call" "$err" "$@" >$out 2>&1
	rc=$?
}

# refuses NAME ERE: did not start, and says why
refuses()
{
	if [ $rc = 1 ] && grep -Eq "$2" $out; then
		tap_pass "$1"
	else
		tap_fail "$1"
		diag "status $rc; wanted 1 and a line that matches $2"
		diag "$(cat $out)"
	fi
}

lives()
{
	is "$1" $rc 124 || diag "$(cat $out)"
}

probe_host || { echo "Bail out! no network or policy"; exit 1; }
ok "the suite starts" leave_directories || show_log

for d in policyd dispatcherd groupd keymgrd; do
	start $d none -
	lives "$d: starts on this kernel"
	start $d landlock_create_ruleset ENOSYS
	lives "$d: without Landlock goes on"
	like "$d: ... and says so" "$(cat $out)" 'sandbox\.landlock unavailable'
	start $d landlock_create_ruleset ENOSYS -S
	refuses "$d: without Landlock and with -S refuses" 'sandbox\.landlock'
	start $d landlock_restrict_self EPERM
	refuses "$d: when Landlock does not take hold refuses" \
	    'sandbox\.landlock'
	start $d seccomp EINVAL
	refuses "$d: without seccomp filters refuses" 'sandbox\.seccomp'
	start $d capset EPERM
	refuses "$d: when capabilities cannot be dropped refuses" 'proc\.drop'
done

# mike-spawn itself.
spawn()
{
	timeout 1 "$deny" "$1" "$2" mike-spawn -c "$conf" -r "$run" \
	    -s "$state" -b "$lib" $3 >$out 2>&1
	rc=$?
}
spawn none - -S
lives "mike-spawn: starts on this kernel"
spawn landlock_create_ruleset ENOSYS ""
lives "mike-spawn: without Landlock goes on"
spawn landlock_create_ruleset ENOSYS -S
refuses "mike-spawn: without Landlock and with -S refuses" 'guard\.landlock'
spawn prctl EINVAL ""
refuses "mike-spawn: without seccomp refuses" 'guard\.'
spawn capset EPERM ""
refuses "mike-spawn: when capabilities cannot be dropped refuses" 'guard\.caps'

finish
