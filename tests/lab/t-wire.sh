# SPDX-License-Identifier: ISC
# seconds: 10
# The laboratory itself: does the wire carry, does the tool see, without the
# suite?  Whatever another test concludes from silence rests on this one.

. tests/lib/tap.sh
. tests/lab/scene.sh
scene_net || exit 1

head -c 200000 /dev/urandom >"$T/file"
for fam in 4 6; do
	eval "group=\$G$fam"
	scene_capture "$T/cap$fam"
	for h in r1 stranger; do
		on $h "$mcast" recv "$T/got-$h" "$group" $PORT eth0 \
		    -w "$T/ready$fam-$h" >"$T/recv-$h" 2>&1 &
		eval "pid_$h=$!"
		wait_for 5 test -e "$T/ready$fam-$h"
	done
	ok "IPv$fam: a file is sent in the clear" \
	    on hq "$mcast" send "$T/file" "$group" $PORT eth0 \
	    -s "$(addr$fam hq)"
	wait "$pid_r1" && wait "$pid_stranger"
	ok "IPv$fam: it arrives at r1" cmp "$T/file" "$T/got-r1"
	ok "IPv$fam: it arrives at the stranger" cmp "$T/file" "$T/got-stranger"
	ok "IPv$fam: the capture missed nothing" scene_captured "$T/cap$fam"
	out=$("$capcheck" "$T/cap$fam" "$T/file")
	is "IPv$fam: the capture checker complains" $? 1
	like "IPv$fam: it sees every datagram as other" "$out" 'other=167 '
	like "IPv$fam: it finds the file" "$out" 'runs=[1-9]'
	on r1 "$mcast" count "$group" $PORT eth0 -t 1500 -w "$T/r$fam" \
	    >"$T/count" 2>&1 &
	pid=$!
	wait_for 5 test -e "$T/r$fam"
	ok "IPv$fam: the stranger sends under hq's address" \
	    on stranger "$frames" spoof eth0 "$(addr$fam hq)" "$group" $PORT 5
	wait $pid
	like "IPv$fam: which reaches an unprotected application" \
	    "$(cat "$T/count")" '^got=5 '
done
finish
