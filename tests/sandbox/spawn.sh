#!/bin/sh
# SPDX-License-Identifier: ISC
# mike-spawn keeps capabilities: what it may not do with them.

[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"
. tests/lib/tap.sh
. tests/lib/probe.sh

gone()
{
	! kill -0 "$spawn_pid" 2>/dev/null
}

probe_host || { echo "Bail out! no network or policy"; exit 1; }
must_live mike-spawn

for act in inet packet ptrace mount setuid; do
	probe_start mike-spawn $act
	if ! wait_for 10 reached; then
		tap_fail "mike-spawn: the act \"$act\" is committed"
		show_log
	fi
	wait_for 5 gone
	probe_stop
	is "mike-spawn: \"$act\" ends it by SIGSYS" $spawn_rc $((128 + 31)) ||
	    show_log
done

# Landlock alone: a program that is none of the suite's.
probe_start mike-spawn exec
wait_for 10 reached
sleep 0.5
if grep -q 'guard\.landlock: this kernel has none' "$plog"; then
	skip "mike-spawn: executes nothing but its daemons" \
	    "this kernel has no Landlock"
else
	like "mike-spawn: executes nothing but its daemons (EACCES)" \
	    "$(cat "$plog")" '^probe: act=exec .* survived=13$'
fi
probe_stop

finish
