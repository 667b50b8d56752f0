#!/bin/sh
# SPDX-License-Identifier: ISC
# What `make demo` shows, inside the lab's kernel.  Each claim is measured;
# the first that does not hold ends the story with exit 1.  /run/out is a
# directory of the host: logs go there on failure, figures to summary.  What
# runs at the end is ended with the root that we are in.
# SCENE_AUTH says whether certificates or a PSK tell who is who.

. tests/lib/tap.sh
. tests/lab/scene.sh

outsiders=stranger
[ "$SCENE_AUTH" = psk ] || outsiders="stranger mallory guest"

step=0
title()
{
	step=$((step + 1))
	printf '\n%d. %s\n' $step "$*"
}

say()
{
	echo "   $*" | fold -s -w 76 | sed 's/ *$//;2,$s/^/   /'
}

broken()
{
	printf '\n   THIS DID NOT HOLD: %s\n' "$*"
	cp /var/log/mike-*.log "$T"/cap* "$T"/*.out /run/out/ 2>/dev/null
	for h in $SCENE_HOSTS; do
		{
			echo "== $h"
			scene_ctl $h status
			on $h ip xfrm policy
			on $h ip -s xfrm state | sed 's/0x[0-9a-f]\{72\}/(key)/'
			on $h cat /proc/net/xfrm_stat
		} >/run/out/state-$h 2>&1
	done
	exit 1
}

# need SENTENCE COMMAND...: it succeeds, or the story ends.
need()
{
	need_what=$1
	shift
	"$@" >"$T/need" 2>&1 || { sed 's/^/   | /' "$T/need"; broken "$need_what"; }
}

figure() # NAME: from the last output of capcheck
{
	echo "$check" | sed -n "s/.*[ ^]$1=\\([0-9]*\\).*/\\1/p;s/^$1=\\([0-9]*\\).*/\\1/p" |
	    head -n 1
}

spoof() # FAMILY HOST: five clear datagrams by the stranger as HOST
{
	eval "spoof_group=\$G$1"
	on stranger "$frames" spoof eth0 "$(addr$1 "$2")" "$spoof_group" \
	    $PORT 5
}

register() # HOST COMMAND...: which makes it register; sets check
{
	register_host=$1
	shift
	scene_capture "$T/cap-$register_host"
	need "$*" "$@"
	set -- "$register_host"
	need "$1 gets keys from hq" scene_keyed "$1" 20
	need "the capture is complete" scene_captured "$T/cap-$1"
	check=$("$capcheck" "$T/cap-$1" "$T/none") ||
	    broken "only IKE and housekeeping on the wire: $check"
	say "$1 registered with hq in $(figure ike-ms) ms: $(figure ike)" \
	    "datagrams, $(figure ike-octets) octets."
}

transfer() # FAMILY
{
	eval "group=\$G$1"
	for h in $outsiders; do
		scene_count $h "$group"
	done
	scene_capture "$T/cap-file$1"
	for h in r1 r2; do
		on $h "$mcast" recv "$T/got-$h" "$group" $PORT eth0 \
		    -w "$T/ready-$h$1" >"$T/recv-$h.out" 2>&1 &
		eval "pid_$h=$!"
	done
	for h in r1 r2; do
		wait_for 5 test -e "$T/ready-$h$1"
	done
	need "hq sends the file" on hq "$mcast" send "$T/file" "$group" $PORT \
	    eth0 -s "$(addr$1 hq)"
	wait "$pid_r1" || broken "r1 gets the whole file: $(cat "$T/recv-r1.out")"
	wait "$pid_r2" || broken "r2 gets the whole file: $(cat "$T/recv-r2.out")"
	need "the capture is complete" scene_captured "$T/cap-file$1"
	for h in r1 r2; do
		[ "$(sha256sum <"$T/got-$h")" = "$sha" ] ||
		    broken "$h's copy has the same SHA-256"
	done
	# shellcheck disable=SC2086
	n=$(scene_counted $outsiders)
	[ "$n" = "$(printf '%s=0 ' $outsiders)" ] ||
	    broken "the others get nothing: $n"
	check=$("$capcheck" "$T/cap-file$1" "$T/file") ||
	    broken "the wire is clean: $check"
	[ "$(figure esp)" = $chunks ] ||
	    broken "$chunks datagrams are $chunks ESP packets: $check"
	say "to $group: $chunks datagrams. r1 and r2 have the file, SHA-256" \
	    "equal ($(echo "$sha" | cut -c1-16)...). The wire carried" \
	    "$(figure esp) ESP packets, $(figure other) clear packets and" \
	    "$(figure runs) runs of 16 octets of the file."
	rm -f "$T"/got-*
}

# What one says of itself or of another, as a quotation.
quote() # WHOSE TEXT
{
	echo "$2" | fold -s -w $((74 - ${#1})) |
	    sed "s/ *\$//;1s/^/   $1| /;2,\$s/^/   $1|    /"
}

refusal() # NAME: hq's log of the first refusal, without time and process
{
	scene_log hq "member\.refused .*CN=$1," | head -n 1 |
	    sed 's/.*warn: //'
}

counter() # NAME: of hq's registrations
{
	scene_ctl hq status | sed -n "s/.*registrations:.* $1 \([0-9]*\).*/\1/p"
}

# Two run the suite, ask hq and are told no.
turned_away() # HOST WHY
{
	sees() { scene_ctl "$1" status | grep -q "why .*$2"; }
	need "$1 is told: $2" wait_for 20 sees "$1" "$2"
	log=$(refusal "$1")
	[ -n "$log" ] || broken "hq's log tells of $1"
	quote hq "$log"
	quote "$1" "$(scene_ctl "$1" status | sed -n 's/^ *why */why: /p')"
	[ "$(scene_field "$1" state)" = registering ] &&
	    [ -z "$(on "$1" ip xfrm state)" ] || broken "$1 has no SA"
}

spis() { on "$1" ip xfrm state | sed -nE 's/.*spi (0x[0-9a-f]+).*/\1/p' | sort; }

crash() # DAEMON...
{
	old=
	for d; do
		old="$old $(scene_pid hq "$d")"
	done
	# shellcheck disable=SC2086
	need "kill -9 $*" kill -KILL $old
	for d; do
		fresh() { n=$(scene_pid hq "$d") && [ -n "$n" ] &&
		    case " $old " in *" $n "*) false ;; esac; }
		need "mike-spawn starts $d again" wait_for 10 fresh
	done
	need "hq has its keys after kill -9 $*" scene_keyed hq 20
	[ "$(spis hq)" = "$before" ] || broken "the SPIs stay: $(spis hq)"
}

# --- the story ---------------------------------------------------------------

if [ "$SCENE_AUTH" = psk ]; then
	title "Four hosts on one wire, each in a network namespace of its own"
else
	title "Six hosts on one wire, each in a network namespace of its own"
fi
scene_net || broken "the namespaces can be made"
: >"$T/none"
for h in $SCENE_HOSTS; do
	[ $h = stranger ] || scene_conf $h
done
say "hq, r1 and r2 each run the installed suite: policyd, dispatcherd, groupd" \
    "and one keymgrd per group, started by the SysV script through mike-spawn."
say "hq sends to the group \"$GROUP\" ($G4 and $G6) and hands out its keys;" \
    "r1 and r2 may receive; stranger is on the same wire and may not."
[ "$SCENE_AUTH" = psk ] || say "Certificates tell who is who: hq, r1, r2 and" \
    "guest have one of the authority that hq trusts, mallory one of" \
    "another. hq's policy admits the receivers named CN=r*,O=Lab."

title "No key, no traffic: r1 starts while hq is still down"
need "r1 starts" scene_mike r1 start
scene_capture "$T/cap-closed"
for f in 4 6; do
	eval "g=\$G$f"
	on r1 "$mcast" stream "$g" $PORT eth0 -n 5 -l 200 >/dev/null 2>&1
done
need "the capture is complete" scene_captured "$T/cap-closed"
check=$("$capcheck" "$T/cap-closed" "$T/none") ||
    broken "nothing leaves r1 in the clear: $check"
[ "$(figure esp)" = 0 ] || broken "nothing leaves r1: $check"
say "An application on r1 sent 10 datagrams to the group: 0 reached the wire."
for who in stranger hq; do
	n=$(scene_hears r1 $G4 spoof 4 $who)$(scene_hears r1 $G6 spoof 6 $who)
	[ "$n" = 00 ] || broken "r1's application got $n clear datagrams"
done
say "The stranger sent 20 clear datagrams to the group, half of them under" \
    "hq's address: 0 reached the application on r1."

title "hq starts; the receivers register (G-IKEv2, RFC 9838)"
need "hq starts" scene_mike hq start
need "hq has keys" scene_keyed hq 10
# What r1 has asked in vain meanwhile would not show how long it takes.
need "r1 leaves" scene_ctl r1 leave $GROUP
register r1 scene_ctl r1 join $GROUP
reg_ms=$(figure ike-ms)
register r2 scene_mike r2 start

if [ "$SCENE_AUTH" = cert ]; then
	title "Two more ask for the keys: mallory and guest"
	for h in mallory guest; do
		scene_mike $h start >"$T/start-$h" 2>&1 &
		eval "pid_$h=$!"
	done
	need "mallory starts" wait "$pid_mallory"
	need "guest starts" wait "$pid_guest"
	turned_away mallory "authentication failed"
	turned_away guest forbidden
	failed=$(counter auth-failed) forbidden=$(counter forbidden)
	[ "${failed:-0}" -gt 0 ] && [ "${forbidden:-0}" -gt 0 ] ||
	    broken "hq counts the refusals"
	say "hq counts: auth-failed $failed, forbidden $forbidden. Neither has an" \
	    "SA. Both keep asking while the rest goes on."
fi

title "hq sends a file of 1 MiB from /dev/urandom"
head -c 1048576 /dev/urandom >"$T/file"
sha=$(sha256sum <"$T/file")
chunks=$(((1048576 + 1199) / 1200))
transfer 4
transfer 6
esp_total=$((2 * chunks))

title "What the stranger could not do"
n=$(scene_hears r1 $G4 spoof 4 stranger)
m=$(scene_hears r1 $G4 spoof 4 hq)
[ "$n$m" = 00 ] || broken "clear datagrams reach r1: $n and $m"
if [ "$SCENE_AUTH" = psk ]; then
	say "Read: it had joined both addresses and got 0 of $esp_total packets."
else
	say "Read: it had joined both addresses and got 0 of $esp_total packets;" \
	    "mallory and guest had too, and got 0."
fi
say "Write: clear datagrams under its own and hq's address: 0 accepted."
n=$(scene_hears r1 $G4 on stranger "$frames" replay eth0 "$T/cap-file4")
[ "$n" = 0 ] || broken "replayed packets reach r1: $n"
say "Repeat: it sent the $chunks recorded ESP packets again: 0 accepted."

title "kill -9: every daemon of hq in turn, then all at once, under a stream"
before=$(spis hq)
on r1 "$mcast" count $G4 $PORT eth0 -t 5000 -w "$T/ready-s" -S "$T/stop-c" \
    >"$T/stream-r1.out" 2>&1 &
count=$!
wait_for 5 test -e "$T/ready-s"
on hq "$mcast" stream $G4 $PORT eth0 -r 200 -l 400 -n 100000 -S "$T/stop-s" \
    >"$T/stream-hq.out" 2>&1 &
stream=$!
for d in keymgrd dispatcherd policyd groupd; do
	crash $d
done
crash keymgrd dispatcherd policyd groupd
need "r2 leaves" scene_ctl r2 leave $GROUP
need "r2 joins again" scene_ctl r2 join $GROUP
need "r2 registers" scene_keyed r2 20
on r2 "$mcast" count $G4 $PORT eth0 -t 1000 -w "$T/ready-l" -S "$T/stop-c" \
    >"$T/stream-r2.out" 2>&1 &
late=$!
wait_for 5 test -e "$T/ready-l"
sleep 0.7
touch "$T/stop-s"
wait $stream
sleep 0.3
touch "$T/stop-c"
wait $count
wait $late
sent=$(sed -n 's/^sent=//p' "$T/stream-hq.out")
grep -q "^got=$sent .* lost=0 " "$T/stream-r1.out" ||
    broken "r1 gets all $sent: $(cat "$T/stream-r1.out")"
got=$(sed -n 's/^got=\([0-9]*\).* lost=0 .*/\1/p' "$T/stream-r2.out")
[ "${got:-0}" -gt 0 ] || broken "r2 decrypts: $(cat "$T/stream-r2.out")"
say "hq sent $sent datagrams meanwhile: r1 has $sent, 0 lost. mike-spawn" \
    "brought each daemon back, with the same keys and SPIs. r2, which left" \
    "and registered again afterwards, decrypted the running stream ($got" \
    "datagrams, 0 lost)."

title "What the operator sees: mikectl status"
for h in hq r1; do
	echo
	scene_ctl $h status >"$T/status" || broken "the status of $h is healthy"
	sed "s/^/   $h| /" "$T/status"
done

title "Stop: closed, unless told otherwise"
need "hq stops" scene_mike hq stop
[ "$(scene_policies hq)" = 4 ] ||
    broken "a stop keeps hq's policies"
say "hq stopped: its policies and SAs stay in the kernel, the group stays" \
    "protected."
need "r1 stops with --open" scene_mike r1 stop --open
[ "$(scene_policies r1)" = 0 ] ||
    broken "stop --open removes r1's policies"
say "r1 stopped with --open: its policies are gone, by the operator's will."
[ "$SCENE_AUTH" = psk ] || refused="mallory and guest refused; "
echo "2 receivers, first registration $reg_ms ms; ${refused:-}$esp_total ESP packets," \
    "0 plaintext octets; 8 kills, 0 of $sent lost" | tr '\n' ' ' |
    sed 's/ $//' >/run/out/summary
exit 0
