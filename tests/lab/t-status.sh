# SPDX-License-Identifier: ISC
# seconds: 11
# What an operator sees: tables, JSON, the init script's answers.

. tests/lib/tap.sh
. tests/lab/scene.sh

scene_net || exit 1
scene_conf hq
out=$(scene_mike hq status)
is "status before the start: not running (3)" $? 3
like "in words" "$out" 'does not run'
ok "start" scene_mike hq start
ok "hq has keys" scene_keyed hq 5
out=$(scene_mike hq start)
is "a second start is no error" $? 0
like "and says so" "$out" 'runs already'
out=$(scene_mike hq status)
is "status of the running suite" $? 0
scene_conf r1
ok "r1 starts" scene_mike r1 start
ok "r1 has keys" scene_keyed r1
# The kernel delivers, and so decrypts, for who has joined.
is "r1's application hears hq's" "$(scene_hears r1 $G4 \
    on hq "$mcast" stream $G4 $PORT eth0 -n 25 -l 100)" 25

t=$(scene_ctl hq status)
diag "$t"
like "table: who we are" "$t" '^host +(CN=hq,O=Lab|O=Lab,CN=hq)'
like "table: all daemons up" "$t" \
    'policyd up, dispatcherd up|dispatcherd up, policyd up'
no "table: none down" sh -c "echo '$t' | grep DOWN"
like "table: the group" "$t" "^group +$GROUP \\(sender, slot 0\\): keyed"
like "table: the key's age and what is left" "$t" 'keys .*age [0-9]+.*left'
like "table: an SA with its packets" "$t" \
    "^ +0x[0-9a-f]{8} out +10.77.0.1 +$G4 +25 "
like "table: the IPv6 SA" "$t" "0x[0-9a-f]{8} out +fd77::1 +$G6 +0 "
like "table: registrations by outcome" "$t" 'registrations: .*ok 1'
t=$(scene_ctl r1 status)
diag "$t"
like "r1: receiver, keyed" "$t" "$GROUP \\(receiver, slot 0\\): keyed"
like "r1: keys by hq" "$t" 'keys by hq'
like "r1: what came in" "$t" " in +10.77.0.1 +$G4 +25 "

is "JSON: state" "$(scene_field hq state)" keyed
is "JSON: role" "$(scene_field hq role)" sender
is "JSON: packets" "$(scene_field hq packets_protected)" 25
is "JSON: gcks at r1" "$(scene_field r1 gcks)" hq
like "JSON: SPI" "$(scene_field r1 spi)" '^0x[0-9a-f]{8}$'
is "JSON: the same SPI at hq" "$(scene_field hq spi)" "$(scene_field r1 spi)"

# The kernel's count of what was dropped, by its own name.
is "clear datagrams are dropped" "$(scene_hears r1 $G4 \
    on stranger "$frames" spoof eth0 10.77.0.9 $G4 $PORT 3)" 0
like "drops by cause" "$(scene_ctl r1 status)" 'InNoPols|InTmplMismatch'

# Errors of an operator are answered with what to do.
out=$(scene_mike hq stop; mikectl -r /run/mike/hq status 2>&1)
like "mikectl without a suite" "$out" 'is the suite running'
echo 'host { nonsense = 1 }' >"$SCENE/hq/conf/mike.conf"
out=$(scene_mike hq start 2>&1)
is "a bad policy does not start" $? 1
like "and is shown with its line" "$out" 'mike.conf:1: '
rm "$SCENE/hq/conf/mike.conf"
out=$(scene_mike hq start 2>&1)
like "no policy: where to write it" "$out" 'no policy: write .*/mike.conf'
finish
