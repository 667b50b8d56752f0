# SPDX-License-Identifier: ISC
# seconds: 14
# The main thing: a file by multicast through kernel ESP, IPv4 and IPv6, and
# nothing of it on the wire.

. tests/lib/tap.sh
. tests/lab/scene.sh

sum() { sha256sum "$1" | cut -d' ' -f1; }

ok "the suite starts on hq, r1 and r2" scene_up
ok "r1 has keys" scene_keyed r1
ok "r2 has keys" scene_keyed r2
head -c 1048576 /dev/urandom >"$T/file"
n=$(((1048576 + 1199) / 1200))

for fam in 4 6; do
	eval "group=\$G$fam"
	scene_capture "$T/cap$fam"
	for h in r1 r2 stranger; do
		on $h "$mcast" recv "$T/got-$h" "$group" $PORT eth0 \
		    -w "$T/ready-$h-$fam" >"$T/recv-$h" 2>&1 &
		eval "pid_$h=$!"
		wait_for 5 test -e "$T/ready-$h-$fam"
	done
	ok "IPv$fam: hq sends 1 MiB" on hq "$mcast" send "$T/file" "$group" \
	    $PORT eth0 -s "$(addr$fam hq)"
	wait "$pid_r1"
	wait "$pid_r2"
	for h in r1 r2; do
		is "IPv$fam: $h has the same SHA-256" "$(sum "$T/got-$h")" \
		    "$(sum "$T/file")"
		diag "$h: $(cat "$T/recv-$h")"
	done
	kill "$pid_stranger" 2>/dev/null
	wait "$pid_stranger" 2>/dev/null
	no "IPv$fam: the stranger, who joined the group too, has nothing" \
	    test -e "$T/got-stranger"
	ok "IPv$fam: the capture missed nothing" scene_captured "$T/cap$fam"
	out=$("$capcheck" "$T/cap$fam" "$T/file")
	is "IPv$fam: the capture is clean" $? 0
	diag "$out"
	like "IPv$fam: as many ESP packets as were sent" "$out" " esp=$n "
	is "IPv$fam: under one SPI" "$(echo "$out" | grep -c '^spi=')" 1
	like "IPv$fam: towards the group" "$out" "dst=$group packets=$n\$"
	rm -f "$T"/got-*
done
is "hq's status counts them all" "$(scene_field hq packets_protected)" \
    $((2 * n))
is "and r1's" "$(scene_field r1 packets_protected)" $((2 * n))

# What was recorded, sent once more: the replay window knows it.
is "a replay by the stranger brings r1 nothing" \
    "$(scene_hears r1 $G4 on stranger "$frames" replay eth0 "$T/cap4")" 0
like "r1's status says why, $n times" "$(scene_ctl r1 status)" \
    "InStateSeqError $n"
finish
