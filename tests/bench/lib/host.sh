# SPDX-License-Identifier: ISC
#
# A sender on "hq" of the scene that takes whatever load it gets, and what is
# needed to make that load from "r1".
#
#   host_net		the scene, $pki with ca.pem, ca.key, hq.pem, hq.key; $psk
#   host_start psk|ed25519	; then $pid_DAEMON
#   host_stop
#   host_pin		before the others: daemons and load on different cores
#   load HOST PORT FIRST OPTION...	$COUNT registrations with regload
#
# HOST_MORE: further options of the host.  Wants tap.sh and scene.sh.

regload=$B/test/bench/regload
pki=$SCENE/pki
psk=$SCENE/psk
out=/tmp/bench
daemons="policyd dispatcherd groupd keymgrd"

# Who serves gets one core, and the load another: so what is compared does not
# depend on how processes are spread, and is per core as the figures say.  PIN=0
# leaves it to the kernel.
host_pin()
{
	load_on=
	[ "${PIN:-1}" = 1 ] && [ "$(nproc)" -ge 2 ] || return 0
	taskset -cp 0 $$ >/dev/null && load_on="taskset -c 1"
}

host_net()
{
	mkdir -p $out
	scene_net || return 1
	echo "a pre-shared key for benches" >$psk
	sh tests/lib/mkpki.sh ca $pki && host_cert hq
}

# As long as those of the members, by a name that is as long as it takes.
host_cert()
{
	pad=$1.
	for i in 1 2; do
		sh tests/lib/mkpki.sh host $pki "$1" "CN=$1,O=Example" \
		    "DNS:$pad" || return 1
		pad=$pad$(openssl x509 -in "$pki/$1.pem" -outform der |
		    wc -c | awk '{ while ($1++ < 450) printf "x" }')
	done
}

fail()
{
	echo "bench: $*" >&2
	tail -n 20 /var/log/mike-hq.log >&2
	exit 1
}

host_policy() # psk|ed25519
{
	mkdir -p "$SCENE/hq/conf" "$SCENE/hq/state"
	cat >"$SCENE/hq/default" <<-EOF
		CONF=$SCENE/hq/conf
		RUN=/run/mike/hq
		STATE=$SCENE/hq/state
		LOG=/var/log/mike-hq.log
		PORTS=848
		SPAWN_FLAGS=
	EOF
	cp "$psk" "$pki/ca.pem" "$pki/hq.pem" "$pki/hq.key" "$SCENE/hq/conf/"
	auth='psk = "psk"'
	[ "$1" = psk ] ||
	    auth='certificate = "hq.pem"
		key = "hq.key"
		anchors = { "ca.pem" }'
	# Nothing of what holds back a flood may hold back the load.
	cat >"$SCENE/hq/conf/mike.conf" <<-EOF
		host {
		    identity     = "CN=hq,O=Example"
		    $auth
		    interface    = { "eth0" }
		    listen       = { "$(addr4 hq)" }
		    ${HOST_MORE-cookie-above = 1000000}
		}
		peer "hq" {
		    identity = "CN=hq,O=Example"
		    address  = { "$(addr4 hq)" }
		}
		group "$GROUP" {
		    address         = { "$G4" }
		    ports           = "5000-5010"
		    role            = sender
		    designated      = { "hq" }
		    senders         = { "CN=hq,O=Example" }
		    receivers       = { "CN=gm-*,O=Example" }
		    half-open-max   = 65536
		    members-max     = 100000
		    per-source-rate = 100000
		    profile         = per-sender
		}
	EOF
	chown -R "root:mike-policyd" "$SCENE/hq/conf"
	chmod 750 "$SCENE/hq/conf"
	chmod 640 "$SCENE/hq/conf/"*
}

host_settled()
{
	case $(scene_field hq state) in
	keyed | "degraded: no-esp") true ;;
	*) false ;;
	esac
}

host_start() # psk|ed25519
{
	rm -rf "$SCENE/hq"
	: >/var/log/mike-hq.log
	host_policy "$1"
	scene_mike hq start >$out/start 2>&1 || fail "$(cat $out/start)"
	wait_for 15 host_settled || fail "the group has no keys"
	for d in $daemons; do
		eval "pid_$d=$(scene_pid hq $d)"
	done
}

host_stop()
{
	scene_mike hq stop >/dev/null
}

load() # HOST PORT FIRST OPTION...
{
	host=$1 port=$2 first=$3
	shift 3
	on r1 $load_on "$regload" "$@" -n "$COUNT" -w "$WINDOW" -o "$first" \
	    "$(addr4 "$host")" "$port" >$out/load 2>&1 ||
	    fail "$host did not serve the load: $(cat $out/load)"
}
