# SPDX-License-Identifier: ISC
# seconds: 24
# Receivers behind a multicast router and a snooping switch.

. tests/lib/tap.sh
. tests/lab/route.sh

scene_net || exit 1
ok "the router forwards IPv4 multicast" route_multicast 4
route_multicast 6
six=$?
fams=4
if [ $six = 0 ]; then
	fams="4 6"
else
	is "or its kernel has no IPv6 multicast routing" $six 77
fi

# The network by itself, or what is not heard below would mean nothing.
: >"$T/none"
for fam in $fams; do
	is "IPv$fam without the suite: hop limit 8 reaches wire B" \
	    "$(scene_heard $fam 8 ra r1)" "ra=50 r1=50 "
	is "IPv$fam without the suite: hop limit 1 does not" \
	    "$(scene_heard $fam 1 ra r1)" "ra=50 r1=0 "
done

for h in hq ra r1; do
	scene_conf $h
done
SCENE_FIRST=6 scene_conf r2
route_capture
pids=
for h in hq ra r1 r2; do
	scene_mike $h start >"$T/start-$h" 2>&1 &
	pids="$pids $!"
done
for p in $pids; do
	wait "$p" || diag "$(cat "$T"/start-*)"
done
ok "ra registers, on hq's wire" scene_keyed ra
ok "r1 registers through the router, over IPv4" scene_keyed r1
ok "r2 registers through the router, over IPv6" scene_keyed r2
ok "the capture is complete" route_captured
like "only IKE and housekeeping passed the router" \
    "$("$capcheck" "$T/routed" "$T/none")" '^ike=[0-9]+ esp=0 .* other=0 '
ike() { tcpdump -nr "$T/routed" "$1 and udp port 848" 2>/dev/null | wc -l; }
ok "r1's exchanges as IPv4, r2's as IPv6" [ "$(ike ip)" -ge 4 -a \
    "$(ike ip6)" -ge 4 ]

# A file: what the router passes on, what a port without a member sees.
head -c 120000 /dev/urandom >"$T/file"
for fam in $fams; do
	eval "group=\$G$fam"
	route_capture
	scene_capture "$T/idle" idle eth0
	for h in r1 r2; do
		on $h "$mcast" recv "$T/got-$h" "$group" $PORT eth0 \
		    -w "$T/ready-$h$fam" >"$T/recv-$h" 2>&1 &
		eval "pid_$h=$!"
		wait_for 5 test -e "$T/ready-$h$fam"
	done
	ok "IPv$fam: hq sends a file" on hq "$mcast" send "$T/file" "$group" \
	    $PORT eth0 -s "$(addr$fam hq)"
	wait "$pid_r1" && wait "$pid_r2"
	ok "IPv$fam: r1 decrypts it" cmp "$T/file" "$T/got-r1"
	ok "IPv$fam: r2 decrypts it" cmp "$T/file" "$T/got-r2"
	ok "IPv$fam: the captures are complete" eval \
	    'route_captured && scene_captured "$T/idle"'
	check=$("$capcheck" "$T/routed" "$T/file")
	is "IPv$fam: the router passed on nothing in the clear" $? 0
	like "IPv$fam: but the file's 100 datagrams as ESP" "$check" ' esp=100 '
	check=$("$capcheck" "$T/idle" "$T/file")
	like "IPv$fam: a port without a member gets none of it" "$check" \
	    ' esp=0 .* other=0 .* runs=0$'
	rm -f "$T"/got-*
	is "IPv$fam: hop limit 1, as the application wants, ends at the router" \
	    "$(scene_heard $fam 1 ra r1)" "ra=50 r1=0 "
	is "IPv$fam: hop limit 8 reaches all" "$(scene_heard $fam 8 ra r1 r2)" \
	    "ra=50 r1=50 r2=50 "
done
# The control: a switch that does not snoop shows the idle port everything.
ip -n wire link set br8 type bridge mcast_snooping 0
scene_capture "$T/idle" idle eth0
is "without snooping: r1 hears as before" "$(scene_heard 4 8 r1)" "r1=50 "
scene_captured "$T/idle" >/dev/null
like "and so does the idle port, as ESP" "$("$capcheck" "$T/idle" "$T/none")" \
    ' esp=50 .* other=0 '
[ $six = 0 ] || skip "IPv6 multicast through the router" \
    "$(cat "$T/mroute6.out")"

# The router is no part of it.
is "the router has no SA" "$(on router ip xfrm state | wc -l)" 0
is "and no policy" "$(on router ip xfrm policy | wc -l)" 0

# Receivers that die and come back while a stream runs.
scene_count r2 $G4
on hq "$mcast" stream $G4 $PORT eth0 -r 200 -l 400 -n 100000 -S "$T/stop" \
    >"$T/stream" 2>&1 &
stream=$!
old=$(scene_pid r2 keymgrd)
# shellcheck disable=SC2086
ok "kill -9 of all of r2's daemons" kill -KILL $old $(scene_pid r2 dispatcherd) \
    $(scene_pid r2 groupd) $(scene_pid r2 policyd)
fresh() { n=$(scene_pid r2 keymgrd) && [ -n "$n" ] && [ "$n" != "$old" ]; }
ok "they come back" wait_for 10 fresh
ok "r2 has its keys" scene_keyed r2
ok "r1 leaves" scene_ctl r1 leave $GROUP
ok "r1 joins again" scene_ctl r1 join $GROUP
ok "and registers through the router" scene_keyed r1
scene_count r1 $G4
sleep 0.5
touch "$T/stop"
wait $stream
sent=$(sed -n 's/^sent=//p' "$T/stream")
sleep 0.3
is "r2 lost nothing of the stream meanwhile" "$(scene_counted r2)" "r2=$sent "
like "r1 decrypts it again" "$(scene_counted r1)" '^r1=[1-9][0-9]* $'
finish
