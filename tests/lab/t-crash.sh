# SPDX-License-Identifier: ISC
# seconds: 20
# Crash-only: kill -9 of every daemon of hq while a stream runs.

. tests/lib/tap.sh
. tests/lab/scene.sh

spis() # HOST
{
	on "$1" ip xfrm state | sed -nE 's/.*spi (0x[0-9a-f]+).*/\1/p' |
	    sort | tr '\n' ' '
}

# Every daemon of hq answers, the key manager has its keys.
healthy()
{
	scene_ctl hq status >/dev/null && scene_keyed hq 0
}

# DAEMON runs with a pid that is none of $old.
fresh()
{
	now=$(scene_pid hq "$1")
	[ -n "$now" ] || return 1
	case " $old " in
	*" $now "*) return 1 ;;
	esac
}

# kill -9 DAEMON..., then wait for their successors and until all are well.
crash()
{
	old=
	for d; do
		old="$old $(scene_pid hq "$d")"
	done
	# shellcheck disable=SC2086
	kill -KILL $old || return 1
	for d; do
		wait_for 20 fresh "$d" || { echo "no new $d"; return 1; }
	done
	wait_for 20 healthy
}

scene_up hq r1 || exit 1
scene_conf r2
ok "r1 has keys" scene_keyed r1
before=$(spis hq)

on r1 "$mcast" count $G4 $PORT eth0 -t 5000 -w "$T/ready" -S "$T/stop-count" \
    >"$T/count" 2>&1 &
count=$!
wait_for 5 test -e "$T/ready"
on hq "$mcast" stream $G4 $PORT eth0 -r 200 -l 400 -n 100000 -S "$T/stop" \
    >"$T/stream" 2>&1 &
stream=$!

for d in keymgrd dispatcherd policyd groupd; do
	ok "kill -9 $d: it comes back" crash $d
	is "kill -9 $d: the SPIs are the same" "$(spis hq)" "$before"
done
ok "kill -9 of all four at once: they come back" \
    crash keymgrd dispatcherd policyd groupd
is "kill -9 of all four: the SPIs are the same" "$(spis hq)" "$before"

# mike-spawn has no one above it under SysV: the operator starts it.
spawn=$(scene_pid hq mike-spawn)
kill -KILL "$spawn"
left() { scene_pid hq policyd; scene_pid hq groupd; scene_pid hq dispatcherd; }
gone() { [ -z "$(left)" ]; }
ok "kill -9 mike-spawn: no daemon outlives it" wait_for 5 gone
ok "it is started again" scene_mike hq start
ok "and hq has its keys" scene_keyed hq
is "the SPIs are the same" "$(spis hq)" "$before"

ok "a receiver that comes now" scene_mike r2 start
ok "registers" scene_keyed r2
on r2 "$mcast" count $G4 $PORT eth0 -t 1000 -w "$T/ready2" -S "$T/stop-count" \
    >"$T/count2" 2>&1 &
late=$!
wait_for 5 test -e "$T/ready2"
sleep 1
touch "$T/stop"
wait $stream
sleep 0.3
touch "$T/stop-count"
wait $count
wait $late
sent=$(sed -n 's/^sent=//p' "$T/stream")
diag "stream: sent $sent, r1: $(cat "$T/count"), r2: $(cat "$T/count2")"
like "r1 lost nothing" "$(cat "$T/count")" " lost=0 "
like "r1 has every datagram" "$(cat "$T/count")" "^got=$sent first=0 "
like "r2 decrypts the running stream" "$(cat "$T/count2")" '^got=[1-9]'
like "r2 lost nothing" "$(cat "$T/count2")" ' lost=0 '
is "r1 did not register again" "$(scene_log r1 'reg\.done' | wc -l)" 1
finish
