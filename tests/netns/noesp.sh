#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# A kernel without ESP: the suite registers, says "degraded: no-esp" and what
# the kernel lacks, and lets nothing out in the clear.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh
lab_top=$PWD
. tests/lab/lab.sh
! lab_probe || skip_all "this kernel has AES-GCM ESP"

degraded() { [ "$(scene_field "$1" state)" = "degraded: no-esp" ]; }

scene_net || exit 1
for h in hq r1; do
	scene_conf $h
	ok "$h starts" scene_mike $h start
done
for h in hq r1; do
	ok "$h: degraded: no-esp" wait_for 15 degraded $h
	out=$(scene_ctl $h status)
	is "$h: mikectl's status says degraded (2)" $? 2
	like "$h: in words" "$out" 'degraded: no-esp'
	like "$h: names the missing options" "$out" \
	    'CONFIG_INET_ESP|CONFIG_INET6_ESP|CONFIG_CRYPTO_GCM'
	is "$h: the policies are there" \
	    "$(scene_policies $h)" 4
	like "$h: the log says it as an error" "$(scene_log $h)" \
	    'err: .*CONFIG_'
done
like "hq: a registration succeeded" "$(scene_ctl hq status)" \
    'registrations:.*ok [1-9]'

scene_capture "$T/cap"
for fam in 4 6; do
	eval "group=\$G$fam"
	on r1 "$mcast" count "$group" $PORT eth0 -t 1000 -w "$T/ready$fam" \
	    >"$T/count$fam" 2>&1 &
	eval "pid$fam=$!"
	wait_for 5 test -e "$T/ready$fam"
	on hq "$mcast" stream "$group" $PORT eth0 -n 20 -l 64 >/dev/null 2>&1
done
wait "$pid4"
wait "$pid6"
is "r1's application gets nothing, IPv4" "$(cut -c1-6 "$T/count4")" "got=0 "
is "r1's application gets nothing, IPv6" "$(cut -c1-6 "$T/count6")" "got=0 "
ok "the capture is complete" scene_captured "$T/cap"
printf '................' >"$T/dots"
ok "nothing of hq's application is on the wire" \
    "$capcheck" "$T/cap" "$T/dots"
scene_down
finish
