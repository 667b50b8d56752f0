#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# Two groups on one host, sender in one and receiver in the other: each has a
# key manager, kernel policies and state of its own, and what happens to one
# is not noticed by the other.  One of them is IPv4 only; then a host with IPv6
# addresses only and one with IPv4 addresses only.  Runs on any kernel.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh

# HOST N: that many groups have keys (or would, with ESP in the kernel).
settled()
{
	[ "$(scene_ctl "$1" status |
	    grep -cE '^group .*: (keyed|degraded: no-esp)$')" = "$2" ]
}
says() { scene_ctl "$1" status | grep -qE "$2"; }
# HOST SLOT: the key manager's pid.
manager()
{
	for p in $(scene_pid "$1" keymgrd); do
		[ "$(stat -c %U "/proc/$p")" != "mike-k$2" ] || echo "$p"
	done
}
# HOST ADDRESS: kernel policies to that address.
policies()
{
	on "$1" ip xfrm policy |
	    grep -c "^src [0-9.:/]* dst $2 proto udp"
}
# HOST GROUP: "generation 1, step 0"
keys_of()
{
	scene_ctl "$1" status | sed -n "/^group *$2 /,/^\$/p" |
	    grep -o 'generation [0-9]*, step [0-9]*'
}

med_net()
{
	role=receiver
	[ "$1" != r1 ] || role=sender
	cat >>"$SCENE/$1/conf/mike.conf" <<-END
		group "med-net" {
		    id         = "med-net"
		    address    = { "239.192.10.2" }
		    ports      = "6000"
		    role       = $role
		    designated = { "r1" }
		    senders    = { "CN=r1,O=Lab" }
		    receivers  = { "CN=hq,O=Lab" }
		    suite      = default
		    profile    = per-sender
		}
	END
}

scene_net || exit 1
for h in hq r1; do
	scene_conf $h
	med_net $h
	ok "$h starts with two groups" scene_mike $h start
done
for h in hq r1; do
	ok "$h: both get keys" wait_for 20 settled $h 2
done
like "hq serves one" "$(scene_log hq)" \
    'member.registered group=ops-net identity="CN=r1,O=Lab"'
like "and is served in the other, by the host that it serves" \
    "$(scene_log hq)" 'reg.done group=med-net gcks=r1'
no "nobody registered in the wrong one" \
    sh -c 'grep -q "member.registered group=med-net" /var/log/mike-hq.log'

# --- apart -------------------------------------------------------------------

km0=$(manager hq 00)
km1=$(manager hq 01)
for s in 00 01; do
	p=$(manager hq $s)
	like "slot $s: a key manager of its own user" "$p" '^[0-9]+$'
	is "slot $s: with its state file and no other" \
	    "$(readlink "/proc/$p/fd/"* | grep -o 'state/[0-9]*$')" "state/$s"
	like "slot $s: in the directory of its edges" \
	    "$(readlink "/proc/$p/root")" "/edge/k$s\$"
done
is "policies of the first" "$(scene_policies hq)" 4
is "policies of the second, IPv4 only" "$(policies hq 239.192.10.2/32)" 2

# --- leave and join ----------------------------------------------------------

was=$(keys_of hq ops-net)
ok "hq leaves the second" scene_ctl hq leave med-net
is "its policies are gone" "$(policies hq 239.192.10.2/32)" 0
is "its state is gone" "$(stat -c %s /run/mike/hq/state/01)" 0
is "its key manager is gone" "$(manager hq 01)" ""
is "the first keeps its policies" "$(scene_policies hq)" 4
is "its key manager" "$(manager hq 00)" "$km0"
is "and its keys" "$(keys_of hq ops-net)" "$was"
ok "the second is left" says hq '^group .*med-net .*: left'

old=$(scene_pid hq policyd)
kill -KILL "$old"
restarted() { p=$(scene_pid hq policyd) && [ -n "$p" ] && [ "$p" != "$old" ]; }
ok "policyd is killed and comes back" wait_for 8 restarted
ok "the first settles" wait_for 10 settled hq 1
ok "the second is still left" says hq '^group .*med-net .*: left'
is "no policy of it has come back" "$(policies hq 239.192.10.2/32)" 0

ok "hq joins it again" scene_ctl hq join med-net
ok "and gets keys" wait_for 15 settled hq 2
is "its policies are back" "$(policies hq 239.192.10.2/32)" 2
like "under a new instance" \
    "$(scene_log hq 'km.start group=med-net' | tail -n 1)" 'instance=2$'
is "the first noticed nothing" "$(manager hq 00)" "$km0"

# --- a crash -----------------------------------------------------------------

km1=$(manager hq 01)
kill -KILL "$km0"
replaced() { p=$(manager hq 00) && [ -n "$p" ] && [ "$p" != "$km0" ]; }
ok "the first key manager is killed and comes back" wait_for 8 replaced
ok "both settle" wait_for 10 settled hq 2
is "the second noticed nothing" "$(manager hq 01)" "$km1"
like "the first went on with its state" \
    "$(scene_log hq 'state.loaded group=ops-net' | tail -n 1)" 'records=[1-9]'
no "no state was lost" grep -q 'state\.lost' /var/log/mike-hq.log

# --- one family only -----------------------------------------------------------

# HOST FAMILY: what it listens on and all its addresses.
one_family()
{
	scene_conf "$1"
	a=$("addr$2" "$1")
	sed -i "s|listen *=.*|listen = { \"$a\" }|" "$SCENE/$1/conf/mike.conf"
	[ "$2" = 4 ] || on "$1" ip -4 addr flush dev eth0
	[ "$2" = 6 ] || on "$1" ip -6 addr flush dev eth0
}
ok "r1 stops" scene_mike r1 stop
for f in 6 4; do
	h=r2
	[ $f = 6 ] || h=r1
	one_family $h $f
	rm -f /run/mike/$h/state/*
	ok "a host with IPv$f only starts" scene_mike $h start
	ok "and gets keys" wait_for 15 settled $h 1
	like "by IPv$f" "$(scene_log hq | grep "CN=$h,O=Lab" | tail -n 1)" \
	    "peer=$("addr$f" $h)\$"
	is "it is closed to both families" "$(scene_policies $h)" 4
done
scene_down
finish
