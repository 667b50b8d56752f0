# SPDX-License-Identifier: ISC
#
# The scene on two wires, with a router between:
#
#	wire A, br7 (10.77.0.0/24 fd77::/64)   hq, ra: a receiver beside it
#	   router .254, in a namespace of its own
#	wire B, br8 (10.78.0.0/24 fd78::/64)   r1, r2: receivers; idle: no member
#
# B is a switch that snoops IGMP and MLD, and asks (querier).  The router has
# static multicast routes and runs nothing of MIKE.  Sourced instead of
# scene.sh, whose functions work the same.
#
#   route_multicast FAMILY	the router forwards hq's packets to the group;
#				77 where its kernel cannot
#   route_capture, route_captured  what passes the router's wire B

. tests/lab/scene.sh

SCENE_HOSTS="hq ra r1 r2 idle"

scene_number()
{
	case $1 in
	hq) echo 1 ;;
	r1) echo 2 ;;
	r2) echo 3 ;;
	ra) echo 4 ;;
	*) echo 9 ;;
	esac
}

scene_wire()
{
	case $1 in
	hq | ra) echo 7 ;;
	*) echo 8 ;;
	esac
}

addr4() { echo "10.7$(scene_wire "$1").0.$(scene_number "$1")"; }
addr6() { echo "fd7$(scene_wire "$1")::$(scene_number "$1")"; }

route_router()
{
	ip netns add router
	on router sh -c '
		echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		echo 1 >/proc/sys/net/ipv4/ip_forward'
	for n in 7 8; do
		ip -n wire link add p-router$n type veth \
		    peer name wire$n netns router
		ip -n wire link set p-router$n master br$n up
		ip -n router -b - <<-EOF
			link set wire$n up
			addr add 10.7$n.0.254/24 dev wire$n
			addr add fd7$n::254/64 dev wire$n nodad
		EOF
	done
	ip -n router link set lo up
}

# A snooping switch floods until its querier has waited for answers.  (Times
# are in hundredths of a second.)
scene_net()
{
	mkdir -p "$T" /run/mike /var/log || return 1
	ip netns add wire
	on wire sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
	scene_bridge br7 mcast_snooping 0 || return 1
	scene_bridge br8 mcast_snooping 1 mcast_query_response_interval 50 \
	    mcast_startup_query_interval 100 || return 1
	# After the interval is set: it takes effect here.
	ip -n wire link set br8 type bridge mcast_querier 1
	for h in $SCENE_HOSTS; do
		n=$(scene_wire "$h")
		scene_plug "$h" "br$n" || return 1
		ip -n "$h" route add default via "10.7$n.0.254"
		ip -n "$h" route add default via "fd7$n::254"
	done
	route_router
}

route_multicast()
{
	eval "route_group=\$G$1"
	rm -f "$T/mroute$1"
	ip netns exec router "$B/test/lab/mroute" "$T/mroute$1" wire7 wire8 \
	    "$(addr"$1" hq)" "$route_group" >"$T/mroute$1.out" 2>&1 &
	route_pid=$!
	# Either it says why not, or it is there.
	wait_for 5 test -e "$T/mroute$1" -o -s "$T/mroute$1.out"
	[ -e "$T/mroute$1" ] || wait $route_pid
}

route_capture() { scene_capture "$T/routed" router wire8; }
route_captured() { scene_captured "$T/routed"; }
