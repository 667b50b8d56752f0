# SPDX-License-Identifier: ISC
#
# strongSwan's responder, with directories of its own, for comparison: tuned
# so that neither its tables nor its logs nor its protection hold it back.
#
#   swan_can			is it installed?
#   swan_start HOST psk|ed25519	on a host of the scene; $swan_pid
#   swan_stop
#
# Wants the scene, $pki with ca.pem, hq.pem and hq.key, and $psk.

swan_dir=/run/swan
swan_bin=/usr/sbin/charon-systemd

swan_can()
{
	[ -x $swan_bin ] && command -v swanctl >/dev/null
}

swan_conf()
{
	mkdir -p $swan_dir/private
	cat >$swan_dir/strongswan.conf <<-EOF
		charon-systemd {
		    threads = 16
		    ikesa_table_size = 16384
		    ikesa_table_segments = 16
		    half_open_timeout = 30
		    init_limit_half_open = 0
		    init_limit_job_load = 0
		    dos_protection = no
		    cookie_threshold = 0
		    block_threshold = 0
		    syslog { daemon { default = -1 }
		             auth { default = -1 } }
		    journal { default = -1 }
		    plugins { vici { socket = unix://$swan_dir/vici } }
		}
	EOF
}

swan_conn() # psk|ed25519
{
	local='auth = psk' remote='auth = psk'
	if [ "$1" = ed25519 ]; then
		cp "$pki/hq.key" $swan_dir/private/
		local="auth = pubkey
certs = $pki/hq.pem"
		remote="auth = pubkey
cacerts = $pki/ca.pem"
	fi
	cat >$swan_dir/swanctl.conf <<-EOF
		connections { bench {
		    version = 2
		    proposals = aes256gcm16-prfsha256-x25519
		    childless = allow
		    unique = never
		    rekey_time = 0
		    dpd_delay = 0
		    send_cert = always
		    send_certreq = no
		    local { $local
		        id = "O=Example, CN=hq" }
		    remote { $remote
		        id = "O=Example, CN=*" }
		} }
		secrets { ike-bench { secret = "$(cat "$psk")" } }
	EOF
}

swan_start()
{
	rm -rf $swan_dir
	swan_conf
	swan_conn "$2"
	ip netns exec "$1" env STRONGSWAN_CONF=$swan_dir/strongswan.conf \
	    $swan_bin >$swan_dir/log 2>&1 &
	swan_pid=$!
	wait_for 10 swan_loaded "$1"
}

# The daemon answers, and takes the connection.
swan_loaded()
{
	ip netns exec "$1" swanctl --load-all --uri unix://$swan_dir/vici \
	    --file $swan_dir/swanctl.conf | grep -q 'loaded 1 connections'
}

swan_stop()
{
	[ -z "${swan_pid:-}" ] || kill -KILL "$swan_pid" 2>/dev/null
	wait "${swan_pid:-}" 2>/dev/null
	swan_pid=
}
