# SPDX-License-Identifier: ISC
#
# strongSwan as a peer: its charon-systemd in a network namespace that exists,
# with directories of its own and none of this machine's configuration.
# Sourced inside a private root (tests/lib/root.sh), after tap.sh.
#
#   swan_can			is it installed?
#   swan_new NAME [LINE...]	directories; LINEs go into strongswan.conf
#   swan_start NAME [NETNS]	the daemon, in a namespace (default NAME)
#   swan_conn NAME CONN LOCAL REMOTE [LINE...]   adds a connection without
#				children; LOCAL and REMOTE are the insides of
#				those sections
#   swan_psk NAME TEXT [ID ID]	a pre-shared key, between everybody or two
#   swan_pki NAME DIR HOST	ca.pem, HOST.pem, HOST.key of DIR
#   swan_load NAME		takes its configuration anew
#   swan_ctl NAME ...		swanctl of it
#   swan_up NAME CONN		initiate an IKE SA without children; 0: it stands
#   swan_ike NAME CONN		one line: "ESTABLISHED aes256gcm16 ..." or nothing
#   swan_down NAME CONN		end the IKE SAs of CONN, if there are any
#   swan_log NAME [ERE]		its log, or the lines that match
#   swan_half_open NAME FROM ADDRESS PROPOSALS   an IKE_SA_INIT comes to NAME
#				from ADDRESS, which it has no route to; FROM,
#				another strongSwan, sends it
#   swan_stop NAME
#
# The programs are copied: a distribution's AppArmor profiles name them by
# path and forbid other directories than the system's.

SWAN=${SWAN:-/srv/swan}
swan_daemon=/usr/sbin/charon-systemd
swan_plugins="random nonce openssl gcm aes sha1 sha2 hmac kdf pem pkcs1 pkcs8\
 x509 pubkey revocation constraints kernel-netlink socket-default vici"

swan_can()
{
	[ -x $swan_daemon ] && command -v swanctl >/dev/null
}

swan_new()
{
	swan_dir=$SWAN/$1
	mkdir -p "$swan_dir/x509" "$swan_dir/x509ca" "$swan_dir/x509crl" \
	    "$swan_dir/private" "$swan_dir/run" || return 1
	cp $swan_daemon "$SWAN/charon"
	cp "$(command -v swanctl)" "$SWAN/swanctl"
	: >"$swan_dir/swanctl.conf"
	shift
	{
		cat <<-EOF
			charon-systemd {
			    load = $swan_plugins
			    threads = 8
			    install_routes = no
			    retransmit_timeout = 1.0
			    retransmit_tries = 2
			    journal { default = -1 }
			    syslog { daemon { default = -1 }
			             auth { default = -1 } }
			    filelog { log {
			        path = $swan_dir/log
			        default = 1
			        flush_line = yes
			    } }
			    plugins { vici { socket = unix://$swan_dir/vici } }
		EOF
		printf '    %s\n' "$@"
		echo "}"
	} >"$swan_dir/strongswan.conf"
}

swan_start()
{
	swan_dir=$SWAN/$1
	: >"$swan_dir/log"
	# ip-netns(8) makes a mount namespace, so this /run is its own.
	ip netns exec "${2:-$1}" env \
	    STRONGSWAN_CONF="$swan_dir/strongswan.conf" \
	    sh -c "mount -t tmpfs tmpfs /run && exec $SWAN/charon" \
	    >"$swan_dir/out" 2>&1 &
	echo $! >"$swan_dir/pid"
	wait_for 10 test -S "$swan_dir/vici" && swan_load "$1"
}

swan_ctl()
{
	swan_dir=$SWAN/$1 swan_cmd=$2
	shift 2
	SWANCTL_DIR=$swan_dir "$SWAN/swanctl" "$swan_cmd" \
	    --uri "unix://$swan_dir/vici" "$@"
}

swan_conn()
{
	swan_dir=$SWAN/$1
	{
		cat <<-EOF
			connections { $2 {
			    version = 2
			    childless = force
			    mobike = no
			    rekey_time = 0
			    send_cert = always
			    local { $3 }
			    remote { $4 }
		EOF
		shift 4
		printf '    %s\n' "$@"
		echo "} }"
	} >>"$swan_dir/swanctl.conf"
}

swan_psk()
{
	swan_dir=$SWAN/$1 swan_n=0
	echo "secrets { ike-$(echo "$*" | cksum | cut -d' ' -f1) {" \
	    "secret = \"$2\"" >>"$swan_dir/swanctl.conf"
	shift 2
	for swan_id; do
		swan_n=$((swan_n + 1))
		echo "id-$swan_n = \"$swan_id\"" >>"$swan_dir/swanctl.conf"
	done
	echo "} }" >>"$swan_dir/swanctl.conf"
}

swan_pki()
{
	cp "$2/ca.pem" "$SWAN/$1/x509ca/$(basename "$2").pem" &&
	cp "$2/$3.pem" "$SWAN/$1/x509/$(basename "$2")-$3.pem" &&
	cp "$2/$3.key" "$SWAN/$1/private/$(basename "$2")-$3.key"
}

swan_load()
{
	swan_ctl "$1" --load-all --clear --noprompt >"$SWAN/$1/loaded" 2>&1 || {
		cat "$SWAN/$1/loaded"
		return 1
	}
}

swan_up()
{
	swan_ctl "$1" --initiate --ike "$2" --timeout "${3:-8}" \
	    >"$SWAN/$1/up" 2>&1 || {
		tail -n 12 "$SWAN/$1/up"
		return 1
	}
}

swan_ike()
{
	swan_ctl "$1" --list-sas --ike "$2" --raw 2>/dev/null |
	    tr ' ' '\n' | awk -F= '
	    { v[$1] = $2 }
	    $1 == "dh-group" {
		print v["state"], v["encr-alg"] "_" v["encr-keysize"],
		    v["prf-alg"], v["dh-group"]
	    }'
}

swan_down()
{
	swan_ctl "$1" --terminate --ike "$2" --timeout 5 >/dev/null 2>&1
}

swan_log()
{
	grep -E -e "${2:-.}" "$SWAN/$1/log"
}

swan_half_open()
{
	swan_to=$(ip -n "$1" -4 -o addr show dev eth0 |
	    sed 's/.*inet \([0-9.]*\).*/\1/;q')
	ip -n "$1" route add blackhole "$3/32" &&
	ip -n "$2" addr add "$3/32" dev eth0 &&
	swan_conn "$2" half "auth = psk" "auth = psk" "local_addrs = $3" \
	    "remote_addrs = $swan_to" "proposals = $4" &&
	swan_conn "$1" half "auth = psk" "auth = psk" "remote_addrs = $3" \
	    "proposals = $4" &&
	swan_load "$1" && swan_load "$2" || return 1
	swan_ctl "$2" --initiate --ike half --timeout 1 >/dev/null 2>&1
	wait_for 3 swan_is_half_open "$1"
}

swan_is_half_open()
{
	swan_ctl "$1" --stats | grep -q 'IKE_SAs: .*, [1-9][0-9]* half-open'
}

swan_stop()
{
	swan_pid=$(cat "$SWAN/$1/pid" 2>/dev/null) || return 0
	kill -TERM "$swan_pid" 2>/dev/null
	swan_gone() { ! kill -0 "$swan_pid" 2>/dev/null; }
	wait_for 3 swan_gone || kill -KILL "$swan_pid" 2>/dev/null
	wait "$swan_pid" 2>/dev/null
	rm -f "$SWAN/$1/pid" "$SWAN/$1/vici"
}
