# SPDX-License-Identifier: ISC
#
# The scene: a bridge in a namespace of its own ("wire"), on it the hosts
#
#	hq	 10.77.0.1 fd77::1	sender and key server of ops-net
#	r1	 10.77.0.2 fd77::2	receiver
#	r2	 10.77.0.3 fd77::3	receiver
#	stranger 10.77.0.9 fd77::9	on the same wire, no part in the group
#
# and, where certificates tell who is who (SCENE_AUTH=cert), two with suites
# of their own that want the keys and may not have them:
#
#	mallory	 10.77.0.7 fd77::7	certificate of another authority
#	guest	 10.77.0.8 fd77::8	of ours, but of a name not in the policy
#
# each in a network namespace of its own, members with directories of their
# own, started and stopped by the SysV script.  Sourced by tests that run in
# a private root (tests/lib/root.sh or the lab), with B set.  route.sh makes
# two wires of it, with a router between.
#
#   scene_net			the namespaces and the wire
#   scene_up [HOST...]		network, policies of all, suite on hq r1 r2
#   scene_conf HOST		(re)write the policy of one host
#   scene_mike HOST start|stop|...	its init script
#   scene_ctl HOST ...		its mikectl
#   scene_keyed HOST [SECONDS]	wait until the host has keys
#   scene_field HOST FIELD	from its status as JSON: the first such field
#   scene_log HOST [ERE]	its log, or the lines that match
#   scene_pid HOST DAEMON	process ids
#   scene_policies HOST		how many kernel policies of the group's addresses
#   scene_hears HOST GROUP COMMAND...  how many datagrams an application on
#				HOST gets while COMMAND runs: "3"
#   scene_heard FAMILY HOPS HOST...  hq's application sends 50 datagrams with
#				this hop limit; what each host's application
#				has of them: "r1=50 r2=49-1 ", one of 50 lost
#   scene_count HOST GROUP, scene_counted HOST...   the same while more happens
#   scene_capture NAME [HOST INTERFACE]	what the wire carries, to NAME; or
#				what comes and goes at a host's interface
#   scene_captured NAME		ends it; fails when it missed a frame
#   scene_down			everything ends, whatever the state
#   on HOST COMMAND...		run a command on a host

SCENE=${SCENE:-/srv/mike}
SCENE_AUTH=${SCENE_AUTH:-psk}
SCENE_PKI=${SCENE_PKI:-/run/share/pki}	# pki.sh makes it
SCENE_HOSTS="hq r1 r2 stranger"
[ "$SCENE_AUTH" = psk ] || SCENE_HOSTS="$SCENE_HOSTS mallory guest"
G4=239.192.10.1
G6=ff15::4d49:1
PORT=5000
GROUP=ops-net
T=$SCENE/tmp
mcast=$B/test/lab/mcast
frames=$B/test/lab/frames
capcheck=$B/test/lab/capcheck

on()
{
	scene_host=$1
	shift
	ip netns exec "$scene_host" "$@"
}

scene_number()
{
	case $1 in
	hq) echo 1 ;;
	r1) echo 2 ;;
	r2) echo 3 ;;
	mallory) echo 7 ;;
	guest) echo 8 ;;
	*) echo 9 ;;
	esac
}

addr4() { echo "10.77.0.$(scene_number "$1")"; }
addr6() { echo "fd77::$(scene_number "$1")"; }

# --- network ---------------------------------------------------------------

scene_bridge() # NAME OPTION...
{
	scene_br=$1
	shift
	ip -n wire link add "$scene_br" type bridge "$@" &&
	    ip -n wire link set "$scene_br" up
}

scene_plug() # HOST BRIDGE: a namespace, plugged in
{
	ip netns add "$1" || return 1
	# Duplicate address detection would make each address wait.
	on "$1" sh -c 'for i in all default; do
		echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/$i/router_solicitations
	done'
	ip -n wire link add "p-$1" type veth peer name eth0 netns "$1"
	ip -n wire link set "p-$1" master "$2" up
	ip -n "$1" -b - <<-EOF
		link set lo up
		link set eth0 up
		addr add $(addr4 "$1")/24 dev eth0
		addr add $(addr6 "$1")/64 dev eth0 nodad
		route add 224.0.0.0/4 dev eth0
	EOF
}

scene_net()
{
	mkdir -p "$T" /run/mike /var/log || return 1
	ip netns add wire
	scene_bridge br0 mcast_snooping 0 || return 1
	for h in $SCENE_HOSTS; do
		scene_plug "$h" br0 || return 1
	done
}

# --- policy ----------------------------------------------------------------

# The addresses of a host as a list of its policy; a receiver asks the first.
scene_addresses()
{
	if [ "${SCENE_FIRST:-4}" = 4 ]; then
		echo "\"$(addr4 "$1")\", \"$(addr6 "$1")\""
	else
		echo "\"$(addr6 "$1")\", \"$(addr4 "$1")\""
	fi
}

scene_peer()
{
	cat <<-EOF
		peer "$1" {
		    identity = "CN=$1,O=Lab"
		    address = { $(scene_addresses "$1") }
		}
	EOF
}

# Who a host is, as lines of its host section; the files go to its conf.
scene_credentials()
{
	scene_dir=$SCENE/$1/conf
	if [ "$SCENE_AUTH" = psk ]; then
		printf '%s\n' "${SCENE_PSK:-a pre-shared key of the laboratory}" \
		    >"$scene_dir/psk"
		echo "    psk       = \"$scene_dir/psk\""
		return
	fi
	ca=ours
	[ "$1" != mallory ] || ca=other
	cp "$SCENE_PKI/ours/ca.pem" "$scene_dir/ca.pem"
	cp "$SCENE_PKI/ours/crl.pem" "$scene_dir/crl.pem"
	cp "$SCENE_PKI/$ca/${SCENE_AS:-$1}.pem" "$scene_dir/cert.pem"
	cp "$SCENE_PKI/$ca/${SCENE_AS:-$1}.key" "$scene_dir/key.pem"
	cat <<-EOF
		    certificate = "$scene_dir/cert.pem"
		    key         = "$scene_dir/key.pem"
		    anchors     = { "$scene_dir/ca.pem" }
		    crls        = { "$scene_dir/crl.pem" }
	EOF
}

# Variables change one thing for a test: SCENE_PSK, SCENE_ID (the group's id),
# SCENE_RECEIVERS (a name pattern at hq), SCENE_LIFETIME, SCENE_DTD; SCENE_AS
# (whose name and certificate); SCENE_FIRST=6 (ask by IPv6).
scene_conf()
{
	role=receiver
	[ "$1" != hq ] || role=sender
	mkdir -p "$SCENE/$1/conf" "$SCENE/$1/state"
	cat >"$SCENE/$1/default" <<-EOF
		CONF=$SCENE/$1/conf
		RUN=/run/mike/$1
		STATE=$SCENE/$1/state
		LOG=/var/log/mike-$1.log
		PORTS=848
		SPAWN_FLAGS=${SCENE_FLAGS:-}
	EOF
	{
		cat <<-EOF
			host {
			    identity  = "CN=${SCENE_AS:-$1},O=Lab"
		EOF
		scene_credentials "$1"
		cat <<-EOF
			    interface = { "eth0" }
			    listen    = { $(scene_addresses "$1") }
			    port      = 848
			    emcon     = transmit
			}
		EOF
		scene_peer hq
		scene_peer r1
		scene_peer r2
		cat <<-EOF
			group "$GROUP" {
			    id          = "${SCENE_ID:-$GROUP}"
			    address     = { "$G4", "$G6" }
			    ports       = "5000-5010"
			    role        = $role
			    designated  = { "hq" }
			    senders     = { "CN=hq,O=Lab" }
			    receivers   = { "${SCENE_RECEIVERS:-CN=r*,O=Lab}" }
			    suite       = default
			    lifetime    = ${SCENE_LIFETIME:-8h}
			    atd         = 2s
			    dtd         = ${SCENE_DTD:-30s}
			    profile     = per-sender
			    hop-limit   = 8
			    source-auth = none
			}
		EOF
	} >"$SCENE/$1/conf/mike.conf"
	chown -R "root:mike-policyd" "$SCENE/$1/conf"
	chmod 750 "$SCENE/$1/conf"
	chmod 640 "$SCENE/$1/conf/"*
}

# --- the suite -------------------------------------------------------------

scene_mike()
{
	scene_host=$1
	shift
	ip netns exec "$scene_host" env \
	    MIKE_DEFAULTS="$SCENE/$scene_host/default" /etc/init.d/mike "$@"
}

scene_ctl()
{
	scene_host=$1
	shift
	mikectl -r "/run/mike/$scene_host" "$@"
}

scene_keyed()
{
	scene_ctl "$1" status --wait "${2:-15}" >/dev/null
}

scene_up()
{
	scene_net || return 1
	for h in ${*:-hq r1 r2}; do
		scene_conf "$h" || return 1
	done
	# Side by side: waiting for three starts in turn takes three times as
	# long.
	scene_pids=
	for h in ${*:-hq r1 r2}; do
		scene_mike "$h" start >"$T/start-$h" 2>&1 &
		scene_pids="$scene_pids $!"
	done
	for p in $scene_pids; do
		wait "$p" || { cat "$T"/start-*; return 1; }
	done
}

scene_field()
{
	scene_ctl "$1" --json status | sed -n \
	    "s/^ *\"$2\": *\"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" |
	    head -n 1
}

scene_log()
{
	grep -E -e "${2:-.}" "/var/log/mike-$1.log"
}

# With exec of a helper by `ip netns exec` a name is not enough: the pids of
# the namespace, then those whose program it is.
scene_pid()
{
	for p in $(ip netns pids "$1"); do
		[ "$(readlink "/proc/$p/exe")" != "/usr/lib/mike/$2" ] &&
		    [ "$(readlink "/proc/$p/exe")" != "/usr/sbin/$2" ] ||
		    echo "$p"
	done
}

# Sockets with a bypass have policies too; those are not counted.
scene_policies()
{
	on "$1" ip xfrm policy | grep -cE \
	    "^src (0.0.0.0/0|::/0) dst ($G4/32|$G6/128) proto udp"
}

# It listens until COMMAND has ended and half a second more: the kernel looks
# at a group's packets only while somebody has joined.
scene_hears()
{
	scene_at=$1 scene_group=$2
	shift 2
	rm -f "$T/hears-ready" "$T/hears-stop"
	ip netns exec "$scene_at" "$mcast" count "$scene_group" $PORT eth0 \
	    -t 60000 -w "$T/hears-ready" -S "$T/hears-stop" \
	    >"$T/hears" 2>&1 &
	scene_pid=$!
	wait_for 5 test -e "$T/hears-ready"
	"$@" >/dev/null 2>&1 || echo "(command failed)"
	touch "$T/hears-stop"
	wait $scene_pid
	sed -n 's/^got=\([0-9]*\) .*/\1/p' "$T/hears"
}

# Several at once: count begins in the background, counted ends it.
scene_count() # HOST GROUP
{
	rm -f "$T/ready-$1" "$T/stop-$1"
	ip netns exec "$1" "$mcast" count "$2" $PORT eth0 -t 60000 \
	    -w "$T/ready-$1" -S "$T/stop-$1" >"$T/count-$1" 2>&1 &
	wait_for 5 test -e "$T/ready-$1"
}

scene_counted() # HOST...
{
	# All at once: each listens for half a second more.
	for h; do
		touch "$T/stop-$h"
	done
	for h; do
		wait_for 5 grep -q '^got=' "$T/count-$h"
		sed -n "s/^got=\\([0-9]*\\) .* lost=\\([0-9]*\\) .*/$h=\\1-\\2 /p" \
		    "$T/count-$h" | sed 's/-0 / /' | tr -d '\n'
	done
}

scene_heard() # FAMILY HOPS HOST...
{
	eval "scene_group=\$G$1"
	scene_hops=$2 scene_from=$(addr"$1" hq)
	shift 2
	for h; do
		scene_count "$h" "$scene_group"
	done
	on hq "$mcast" stream "$scene_group" $PORT eth0 -r 400 -l 400 -n 50 \
	    -T "$scene_hops" -s "$scene_from" >"$T/stream" 2>&1
	sleep 0.2
	scene_counted "$@"
}

# --- the wire --------------------------------------------------------------

scene_capture()
{
	rm -f "$1.ready"
	ip netns exec "${2:-wire}" "$frames" capture "${3:-br0}" "$1" \
	    >"$1.out" 2>&1 &
	echo $! >"$1.pid"
	wait_for 5 test -e "$1.ready"
}

scene_captured()
{
	sleep 0.2
	scene_pid=$(cat "$1.pid")
	kill -TERM "$scene_pid"
	# Not wait: we may be in a subshell that is not its parent.
	wait_for 5 grep -q '^frames=' "$1.out"
	cat "$1.out"
	grep -q 'missed=0$' "$1.out"
}

# --- the end ---------------------------------------------------------------

scene_down()
{
	[ -n "${MIKE_PRIVATE_ROOT:-}" ] || return 1
	# In a private root every namespace is the scene's.
	for h in $(ip netns list | cut -d' ' -f1); do
		for p in $(ip netns pids "$h" 2>/dev/null); do
			kill -KILL "$p" 2>/dev/null
		done
	done
	for h in $(ip netns list | cut -d' ' -f1); do
		ip netns del "$h" 2>/dev/null
	done
	rm -rf "$SCENE" /run/mike/* /var/log/mike-*.log
}
