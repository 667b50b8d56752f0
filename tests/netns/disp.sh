#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# dispatcherd: filter, SA requests on a kernel without ESP, status, sandbox.

[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"
. tests/lib/tap.sh
. tests/lib/disp.sh

G4=239.192.10.1
rules="listen 10.9.0.1
listen fd00:9::1
peer 10.9.0.0 24 5
peer fd00:9:: 64 5
group 3 ops sender 3600
addr 3 0 $G4
addr 3 1 ff15::4d49:1
sender 3 10.9.0.1
group 5 other receiver 60
addr 5 0 239.192.10.5
sender 5 10.9.0.2"

drive()
{
	{ echo "$rules"; echo policyd; echo groupd; cat; } | disp_drive
}

# far_sends FILE PORT: one datagram with the file's octets
far_sends()
{
	far socat -b 65000 -u "open:$1" "udp4-sendto:10.9.0.1:$2"
}

disp_link
disp_edges
disp_start -P 848,4500 || { cat "$disp_log"; exit 1; }

# --- datagrams -------------------------------------------------------------

ike_header >/run/ike
head -c 27 /run/ike >/run/short
{ cat /run/ike; echo; } >/run/long
head -c 20000 /dev/zero >/run/huge
far_sends /run/ike 848 # no rules yet
wire_start "udp port 848 or udp port 4500"
out=$(drive <<-END
	send 10.9.0.1 848 10.9.0.2 848 28
	send 10.9.0.1 4500 10.9.0.2 848 16384
	send 10.9.0.1 500 10.9.0.2 848 28
	send 10.9.0.9 848 10.9.0.2 848 28
	send 10.9.0.1 848 10.9.1.2 848 28
	send 10.9.0.1 848 $G4 848 28
	send 10.9.0.1 848 10.9.0.2 0 28
	status
END
)
wire_stop >/dev/null
like "what may leave is counted" "$out" '^count dgram.out=2$'
is "and is on the wire" \
    "$(grep -c '10.9.0.1.\(848\|4500\) > 10.9.0.2.848' /run/wire)" 2
like "a port that is not open" "$out" '^count drop.out.socket=1$'
like "an address that is not ours" "$out" '^count drop.out.not-local=1$'
like "peers without a rule, groups" "$out" '^count drop.out.no-rule=2$'
like "no port" "$out" '^count drop.out.malformed=1$'
like "nothing came in before the rules" "$out" '^count drop.no-rules=1$'

for f in short long huge; do
	far_sends /run/$f 848
done
sleep 1.5 # until dispatcherd has noticed that groupd is gone
far socat -u open:/run/ike udp4-sendto:10.9.0.1:4500,bind=10.9.0.2
far ip addr add 10.9.1.2/24 dev eth0
ip route add 10.9.1.0/24 dev eth0
far socat -u open:/run/ike udp4-sendto:10.9.0.1:848,bind=10.9.1.2
ip addr add 10.9.0.3/24 dev eth0
far socat -u open:/run/ike udp4-sendto:10.9.0.3:848
out=$(drive <<-END
	status
	sh ip netns exec far socat -u open:/run/ike udp4-sendto:10.9.0.1:4500
	expect dgram 2000
END
)
like "short and long ones are malformed" "$out" '^count drop.malformed=2$'
like "one that is too long" "$out" '^count drop.oversize=1$'
like "peers without a rule" "$out" '^count drop.no-rule=1$'
like "an address that we do not listen on" "$out" '^count drop.not-local=1$'
like "what groupd was not there for" "$out" '^count drop.backlog=1$'
like "the second port works" "$out" '^dgram local=10.9.0.1:4500'

# A burst of twice the rate passes, then five a second.
out=$(drive <<-END
	sh for i in \$(seq 40); do cat /run/ike; done >/run/many
	sh ip netns exec far socat -b 28 -u open:/run/many udp4-sendto:10.9.0.1:848
	sleep 300
	status
END
)
n=$(echo "$out" | sed -n 's/^count drop.rate=//p')
ok "a flood of one source is cut (${n:-0} of 40 dropped)" \
    test "${n:-0}" -ge 25
ok "and its burst got through" test "${n:-40}" -le 34
wire_start "udp port 848"
out=$({ echo "transmit 0"; echo "$rules"; echo policyd; echo groupd
    echo "send 10.9.0.1 848 10.9.0.2 848 28"; echo status; } | disp_drive)
is "with emission control nothing leaves" "$(wire_stop)" 0
like "and that is counted" "$out" '^count drop.out.emcon=1$'
rules_before=$(grep -c rules.set "$disp_log")
out=$({ echo "listen 239.1.1.1"; echo policyd; echo groupd; echo "spd-set 3"; } |
    disp_drive)
like "a bad set of rules leaves the old one in force" "$out" \
    '^result status=0'
is "and is no new set" "$(grep -c rules.set "$disp_log")" "$rules_before"
like "the log says why" "$(cat "$disp_log")" \
    'err: rules.refused msg=RULE_LISTEN why="listen: not a unicast address"'
echo "spd-clear 3" | drive >/dev/null

# --- SAs -------------------------------------------------------------------

out=$(printf 'keymgrd 3\nsa 3 new out 0x1000 10.9.0.1 %s 1 0 0 60 0 0\n' $G4 |
    disp_drive)
like "SAs go by the rules that are in force" "$out" '^result status=[04] '
if ip xfrm state | grep -q "dst $G4"; then
	skip "no-esp is told" "this kernel has ESP"
else
	like "no-esp is told, and the missing option" "$out" \
	    '^result status=4 text="kernel has no ESP .*CONFIG_CRYPTO_GCM'
	like "for IPv6, too" "$(printf 'keymgrd 3\n%s\n' \
	    'sa 3 ensure out 0x1000 fd00:9::1 ff15::4d49:1 1 0 0 60 0 0' |
	    disp_drive)" '^result status=4 text=".*CONFIG_INET6_ESP'
fi
like "an SA that is not there" "$(printf 'keymgrd 3\n%s\n%s\n' \
    "sa 3 verify out 0x9999 10.9.0.1 $G4 1 0 0 60 0 0" \
    "sa-del 3 0x9999 $G4" | disp_drive | grep -c status=2)" 2
out=$(disp_drive <<-END
	keymgrd 3
	keymgrd 5
	keymgrd 9
	sa 3 new out 0x1000 10.9.0.1 239.192.10.5 1 0 0 60 0 0
	sa 3 new out 0x1000 10.9.0.2 $G4 1 0 0 60 0 0
	sa 3 new out 0x1000 10.9.0.1 $G4 1 0 0 3601 0 0
	sa 3 new out 0xff 10.9.0.1 $G4 1 0 0 60 0 0
	sa 5 new out 0x1000 10.9.0.1 239.192.10.5 1 0 0 60 0 0
	sa 5 new in 0x1000 10.9.0.9 239.192.10.5 1 128 0 60 0 0
	sa 5 new in 0x1000 10.9.0.2 $G4 1 128 0 60 0 0
	sa 9 new in 0x1000 10.9.0.2 $G4 1 128 0 60 0 0
END
)
is "what the rules of the slot do not name is refused" \
    "$(echo "$out" | grep -c '^result status=1')" 8
no "no key is in the log" grep -q '0101010101' "$disp_log"

# --- status and sandbox ----------------------------------------------------

out=$(drive <<-END
	spd-set 3
	sh . tests/lib/disp.sh; say $G4 10.9.0.1
	status
	spd-clear 3
END
)
like "the kernel's counters are in the status" "$out" \
    '^count xfrm.XfrmOut[A-Za-z]*=[1-9]'
bad=0
for t in /proc/$disp_pid/task/*/status; do
	for want in "Uid:.*$(id -u mike-dispatcherd)" "NoNewPrivs:.*1" \
	    "Seccomp:.*2" "CapEff:.*0000000000001000" \
	    "CapPrm:.*0000000000001000" "CapBnd:.*0000000000000000" \
	    "CapInh:.*0000000000000000" "CapAmb:.*0000000000000000" \
	    "Groups:[[:space:]]*\$"; do
		grep -q "^$want" "$t" || { bad=1; diag "$t lacks $want"; }
	done
done
is "every thread has CAP_NET_ADMIN only, and is filtered" $bad 0
ok "there is more than one thread" \
    test "$(ls /proc/$disp_pid/task | wc -l)" -gt 1
first=$disp_pid
disp_start && disp_kill
like "a second one does not start on the same ports" "$(tail -40 "$disp_log")" \
    'udp.open port=848 cannot bind: Address already in use'
disp_start -P 0,x && disp_kill
like "ports that are none are told" "$(tail -40 "$disp_log")" 'udp.open -P 0,x: want'
disp_kill "$first"
no "no sanitizer has complained" \
    grep -E 'runtime error|AddressSanitizer' "$disp_log"
finish
