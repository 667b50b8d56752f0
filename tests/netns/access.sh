#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# Who gets as far as a key manager: prefixes of the policy, cookies, the group
# that a request names, the default group, roles; and how a receiver leaves.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh

flooder=$B/test/netns/flooder

registered() { scene_ctl "$1" status | grep -qE ': (keyed|degraded: no-esp)$'; }
logged() { scene_log "$1" "$2" | grep -q .; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
value() { echo "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

# A counter from the status as JSON: host, object, name.
counter()
{
	scene_ctl "$1" --json status | sed -n "/^  \"$2\": {/,/^  }/p" |
	    sed -n "s/^    \"$3\": \([0-9]*\),\{0,1\}\$/\1/p"
}

# HOST SED-COMMAND...: another policy, as an operator would bring it in.
edit()
{
	edit_host=$1
	shift
	for e in "$@"; do
		sed -i "$e" "$SCENE/$edit_host/conf/mike.conf"
	done
}
reload() { kill "$(scene_pid "$1" policyd)"; }

# FROM TO GROUP-ID: an initiator for a second
ask() { on "$1" "$flooder" ask "$2" "$3" 1 1 "$4"; }

scene_net || exit 1
for h in hq r1; do
	scene_conf $h
done
edit hq "s|^    role .*|&\n    from = { \"10.77.0.0/28\", \"fd77::/64\" }|" \
    's|^    port .*|&\n    cookie-above = 0|'
ip -n stranger addr add 10.77.0.100/24 dev eth0
ok "hq starts" scene_mike hq start
ok "r1 starts" scene_mike r1 start
ok "r1 registers, with a cookie" wait_for 10 registered r1
ok "which hq asked for" test "$(counter hq cookies accepted)" -ge 1

# --- leaving -----------------------------------------------------------------

from=$(now_ms)
ok "r1 leaves" scene_ctl r1 leave "$GROUP"
ok "at once" test $(($(now_ms) - from)) -lt 2900
ok "hq knows" wait_for 2 logged hq 'member\.left.*CN=r1'
ok "r1 joins again" scene_ctl r1 join "$GROUP"
ok "and registers" wait_for 10 registered r1
ip -n wire link set p-r1 down
from=$(now_ms)
scene_ctl r1 leave "$GROUP" >"$T/leave" 2>&1 &
leave=$!
sleep 1
ok "while it cannot reach hq, r1 answers others" \
    sh -c "timeout 1 mikectl -r /run/mike/r1 status >/dev/null; [ \$? != 124 ]"
wait $leave
is "and leaves all the same" $? 0
ok "after 3 s or so" test $(($(now_ms) - from)) -lt 6500
is "nothing of it is left in the kernel" "$(scene_policies r1)" 0
ip -n wire link set p-r1 up
ok "r1 joins once more" scene_ctl r1 join "$GROUP"
ok "and registers again" wait_for 10 registered r1

# --- where from --------------------------------------------------------------

out=$(ask stranger "$(addr4 hq)" "$GROUP" "$(addr4 stranger)")
ok "who is in a prefix of the policy is answered" \
    test "$(value "$out" done)" -ge 1
out=$(ask stranger "$(addr4 hq)" "$GROUP" 10.77.0.100)
is "who is not is not" "$(value "$out" "done")$(value "$out" cookies)" 00
ok "and counted" test "$(counter hq drops no-rule)" -ge 1

# --- which group -------------------------------------------------------------

out=$(ask stranger "$(addr4 hq)" nobody "$(addr4 stranger)")
ok "a group that is not here: INVALID_GROUP_ID" \
    test "$(value "$out" refused)" -ge 1
ok "after a cookie" test "$(value "$out" cookies)" -ge 1
out=$(ask stranger "$(addr4 hq)" "" "$(addr4 stranger)")
is "who names no group gets nothing, not even a cookie" \
    "$(value "$out" "done")$(value "$out" cookies)" 00
ok "and is counted" test "$(counter hq routing_drops no-mike-group)" -ge 1
edit hq "s|^    port .*|&\n    default-group = \"$GROUP\"|"
reload hq
answered()
{
	out=$(ask stranger "$(addr4 hq)" "" "$(addr4 stranger)")
	[ "$(value "$out" "done")" -ge 1 ]
}
ok "with a default group the same is answered" wait_for 5 answered
out=$(ask hq "$(addr4 r1)" "$GROUP" "$(addr4 hq)")
ok "a receiver answers nobody, its own group or not" \
    test "$(value "$out" refused)" -ge 1
is "and asks for no cookie" "$(counter r1 cookies asked)" 0

# --- roles -------------------------------------------------------------------

edit r1 's|^    role .*|    role = sender|' \
    's|^    designated .*|    designated = { "r1" }|' \
    's|^    senders .*|    senders = { "CN=r1,O=Lab" }|'
reload r1
ok "another role by the policy: another key manager" \
    wait_for 5 logged r1 'km\.start.*role=sender'
ok "with keys of its own" wait_for 10 registered r1
like "as the status says" "$(scene_ctl r1 status)" "$GROUP \(sender, slot 0\)"
is "nothing else of all this has ended a daemon" \
    "$(for h in hq r1; do scene_log $h 'child\.died'; done |
    grep -cE 'name=(groupd|dispatcherd)')" 0
scene_down
finish
