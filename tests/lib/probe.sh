# SPDX-License-Identifier: ISC
#
# One host's suite for tests/sandbox: started by mike-spawn inside a private
# root (tests/lib/root.sh), with one program replaced by a probe build.
# Sourced after tap.sh.
#
#   probe_host			a network, a policy with one group
#   probe_start [PROGRAM ACT]	start mike-spawn; its log is $plog
#   probe_stop			kill all of it
#   probe_pid			of the process that reached the probe
#   probe_died NAME		did mike-spawn see that process die by SIGSYS?
#   must_die PROGRAM ACT	one test: the act is the end of the process
#   must_live PROGRAM		tests: the same build without an act lives on

conf=/etc/mike
state=/var/lib/mike
run=/run/mike
lib=/run/probe-lib
plog=/run/probe.log
group=ops-net
spawn_pid=

probe_host()
{
	mkdir -p "$conf" "$state" "$lib" || return 1
	chmod 755 "$lib"
	ip link add eth0 type veth peer name far0 || return 1
	ip link set eth0 up && ip link set far0 up || return 1
	ip addr add 10.77.0.1/24 dev eth0 || return 1
	ip route add 224.0.0.0/4 dev eth0
	echo "a pre-shared key for the sandbox tests" >"$conf/psk"
	cat >"$conf/mike.conf" <<-EOF
		host {
		    identity  = "CN=hq,O=Lab"
		    psk       = "$conf/psk"
		    interface = { "eth0" }
		    listen    = { "10.77.0.1" }
		    port      = 848
		}
		peer "hq" {
		    identity = "CN=hq,O=Lab"
		    address  = { "10.77.0.1" }
		}
		group "$group" {
		    id         = "$group"
		    address    = { "239.192.10.1" }
		    ports      = "5000-5010"
		    role       = sender
		    designated = { "hq" }
		    senders    = { "CN=hq,O=Lab" }
		    receivers  = { "CN=r*,O=Lab" }
		    profile    = per-sender
		}
	EOF
	chown -R root:mike-policyd "$conf"
	chmod 750 "$conf"
	chmod 640 "$conf"/*
}

probe_start()
{
	spawn=mike-spawn
	rm -f "$plog" "$lib"/*
	: >"$plog"
	cp /usr/lib/mike/policyd /usr/lib/mike/dispatcherd \
	    /usr/lib/mike/groupd /usr/lib/mike/keymgrd "$lib/" || return 1
	[ -z "${1:-}" ] || [ -x "$B/probe/$1-$2" ] || {
		echo "Bail out! $B/probe/$1-$2 was not built"
		exit 1
	}
	case ${1:-} in
	'') ;;
	mike-spawn) spawn=$B/probe/$1-$2 ;;
	*) cp "$B/probe/$1-$2" "$lib/$1" || return 1 ;;
	esac
	"$spawn" -c "$conf" -r "$run" -s "$state" -b "$lib" -o "$plog" -d \
	    2>>"$plog" &
	spawn_pid=$!
}

probe_stop()
{
	kill -KILL "$spawn_pid" 2>/dev/null
	wait "$spawn_pid" 2>/dev/null
	spawn_rc=$?
	# The daemons die with it; a new instance must not meet the old one.
	wait_for 5 nobody_left
	rm -rf "$run" "$state"
	mkdir -p "$state"
}

nobody_left()
{
	for p in /proc/[0-9]*/exe; do
		case $(readlink "$p") in
		"$lib"/* | */mike-spawn*) return 1 ;;
		esac
	done
}

# Whether a group is joined from the start is policy; both are fine here.
join()
{
	mikectl -r "$run" join "$group" 2>&1 | grep -v 'member' >&2
	mikectl -r "$run" status 2>/dev/null | grep -q "^group *$group"
}

probe_pid()
{
	sed -n 's/^probe: act=[a-z]* pid=\([0-9]*\) reached=0$/\1/p' "$plog" |
	    sed 1q
}

reached()
{
	[ -n "$(probe_pid)" ]
}

# A key manager starts when its group is joined.
until_reached()
{
	[ "$1" != keymgrd ] || wait_for 5 join
	wait_for 10 reached
}

probe_died()
{
	grep -Eq "child\.died name=$1( slot=00)? pid=$(probe_pid) signal=31" \
	    "$plog"
}

show_log()
{
	diag "$(tail -n 40 "$plog")"
}

must_die()
{
	probe_start "$1" "$2"
	if ! until_reached "$1"; then
		tap_fail "$1: the act \"$2\" is committed"
		show_log
	elif ! wait_for 5 probe_died "$1"; then
		tap_fail "$1: \"$2\" ends it by SIGSYS"
		show_log
	elif grep -q '^probe: .* survived=' "$plog"; then
		tap_fail "$1: \"$2\" is stopped before it has an effect"
		show_log
	else
		tap_pass "$1: \"$2\" ends it by SIGSYS"
	fi
	probe_stop
}

# Threads of PID that are not under a filter, or could gain privileges.
# Those of mike-spawn may: see its manual.
unconfined()
{
	for t in /proc/"$1"/task/*/status; do
		grep -q '^Seccomp:[[:space:]]*2$' "$t" || echo "$t: no filter"
		[ "$2" = mike-spawn ] ||
		    grep -q '^NoNewPrivs:[[:space:]]*1$' "$t" ||
		    echo "$t: no no_new_privs"
	done
}

# Nothing dies, so the other tests prove the act and not a failed start.
must_live()
{
	probe_start "$1" none
	if ! until_reached "$1"; then
		tap_fail "$1: start-up reaches the probe"
		show_log
		probe_stop
		return
	fi
	join || diag "join failed"
	sleep 1.5
	ok "$1: lives when it commits nothing" \
	    sh -c "kill -0 $(probe_pid) && ! grep child.died $plog" || show_log
	is "$1: every thread is confined" \
	    "$(unconfined "$(probe_pid)" "$1")" ""
	probe_stop
}
