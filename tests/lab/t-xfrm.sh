# SPDX-License-Identifier: ISC
# seconds: 35
# dispatcherd on a kernel with ESP: SAs installed, read back, verified,
# replaced, expired, counted; and that they do what they are for.

# A network namespace of its own: this test plays on the host's side.
[ -n "${DISP_OWN_NET:-}" ] || DISP_OWN_NET=1 exec unshare -n sh "$0"
. tests/lib/tap.sh
. tests/lib/disp.sh

G4=239.192.10.1
G6=ff15::4d49:1
H4=239.192.10.5
H6=ff15::4d49:5
rules="listen 10.9.0.1
listen fd00:9::1
peer any 0 0
group 3 ops sender 3600
addr 3 0 $G4
addr 3 1 $G6
sender 3 10.9.0.1
group 5 other receiver 3600
addr 5 0 $H4
addr 5 1 $H6
sender 5 10.9.0.2
sender 5 fd00:9::2"

end()
{
	[ -z "$disp_pid" ] || disp_kill
	ip netns del far
}
trap end EXIT

drive()
{
	{ echo "$rules"; echo policyd; echo groupd; echo keymgrd 3
	    echo keymgrd 5; cat; } | disp_drive
}

key()
{
	printf '0x'
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		printf '%s%s%s' "$1" "$1" "$1"
	done
}

# far_sa SOURCE GROUP SPI KEY-OCTET: the other end, by hand
far_sa()
{
	far ip xfrm state add src "$1" dst "$2" proto esp spi "$3" reqid 9 \
	    mode transport replay-window 32 \
	    aead 'rfc4106(gcm(aes))' "$(key "$4")" 128
}

far_policy()
{
	any=0.0.0.0/0 len=32
	case $2 in *:*) any=::/0 len=128 ;; esac
	far ip xfrm policy add src $any dst "$2/$len" proto udp dir "$1" \
	    tmpl proto esp reqid 9 mode transport
}

# far_heard GROUP SOURCE: what far hears of what we say
far_heard()
{
	far sh -c ". tests/lib/tap.sh; . tests/lib/disp.sh; hear $1"
	say "$1" "$2"
	heard
}

state()
{
	ip -s xfrm state | sed -n "/dst $1\$/,/^src/p" | tr -s ' \t\n' ' '
}

disp_link
disp_edges
disp_start || { cat "$disp_log"; exit 1; }

# --- outbound --------------------------------------------------------------

out=$(drive <<-END
	spd-set 3
	spd-set 5
	sa 3 verify out 0x1000 10.9.0.1 $G4 1 0 3000 3600 0 0
	sa 3 new out 0x1000 10.9.0.1 $G4 1 128 3000 3600 100000 200000
	sa 3 new out 0x1000 fd00:9::1 $G6 2 128 3000 3600 100000 200000
END
)
is "what is not there is missing; then it is installed" \
    "$(echo "$out" | sed -n 's/^result status=\(.\).*/\1/p' | tr '\n' ' ')" \
    "0 0 2 0 0 "
s4=$(state $G4)
s6=$(state $G6)
like "the SA is the sender's alone, IPv4" "$s4" \
    " sel src 10.9.0.1/32 dst $G4/32 proto udp "
like "the SA is the sender's alone, IPv6" "$s6" \
    " sel src fd00:9::1/128 dst $G6/128 proto udp "
for s in "$s4" "$s6"; do
	like "window of 128 packets, and no ESN" "$s" \
	    'flag +\(0x00000000\) .* replay_window 128, bitmap-length 4 '
	like "AES-256-GCM with a tag of 16 octets" "$s" \
	    'aead rfc4106\(gcm\(aes\)\) 0x[0-9a-f]{72} \(288 bits\) 128 '
	like "limits of time and packets" "$s" \
	    'soft 100000\(packets\), hard 200000\(packets\).*add: soft 3000\(sec\), hard 3600\(sec\)'
done
like "the slot is in the reqid" "$s4" 'reqid 1296629808\(0x4d490030\) mode transport'

far_sa 10.9.0.1 $G4 0x1000 01
far_sa fd00:9::1 $G6 0x1000 02
far_policy in $G4
far_policy in $G6
for case in "$G4 10.9.0.1" "$G6 fd00:9::1"; do
	wire_start "udp port 5000 or esp"
	like "who has the key hears $case" "$(far_heard $case)" \
	    'in the clear 3'
	wire_stop >/dev/null
	is "the wire has ESP alone" "$(grep -c ESP /run/wire)/$(grep -c UDP \
	    /run/wire)" 3/0
	hear ${case% *}
	say $case
	like "a sender that listens hears itself" "$(heard)" 'in the clear 1'
done

# --- the same again, and something else ------------------------------------

out=$(drive <<-END
	sa 3 new out 0x1000 10.9.0.1 $G4 1 128 3000 3600 100000 200000
	sa 3 ensure out 0x1000 10.9.0.1 $G4 1 128 10 20 0 0
	sa 3 verify out 0x1000 fd00:9::1 $G6 2 128 10 20 0 0
	sa 3 ensure out 0x1000 10.9.0.1 $G4 2 128 10 20 0 0
	sa 3 verify out 0x1000 10.9.0.1 $G4 1 64 10 20 0 0
	sa-del 3 0x1001 $G4
	sa-del 5 0x1000 $G4
END
)
is "new, ensure, verify, other key, other window, missing, not ours" \
    "$(echo "$out" | sed -n 's/^result status=\(.\).*/\1/p' | tr '\n' ' ')" \
    "3 0 0 3 3 2 1 "
like "a conflict says what differs" "$out" 'SPI is in the kernel: key differs'
is "and nothing was changed" "$(state $G4 | cut -d' ' -f1-8)" \
    "$(echo "$s4" | cut -d' ' -f1-8)"
disp_kill
is "SAs outlive dispatcherd" "$(ip xfrm state | grep -c ^src)" 2
like "and traffic goes on" "$(far_heard $G4 10.9.0.1)" 'in the clear 3'
disp_start || { cat "$disp_log"; exit 1; }
out=$(drive <<-END
	sa 3 verify out 0x1000 10.9.0.1 $G4 1 128 10 20 0 0
	status
END
)
like "the next one finds them" "$out" '^result status=0'
like "and counts their packets" "$out" "^sa-stat slot=3 dir=out \
spi=0x00001000 src=10.9.0.1 dst=$G4 packets=([6-9]|1[0-9]) octets=[1-9]"

# --- rollover --------------------------------------------------------------

far_sa 10.9.0.1 $G4 0x2000 03
out=$(echo "sa 3 new out 0x2000 10.9.0.1 $G4 3 128 3000 3600 0 0" | drive)
wire_start esp
like "with a new SA the stream goes on" "$(far_heard $G4 10.9.0.1)" \
    'in the clear 3'
wire_stop >/dev/null
is "under the new one's SPI" "$(grep -c 'spi=0x00002000' /run/wire)" 3
out=$(echo "sa-del 3 0x1000 $G4" | drive)
like "the old one goes" "$out" '^result status=0'
is "and is gone" "$(state $G4 | grep -c 0x00001000)" 0
like "without a gap" "$(far_heard $G4 10.9.0.1)" 'in the clear 3'

# --- inbound ---------------------------------------------------------------

out=$(drive <<-END
	sa 5 new in 0x3000 10.9.0.2 $H4 4 128 3000 3600 0 0
	sa 5 new in 0x3000 fd00:9::2 $H6 5 128 3000 3600 0 0
END
)
is "a receiver installs the sender's SAs" \
    "$(echo "$out" | grep -c '^result status=0')" 2
far_sa 10.9.0.2 $H4 0x3000 04
far_sa fd00:9::2 $H6 0x3000 05
far_policy out $H4
far_policy out $H6
for case in "$H4 10.9.0.2" "$H6 fd00:9::2"; do
	hear ${case% *}
	far sh -c ". tests/lib/disp.sh; say $case"
	like "and hears $case" "$(heard)" 'in the clear 3'
done
# What was on the wire, once more.
for case in "$H4 10.9.0.2" "$H6 fd00:9::2"; do
	rm -f /run/cap.ready
	ip netns exec far "$B/test/lab/frames" capture eth0 /run/cap \
	    >/dev/null 2>&1 &
	cap_pid=$!
	wait_for 5 test -e /run/cap.ready
	# Without a listener the packets end before ESP has seen them.
	hear ${case% *}
	far sh -c ". tests/lib/disp.sh; say $case"
	heard >/dev/null
	kill $cap_pid
	wait $cap_pid
	hear ${case% *}
	far "$B/test/lab/frames" replay eth0 /run/cap >/dev/null 2>&1
	is "a replay of $case is not heard" "$(unheard)" ""
done
out=$(echo status | drive)
is "and counted for each SA" \
    "$(echo "$out" | grep -c '^sa-stat slot=5 .* replay=[3-9] integrity=0')" 2
# A member under another address: the selector, which the kernel's look-up
# by SPI does not replace.
far ip addr add 10.9.0.3/24 dev eth0
far ip xfrm state deleteall
far_sa 10.9.0.3 $H4 0x3000 04
drops=$(xs XfrmInStateMismatch)
hear $H4
# More than it has seen, so that the replay window is not what drops them.
far sh -c ". tests/lib/disp.sh; for i in 1 2 3 4; do say $H4 10.9.0.3; done"
is "not another host under the same SPI and key" "$(unheard)" ""
ok "which the kernel counts" test "$(xs XfrmInStateMismatch)" -gt "$drops"
like "the status has inbound SAs" "$(echo status | drive)" \
    "^sa-stat slot=5 dir=in spi=0x00003000 src=10.9.0.2 dst=$H4 packets=[1-9]"

# --- the end of an SA ------------------------------------------------------

out=$(drive <<-END
	sa 3 new out 0x4000 10.9.0.1 $G4 6 128 1 3 0 0
	expect expired 4000
	expect expired 4000
	sa 3 verify out 0x4000 10.9.0.1 $G4 6 128 1 3 0 0
	sa 3 new out 0x5000 fd00:9::1 $G6 7 128 0 60 2 0
	sh . tests/lib/disp.sh; say $G6 fd00:9::1
	expect expired 3000
END
)
like "the key manager hears of a soft end" "$out" \
    "^expired spi=0x00004000 dst=$G4 hard=0"
like "and of a hard one" "$out" "^expired spi=0x00004000 dst=$G4 hard=1"
like "after which the SA is gone" "$out" '^result status=2'
like "and of a soft one by packets" "$out" \
    "^expired spi=0x00005000 dst=$G6 hard=0"

# --- leaving ---------------------------------------------------------------

ip xfrm state add src 10.9.0.1 dst 10.9.0.2 proto esp spi 0x999 reqid 1 \
    mode transport aead 'rfc4106(gcm(aes))' "$(key 09)" 128
out=$(echo "spd-clear 3" | drive)
like "SPD_CLEAR is done" "$out" '^result status=0'
is "no SA of the slot is left, the other slot has its own" \
    "$(ip xfrm state | grep -o 'reqid 1296629[0-9]*' | sort | tr '\n' ' ')" \
    "reqid 1296629840 reqid 1296629841 "
like "and so have others" "$(ip xfrm state)" 'spi 0x00000999'
before=$(ip xfrm state | grep -c 'reqid 129662984')
out=$(printf '%s\n' "sa-flood 5 10.9.0.2 $H4 1060" | drive)
like "no key manager fills the kernel with SAs" "$out" \
    "^flood n=1060 ok=$((1024 - before))\$"
out=$(printf '%s\n' "spd-clear 5" "sa 5 new in 0x3000 10.9.0.2 $H4 4 128 0 60 0 0" |
    drive)
is "SPD_CLEAR removes that many, and there is room again" \
    "$(echo "$out" | grep -c '^result status=0')/$(ip xfrm state |
    grep -c 'reqid 129662984')" 2/1
no "no key is in the log" grep -qE '(01){8}|(04){8}|(07){8}' "$disp_log"
finish
