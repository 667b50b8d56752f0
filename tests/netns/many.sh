#!/bin/sh
# SPDX-License-Identifier: ISC
# All 64 slots in use: every group starts, is seen, survives, and is opened.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh

slots=64
conf=$SCENE/hq/conf/mike.conf
settled()
{
	[ "$(scene_ctl hq status | grep -cE ': (keyed|degraded: no-esp)$')" = \
	    $slots ]
}
policies() { on hq ip xfrm policy | grep -cE '^src (0.0.0.0/0|::/0) dst .* proto udp'; }
killed()
{
	for p in $(ip netns pids hq); do
		case $(readlink "/proc/$p/exe") in
		/usr/lib/mike/*) kill -KILL "$p" ;;
		esac
	done
}

scene_net || exit 1
scene_conf hq
sed '/^group/,$d' "$conf" >"$T/host"
sed -n '/^group/,$p' "$conf" >"$T/group"
{
	cat "$T/host"
	n=1
	while [ $n -le $slots ]; do
		sed "s/$GROUP/net-$n/g; s/$G4/239.192.11.$n/; s/$G6/$G6:$n/" \
		    "$T/group"
		n=$((n + 1))
	done
} >"$conf"
ok "hq starts with $slots groups" scene_mike hq start
is "each is closed, both ways, both families" "$(policies)" $((slots * 4))
ok "each gets keys" wait_for 30 settled
is "by a key manager of its own" \
    "$(scene_pid hq keymgrd | wc -l)" $slots
is "with a user of its own" "$(for p in $(scene_pid hq keymgrd); do
	stat -c %u "/proc/$p"; done | sort -u | wc -l)" $slots
ok "the status as JSON is whole" \
    sh -c "mikectl -r /run/mike/hq --json status | tail -n 1 | grep -qx '}'"

killed
sleep 0.5
ok "all daemons killed at once: they are back" wait_for 30 settled
is "with the keys that were sealed" "$(scene_log hq 'state\.lost' | wc -l)" 0
is "and the groups closed" "$(policies)" $((slots * 4))

ok "all can be opened at once" scene_ctl hq open
is "then nothing is closed" "$(policies)" 0
is "and no key manager runs" "$(scene_pid hq keymgrd | wc -l)" 0
scene_down
finish
