#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# The life of a group and of its key manager when what is around them changes
# or breaks: policy text, kernel policies, state file, database, daemons.  Runs
# on any kernel; without ESP the group is degraded, which is all the same here.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh

state() { scene_field hq state; }
settled() { case $(state) in keyed | "degraded: no-esp") true ;; *) false ;; esac; }
policies_are() { [ "$(scene_policies hq)" = "$1" ]; }
# DAEMON [OLD-PID]: it runs, and not as OLD-PID any more.
again() { p=$(scene_pid hq "$1") && [ -n "$p" ] && [ "$p" != "${2:-}" ]; }
# DAEMON: kill it and see it come back.
crash()
{
	old=$(scene_pid hq "$1")
	kill -KILL "$old"
	wait_for 8 again "$1" "$old"
}
lines() { scene_log hq "$1" | wc -l; }
more() { [ "$(lines "$1")" -gt "$2" ]; }
conf=$SCENE/hq/conf/mike.conf

scene_net || exit 1
scene_conf hq
ok "hq starts" scene_mike hq start
ok "the group settles" wait_for 15 settled

# --- what the processes were given -----------------------------------------

km=$(scene_pid hq keymgrd)
psk=$(cat "$SCENE/hq/conf/psk")
for d in mike-spawn policyd dispatcherd groupd keymgrd; do
	p=$(scene_pid hq $d)
	no "$d: no secret in arguments or environment" \
	    grep -qaF "$psk" "/proc/$p/cmdline" "/proc/$p/environ"
	[ $d = keymgrd ] || [ $d = mike-spawn ] ||
	    no "$d: has no state file" \
		sh -c "ls -l /proc/$p/fd | grep -q '/state/[0-9]'"
done
is "the key manager: its own state file and no other" \
    "$(ls -l "/proc/$km/fd" | grep -c '/state/')" 1
like "of its slot" "$(readlink "/proc/$km/fd/3")" '/state/00$'
no "sealed: the state file does not hold the group's id" \
    grep -qaF "$GROUP" /run/mike/hq/state/00

# --- kernel policies ---------------------------------------------------------

is "four policies" "$(scene_policies hq)" 4
on hq ip xfrm policy flush
is "somebody flushed them" "$(scene_policies hq)" 0
ok "dispatcherd is restarted" crash dispatcherd
ok "and closes the running group again" wait_for 8 policies_are 4

# --- the key manager ---------------------------------------------------------

n=$(lines 'state\.loaded')
for i in 1 2 3 4 5; do
	old=$(scene_pid hq keymgrd)
	kill -KILL "$old"
	wait_for 8 again keymgrd "$old"
done
ok "killed five times in a row, it loads its state" \
    wait_for 10 more 'state\.loaded' "$n"
ok "and settles" wait_for 10 settled
is "it never started without keys" "$(lines 'state\.lost')" 0
like "the restarts are counted" "$(scene_field hq restarts)" '^[5-9]$'

kill -STOP "$(scene_pid hq keymgrd)"
t0=$(date +%s%N)
scene_ctl hq status >/dev/null
ms=$((($(date +%s%N) - t0) / 1000000))
ok "a key manager that hangs costs the status a second ($ms ms)" \
    test $ms -lt 2500
kill -CONT "$(scene_pid hq keymgrd)"

# --- the policy text ---------------------------------------------------------

n=$(lines 'conf\.changed')
old=$(scene_pid hq keymgrd)
sed -i 's/lifetime .*/lifetime = 2h/' "$conf"
ok "policyd is restarted with another lifetime" crash policyd
ok "the key manager notices" wait_for 8 more 'conf\.changed' "$n"
ok "and is another one" wait_for 8 again keymgrd "$old"
ok "with keys" wait_for 10 settled
is "that were in its state" "$(lines 'state\.lost')" 0

cp "$conf" "$T/whole"
sed '/^group/,$d' "$T/whole" >"$conf"
ok "policyd is restarted without the group" crash policyd
down() { [ "$(state)" = down ]; }
ok "the group is down" wait_for 8 down
like "and the status says why" "$(scene_ctl hq status)" 'not in the policy'
is "it stays closed" "$(scene_policies hq)" 4
gone() { [ -z "$(scene_pid hq keymgrd)" ]; }
ok "its key manager has ended" wait_for 5 gone
cat "$T/whole" >"$conf"
ok "policyd is restarted with the group" crash policyd
ok "the group is there again" wait_for 15 settled

sed '/^group/,$d' "$T/whole" >"$conf"
ok "the text loses the group again" crash policyd
ok "which is down" wait_for 8 down
ok "an operator can open it all the same" scene_ctl hq leave $GROUP
is "the policies are gone" "$(scene_policies hq)" 0
like "nothing is left of it" "$(scene_ctl hq status)" 'no groups'
cat "$T/whole" >"$conf"
ok "policyd is restarted with the group" crash policyd
ok "it was a member and is closed" wait_for 8 policies_are 4
ok "and settles" wait_for 15 settled

# --- operators ---------------------------------------------------------------

ok "open" scene_ctl hq open
is "no policies" "$(scene_policies hq)" 0
is "left" "$(state)" left
like "the status says for how long" "$(scene_ctl hq status)" \
    'until the next start'
ok "groupd is restarted" crash groupd
ok "which closes the group" wait_for 8 policies_are 4
ok "and it settles" wait_for 15 settled
like "the log says who opened it" "$(scene_log hq)" \
    'groupd.* audit uid=0 gid=0 pid=[0-9]+ cmd=open'

kill -STOP "$(scene_pid hq dispatcherd)"
out=$(scene_ctl hq leave $GROUP 2>&1)
is "leave with a dispatcherd that hangs fails" $? 1
like "and says what it waits for" "$out" 'goes on: dispatcherd'
kill -CONT "$(scene_pid hq dispatcherd)"
left() { [ "$(state)" = left ]; }
ok "it goes on by itself" wait_for 8 left
is "the group is open" "$(scene_policies hq)" 0
ok "join" scene_ctl hq join $GROUP
is "closed when join returns" "$(scene_policies hq)" 4
ok "and settles" wait_for 15 settled

# --- the state file ----------------------------------------------------------

ok "hq stops" scene_mike hq stop
f=/run/mike/hq/state/00
# One octet in the middle of the data, whose end is a record's tag.
size=$(stat -c %s $f)
printf '\377' | dd of=$f bs=1 seek=$((size / 2)) conv=notrunc status=none
ok "hq starts on a state that somebody wrote into" scene_mike hq start
ok "it says so" wait_for 8 more 'state\.lost' 0
ok "and settles with new keys" wait_for 15 settled
scene_down
finish
