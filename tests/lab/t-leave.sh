# SPDX-License-Identifier: ISC
# seconds: 20
# What opens a group: leave, and stop --open.  Nothing else does.

. tests/lib/tap.sh
. tests/lab/scene.sh

states() { on "$1" ip xfrm state | grep -c '^src'; }

ok "the suite starts on hq, r1 and r2" scene_up
ok "r1 and r2 have keys" eval "scene_keyed r1 && scene_keyed r2"
is "four policies at r1" "$(scene_policies r1)" 4
is "two SAs at r1" "$(states r1)" 2

ok "r1: mikectl leave" scene_ctl r1 leave $GROUP
is "leave removes the policies" "$(scene_policies r1)" 0
is "and the SAs" "$(states r1)" 0
like "the status shows it" "$(scene_field r1 state)" left
is "the key manager is gone" "$(scene_pid r1 keymgrd)" ""
like "its sealed state too" "$(wc -c </run/mike/r1/state/00)" '^ *0$'

ok "r1 stops and starts" eval "scene_mike r1 stop && scene_mike r1 start"
sleep 0.5
is "who left stays out after a restart" "$(scene_policies r1)" 0
ok "r1: mikectl join" scene_ctl r1 join $GROUP
ok "r1 has keys again" scene_keyed r1
is "and policies" "$(scene_policies r1)" 4

out=$(scene_mike r2 stop)
is "stop keeps the policies" "$(scene_policies r2)" 4
is "and the SAs" "$(states r2)" 2
like "and says so" "$out" 'policies and SAs stay'
out=$(scene_mike r2 stop --open 2>&1)
is "stop --open of a stopped suite is refused" $? 1
like "with what to do" "$out" 'start it first'
ok "r2 starts" scene_mike r2 start
ok "r2 has keys" scene_keyed r2
is "with one registration only: the keys were in the sealed state" \
    "$(scene_log r2 'reg\.done' | wc -l)" 1
out=$(scene_mike r2 stop --open)
is "stop --open succeeds" $? 0
is "removes the policies" "$(scene_policies r2)" 0
is "and the SAs" "$(states r2)" 0
like "and says what that means" "$out" 'OPEN'
is "nothing runs any more" "$(ip netns pids r2)" ""
ok "r2 starts again" scene_mike r2 start
ok "as a member" scene_keyed r2
is "and closed" "$(scene_policies r2)" 4

out=$(ip netns exec r2 setpriv --reuid=65534 --regid=65534 --clear-groups \
    mikectl -r /run/mike/r2 leave $GROUP 2>&1)
is "nobody else may leave for us" "$?" 1
like "nor talk to groupd" "$out" '(root|Permission)'
is "the policies are there" "$(scene_policies r2)" 4
finish
