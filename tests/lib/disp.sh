#!/bin/sh
# SPDX-License-Identifier: ISC
#
# A dispatcherd by itself, for tests/netns and tests/lab: its edges, a link to
# a namespace "far", and tests/netns/dispdrive.c in the place of the others.
# Sourced inside a private root (tests/lib/root.sh), after tap.sh.
#
#   disp_link		eth0 here (10.9.0.1, fd00:9::1), eth0 in namespace
#			"far" (10.9.0.2, fd00:9::2), group routes
#   disp_edges		the directories that mike-spawn makes
#   disp_start [OPT...]	dispatcherd, ready for its edges; disp_pid.  Not in
#			a subshell: daemons die with their parent
#   disp_drive		commands of dispdrive from standard input
#   disp_kill		kill -9
#   disp_policies	ours and others' policies, one a line; no socket's
#   far CMD...		run in the other namespace
#   say GROUP SOURCE	three clear datagrams of an application to port 5000
#   hear GROUP		an application listens to them from now on
#   heard		all three, as soon as it has them; and stops it
#   unheard		what it has after a while, when that should be nothing
#   wire_start FILTER	what far sees on the wire ...
#   wire_stop		... and how many packets that were
#   xs NAME		a counter of /proc/net/xfrm_stat

disp_run=/run/mike
disp_log=/run/dispatcherd.log
disp_pid=

far()
{
	ip netns exec far "$@"
}

disp_addresses()
{
	sysctl -qw net.ipv6.conf.all.accept_dad=0 \
	    net.ipv6.conf.default.accept_dad=0 2>/dev/null
	ip link set lo up
	ip link set eth0 up
	ip addr add "10.9.0.$1/24" dev eth0
	ip -6 addr add "fd00:9::$1/64" dev eth0 nodad
	ip route add 224.0.0.0/4 dev eth0
}

disp_link()
{
	ip netns add far
	ip link add eth0 type veth peer name eth0 netns far
	disp_addresses 1
	far sh -c ". tests/lib/disp.sh; disp_addresses 2"
	# Link-local addresses and the first MLD reports take a moment.
	wait_for 5 disp_settled
}

disp_settled()
{
	! ip -6 addr show tentative | grep -q inet6 &&
	    far ping -c 1 -W 1 10.9.0.1 && far ping -c 1 -W 1 fd00:9::1
}

# Few processes: in User-Mode Linux each takes 20 ms.
disp_edges()
{
	: >"$disp_log"
	mkdir -p $disp_run/edge
	(
		cd $disp_run/edge || exit 1
		slots=$(seq -f k%02g 0 63)
		mkdir gd dp $slots
		chmod 711 $slots
		chown mike-dispatcherd:mike-groupd gd
		chown mike-dispatcherd:mike-policyd dp
		mkdir $(printf '%s/d ' $slots)
		for k in $slots; do
			chown "mike-dispatcherd:mike-$k" "$k/d"
		done
		chmod 2710 gd dp */d
	)
}

disp_ready()
{
	[ "$(grep -c disp.ready "$disp_log")" -gt "$disp_times" ] ||
	    ! kill -0 $disp_pid
}

disp_start()
{
	disp_times=$(grep -c disp.ready "$disp_log")
	/usr/lib/mike/dispatcherd -r $disp_run -d "$@" 2>>"$disp_log" &
	disp_pid=$!
	wait_for 10 disp_ready && kill -0 $disp_pid 2>/dev/null
}

# The shell's notice of the killed job goes nowhere.
disp_kill()
{
	kill -KILL "${1:-$disp_pid}"
	wait "${1:-$disp_pid}" 2>/dev/null
}

disp_drive()
{
	"$B/test/netns/dispdrive" $disp_run 2>&1
}

disp_policies()
{
	ip xfrm policy | awk '
	/^src/ { if (p) print p; p = $0; next }
	{ p = p " " $0 }
	END { if (p) print p }' | tr -s ' \t' ' ' | grep -v ' socket ' |
	    sed 's/ $//' | sort
}

say()
{
	case $1 in
	*:*) say_to="udp6-sendto:[$1]:5000,bind=[$2]" ;;
	*) say_to="udp4-sendto:$1:5000,bind=$2,ip-multicast-if=$2" ;;
	esac
	for i in 1 2 3; do
		echo "in the clear $i" | socat -u - "$say_to" 2>/dev/null
	done
	return 0
}

# Port 5000 here.
hearing()
{
	grep -q ':1388 ' /proc/net/udp /proc/net/udp6
}

deaf()
{
	! hearing
}

hear()
{
	case $1 in
	*:*) hear_at="udp6-recv:5000,ipv6-join-group=[$1]:eth0" ;;
	*) hear_at="udp4-recv:5000,ip-add-membership=$1:eth0" ;;
	esac
	wait_for 5 deaf
	: >/run/heard
	timeout 20 socat -u "$hear_at" open:/run/heard,append &
	echo $! >/run/heard.pid
	wait_for 5 hearing
}

heard()
{
	wait_for 5 grep -q 'in the clear 3' /run/heard
	kill "$(cat /run/heard.pid)"
	cat /run/heard
}

unheard()
{
	sleep 0.7
	kill "$(cat /run/heard.pid)"
	cat /run/heard
}

wire_start()
{
	rm -f /run/wire.err
	# Not by far(): $! would be a shell in between.
	ip netns exec far tcpdump -lnp -i eth0 "$1" >/run/wire \
	    2>/run/wire.err &
	wire_pid=$!
	wait_for 5 grep -q 'listening on' /run/wire.err
}

wire_stop()
{
	sleep 0.3
	kill "$wire_pid"
	wait "$wire_pid" 2>/dev/null
	grep -c . /run/wire # SIGTERM adds an empty line
}

xs()
{
	awk -v n="$1" '$1 == n { print $2 }' /proc/net/xfrm_stat
}

# A datagram of 28 octets that is an IKE header, and nothing else.
ike_header()
{
	printf '\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\0\0\40\42\10\0\0\0\0\0\0\0\34'
}
