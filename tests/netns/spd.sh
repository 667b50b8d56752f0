#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# Fail-closed policies in the kernel: what dispatcherd installs, what passes
# and what does not, and that nothing but SPD_CLEAR removes them.

[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"
. tests/lib/tap.sh
. tests/lib/disp.sh

G4=239.192.10.1
G6=ff15::4d49:1
rules="listen 10.9.0.1
listen fd00:9::1
peer any 0 0
group 3 ops sender 3600
addr 3 0 $G4
addr 3 1 $G6
sender 3 10.9.0.1
group 5 other receiver 3600
addr 5 0 239.192.10.5
sender 5 10.9.0.2"

drive()
{
	{ echo "$rules"; echo policyd; echo groupd; cat; } | disp_drive
}

# want GROUP DIR REQID
want()
{
	any=0.0.0.0 net=0.0.0.0/0 len=32
	case $1 in *:*) any=:: net=::/0 len=128 ;; esac
	echo "src $net dst $1/$len proto udp dir $2 priority 64 ptype main" \
	    "tmpl src $any dst $any proto esp reqid $3 mode transport"
}

want_ops()
{
	for dir in in out; do
		want $G4 $dir 1296629808 # 0x4d490030
		want $G6 $dir 1296629809
	done | sort
}

disp_link
disp_edges
disp_start || { cat "$disp_log"; exit 1; }

# --- what is installed -----------------------------------------------------

out=$(printf 'groupd\nspd-set 3\n' | disp_drive)
like "no policy before there are rules" "$out" 'status=1 text="no rules yet"'
is "nothing is in the kernel then" "$(disp_policies)" ""
out=$(echo "spd-set 3" | drive)
like "SPD_SET is done" "$out" '^result status=0 text=""'
is "exactly four policies, in and out" "$(disp_policies)" "$(want_ops)"
before=$(ip -d xfrm policy | grep -A3 "dst $G4")
out=$(echo "spd-set 3" | drive)
like "SPD_SET is done again" "$out" '^result status=0'
is "and has changed nothing, index included" \
    "$(ip -d xfrm policy | grep -A3 "dst $G4")" "$before"
out=$(printf 'spd-set 7\nspd-set 200\n' | drive)
is "slots without a group are refused" \
    "$(echo "$out" | grep -c 'status=1 text="no group in this slot"')" 2
ip xfrm policy update src 0.0.0.0/0 dst $G4/32 proto udp dir in priority 9 \
    tmpl proto esp reqid 1296629808 mode transport level use
out=$(echo "spd-set 3" | drive)
is "a policy of ours that is not as it should be is mended" \
    "$(disp_policies)" "$(want_ops)"

# --- nothing in the clear ----------------------------------------------------

drops=$(xs XfrmOutNoStates)
wire_start "udp port 5000 or esp"
out=$(drive <<-END
	sh . tests/lib/disp.sh; say $G4 10.9.0.1; say $G6 fd00:9::1
	expect acquire 3000
	expect acquire 3000
END
)
is "an application's packets do not leave in the clear" "$(wire_stop)" 0
ok "the kernel counts them" test "$(xs XfrmOutNoStates)" -gt "$drops"
like "ACQUIRE reaches groupd, IPv4" "$out" "^acquire slot=3 dst=$G4"
like "ACQUIRE reaches groupd, IPv6" "$out" "^acquire slot=3 dst=$G6"
for case in "$G4 10.9.0.2" "$G6 fd00:9::2"; do
	drops=$(($(xs XfrmInNoPols) + $(xs XfrmInTmplMismatch)))
	hear ${case% *}
	far sh -c ". tests/lib/disp.sh; say $case"
	is "clear packets from $case do not reach an application" "$(unheard)" ""
	ok "the kernel counts these, too" test $(($(xs XfrmInNoPols) + \
	    $(xs XfrmInTmplMismatch))) -ge $((drops + 3))
done
wire_start "igmp or (icmp6 and ip6[48] == 143)"
hear $G4
unheard >/dev/null
hear $G6
unheard >/dev/null
ok "reports of membership (IGMP, MLD) still leave" test "$(wire_stop)" -ge 2

# --- key exchange passes whatever the host blocks --------------------------

# All of IPv4; of IPv6 not neighbour discovery, without which nothing goes.
block_all()
{
	for dir in in out; do
		ip xfrm policy $1 src 0.0.0.0/0 dst 0.0.0.0/0 dir $dir $2 $3
		ip xfrm policy $1 src ::/0 dst ::/0 proto udp dir $dir $2 $3
	done
}

block_all add action block
ike_header >/run/ike
wire_start "udp port 848"
out=$(drive <<-END
	send 10.9.0.1 848 10.9.0.2 848 100
	send fd00:9::1 848 fd00:9::2 848 100
	sh ip netns exec far socat -u open:/run/ike udp4-sendto:10.9.0.1:848
	expect dgram 2000
	sh ip netns exec far socat -u open:/run/ike udp6-sendto:[fd00:9::1]:848
	expect dgram 2000
END
)
ok "key exchange leaves through a host that blocks all" \
    test "$(wire_stop)" -ge 4
like "the source is the address that was asked for" "$(cat /run/wire)" \
    '10\.9\.0\.1\.848 > 10\.9\.0\.2\.848: .*'
like "key exchange comes in, IPv4" "$out" \
    '^dgram local=10.9.0.1:848 peer=10.9.0.2:[0-9]+ octets=28'
like "key exchange comes in, IPv6" "$out" \
    '^dgram local=fd00:9::1:848 peer=fd00:9::2:[0-9]+ octets=28'
block_all delete

# --- crashes ---------------------------------------------------------------

disp_kill
is "the policies outlive dispatcherd" "$(disp_policies)" "$(want_ops)"
hear $G4
far sh -c ". tests/lib/disp.sh; say $G4 10.9.0.2"
is "and go on to protect" "$(unheard)" ""
disp_start || { cat "$disp_log"; exit 1; }
is "and removes nothing" "$(disp_policies)" "$(want_ops)"
out=$(echo "spd-set 3" | drive)
like "SPD_SET is the same as before" "$out" '^result status=0'

# --- what is not ours ------------------------------------------------------

ip xfrm policy add src 0.0.0.0/0 dst 239.192.10.5/32 proto udp dir out \
    priority 5 tmpl proto esp reqid 1 mode transport
ip xfrm policy add src 10.9.0.1/32 dst 10.9.0.2/32 dir out \
    tmpl proto esp reqid 2 mode transport
theirs=$(disp_policies | grep -v 'reqid 12966298')
out=$(echo "spd-set 5" | drive)
like "somebody else's policy is a conflict, and said so" "$out" \
    '^result status=3 text=".*not MIKE'
is "it stays as it was" "$(disp_policies | grep -v 'reqid 12966298')" "$theirs"
like "the other direction is closed all the same" "$(disp_policies)" \
    'dst 239.192.10.5/32 proto udp dir in .* reqid 1296629840 '
out=$(echo "spd-clear 5" | drive)
like "SPD_CLEAR is done" "$out" '^result status=0'
is "and touches no other slot" \
    "$(disp_policies | grep 'reqid 12966298')" "$(want_ops)"
out=$(printf 'groupd\nspd-clear 3\n' | disp_drive)
like "SPD_CLEAR of the other, policyd away" "$out" '^result status=0'
is "leaves what others made" "$(disp_policies)" "$theirs"
out=$(echo "spd-clear 64" | drive)
like "there is no slot 64" "$out" '^result status=1'

# --- the tests above can fail ----------------------------------------------

for case in "$G4 10.9.0.2" "$G6 fd00:9::2"; do
	hear ${case% *}
	far sh -c ". tests/lib/disp.sh; say $case"
	like "without policies $case is heard" "$(heard)" "in the clear 3"
done
disp_kill
no "no sanitizer has complained" \
    grep -E 'runtime error|AddressSanitizer' "$disp_log"
finish
