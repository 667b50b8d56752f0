# SPDX-License-Identifier: ISC
# seconds: 24
# Fail-closed: without a key nothing of a group goes in or out in the clear,
# in whatever state the suite is.

. tests/lib/tap.sh
. tests/lab/scene.sh

clear_in() # HOST FAMILY SOURCE: of five clear datagrams of the stranger's
{
	eval "group=\$G$2"
	scene_hears "$1" "$group" on stranger "$frames" spoof eth0 "$3" \
	    "$group" $PORT 5
}

# Nothing but housekeeping and IKE on the wire while an application on HOST
# sends to the group; $2: how many ESP packets are right.
clear_out() # HOST ESP-PACKETS
{
	scene_capture "$T/out"
	for fam in 4 6; do
		eval "group=\$G$fam"
		on "$1" "$mcast" stream "$group" $PORT eth0 -n 5 -l 200 \
		    >"$T/stream" 2>&1
	done
	scene_captured "$T/out" >/dev/null || return 1
	head -c 64 /dev/zero | tr '\0' . >"$T/dots"
	"$capcheck" "$T/out" "$T/dots" >"$T/check" ||
	    { cat "$T/check"; return 1; }
	grep -q " esp=$2 " "$T/check" || { cat "$T/check"; return 1; }
}

all_closed() # WHEN
{
	for fam in 4 6; do
		is "$1: r1 gets nothing of the stranger's, IPv$fam" \
		    "$(clear_in r1 $fam "$(addr$fam stranger)")" 0
		is "$1: nor under hq's address, IPv$fam" \
		    "$(clear_in r1 $fam "$(addr$fam hq)")" 0
	done
}

scene_net || exit 1
for h in hq r1 r2; do
	scene_conf $h
done

# A receiver whose key server does not answer.
ok "r1 starts alone" scene_mike r1 start
is "without keys: policies in and out for both addresses" "$(scene_policies r1)" 4
asks() { [ "$(scene_field r1 state)" = registering ]; }
ok "without keys: the state says so" wait_for 10 asks
all_closed "without keys"
ok "without keys: r1's applications send nothing" clear_out r1 0

ok "hq starts" scene_mike hq start
ok "r1 gets its keys" scene_keyed r1 20
all_closed "with keys"
ok "with keys: a receiver's applications still send nothing" clear_out r1 0
ok "with keys: what hq sends is ESP" clear_out hq 10

for d in policyd dispatcherd groupd keymgrd mike-spawn; do
	for p in $(scene_pid r1 $d); do
		kill -KILL "$p"
	done
done
sleep 0.3
is "all of r1 killed: its policies stay" "$(scene_policies r1)" 4
all_closed "all killed"

ok "hq stops" scene_mike hq stop
is "stopped: hq's policies stay" "$(scene_policies hq)" 4
ok "stopped: what hq sends is ESP as before" clear_out hq 10
on hq ip xfrm state flush
ok "keys gone: hq's applications send nothing" clear_out hq 0
finish
