#!/bin/sh
# SPDX-License-Identifier: ISC
# MIKE's IKEv2 against strongSwan's: IKE SAs by IKE_AUTH without children (RFC
# 6023), all that both can do, in both directions.  strongSwan does not know
# G-IKEv2; what a receiver of MIKE says about that is part of the test.
#
#	psk ed25519 p256 rsa	MIKE senders, named by how they authenticate
#	gm-psk gm-ed25519 gm-rsa	MIKE receivers that ask strongSwan
#	sw			strongSwan, "CN=sw,O=Lab"
# KEEP=DIR (an existing one) keeps the logs.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] ||
    exec sh tests/lib/root.sh ${KEEP:+-o "$KEEP"} sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh
. tests/lib/swan.sh
swan_can || skip_all "strongSwan is not installed"

SENDERS="psk ed25519 p256 rsa"
RECEIVERS="gm-psk gm-ed25519 gm-rsa"
SCENE_HOSTS="$SENDERS $RECEIVERS sw"
PKI=$SCENE/pki
SECRET="a secret of the laboratory"

scene_number()
{
	case $1 in
	psk) echo 11 ;;
	ed25519) echo 12 ;;
	p256) echo 13 ;;
	rsa) echo 14 ;;
	gm-psk) echo 21 ;;
	gm-ed25519) echo 22 ;;
	gm-rsa) echo 23 ;;
	sw) echo 31 ;;
	esac
}

# --- who is who --------------------------------------------------------------

# An authority between the root and the hosts of p256.
make_sub()
{
	root=$PKI/p256 sub=$PKI/sub
	sh tests/lib/mkpki.sh ca "$sub" p256 "CN=CA sub,O=Lab" &&
	    openssl req -new -key "$sub/ca.key" -subj "/O=Lab/CN=CA sub" |
	    openssl x509 -req -CA "$root/ca.pem" -CAkey "$root/ca.key" \
		-extfile "$sub/db/conf" -extensions anchor -days 300 \
		-out "$sub/ca.pem" || return 1
	for h in sw mike; do
		sh tests/lib/mkpki.sh host "$sub" $h p256 "CN=$h,O=Lab" &&
		    cat "$sub/$h.pem" "$sub/ca.pem" >"$root/$h.pem" &&
		    cp "$sub/$h.key" "$root/$h.key" || return 1
	done
}

make_pki()
{
	for alg in ed25519 p256 rsa other; do
		key=$alg
		[ $alg != other ] || key=ed25519
		sh tests/lib/mkpki.sh ca "$PKI/$alg" $key "CN=CA $alg,O=Lab" &&
		    sh tests/lib/mkpki.sh host "$PKI/$alg" sw $key \
			"CN=sw,O=Lab" || return 1
		[ $alg = other ] || sh tests/lib/mkpki.sh host "$PKI/$alg" \
		    mike $key "CN=mike,O=Lab" || return 1
	done
	make_sub
}

credentials() # HOST
{
	conf=$SCENE/$1/conf alg=${1#gm-}
	if [ "$alg" = psk ]; then
		echo "$SECRET" >"$conf/psk"
		echo "psk = \"$conf/psk\""
		return
	fi
	for ca in ed25519 p256 rsa; do
		cp "$PKI/$ca/ca.pem" "$conf/$ca.pem"
	done
	cp "$PKI/$alg/mike.pem" "$PKI/$alg/mike.key" "$conf/"
	cat <<-EOF
		certificate = "$conf/mike.pem"
		key = "$conf/mike.key"
		anchors = { "$conf/ed25519.pem", "$conf/p256.pem", "$conf/rsa.pem" }
	EOF
}

# HOST ROLE DESIGNATED PORT [LINE...]: LINEs go into its host section
mike_conf()
{
	h=$1 role=$2 asked=$3 port=$4
	shift 4
	mkdir -p "$SCENE/$h/conf" "$SCENE/$h/state"
	cat >"$SCENE/$h/default" <<-EOF
		CONF=$SCENE/$h/conf
		RUN=/run/mike/$h
		STATE=$SCENE/$h/state
		LOG=/var/log/mike-$h.log
		PORTS=$port
	EOF
	cat >"$SCENE/$h/conf/mike.conf" <<-EOF
		host {
		    identity = "CN=mike,O=Lab"
		    $(credentials "$h")
		    interface = { "eth0" }
		    listen = { "$(addr4 "$h")" }
		    port = $port
		    emcon = transmit
		    $(printf '%s\n' "$@")
		}
		peer "mike" {
		    identity = "CN=mike,O=Lab"
		    address = { "$(addr4 "$h")" }
		}
		peer "sw" {
		    identity = "CN=sw,O=Lab"
		    address = { "$(addr4 sw)" }
		    exchange = ike-auth
		}
		group "$GROUP" {
		    id = "$GROUP"
		    address = { "$G4" }
		    role = $role
		    designated = { "$asked" }
		    senders = { "CN=$asked,O=Lab" }
		    receivers = { "CN=sw,O=Lab" }
		}
	EOF
	chown -R root:mike-policyd "$SCENE/$h/conf"
	chmod 750 "$SCENE/$h/conf"
	chmod 640 "$SCENE/$h/conf/"*
}

# CONN HOST AUTH PROPOSALS [LINE...]: strongSwan calls the MIKE on HOST
to_mike()
{
	conn=$1 to=$(addr4 "$2")
	case $3 in
	psk)
		mine='auth = psk
		    id = "O=Lab, CN=sw"' its='auth = psk
		    id = "O=Lab, CN=mike"'
		;;
	*)
		mine="auth = pubkey
		    certs = $3-sw.pem" its='auth = pubkey
		    id = "O=Lab, CN=mike"'
		;;
	esac
	proposals=$4
	shift 4
	swan_conn sw "$conn" "$mine" "$its" "local_addrs = $(addr4 sw)" \
	    "remote_addrs = $to" "proposals = $proposals" "$@"
}

# HOST AUTH PROPOSALS [LINE...]: the MIKE on HOST calls strongSwan
from_mike()
{
	mine="auth = pubkey
	    certs = $2-sw.pem" its='auth = pubkey'
	[ "$2" != psk ] || mine='auth = psk
	    id = "O=Lab, CN=sw"' its='auth = psk'
	from=$(addr4 "$1") conn=$1 proposals=$3
	shift 3
	swan_conn sw "$conn" "$mine" "$its
	    id = \"O=Lab, CN=mike\"" "remote_addrs = $from" \
	    "proposals = $proposals" "$@"
}

gcm=aes256gcm16-prfsha256
GCM="AES_GCM_16_256 PRF_HMAC_SHA2_256"

swan_setup()
{
	swan_new sw 'rsa_pss = yes' 'cookie_threshold = 1' \
	    'fragment_size = 600' || return 1
	for id in sw other; do
		swan_psk sw "$SECRET" "O=Lab, CN=$id" "O=Lab, CN=mike"
	done
	swan_psk sw "another secret" "O=Lab, CN=wrong" "O=Lab, CN=mike"
	for alg in ed25519 p256 rsa other; do
		swan_pki sw "$PKI/$alg" sw || return 1
	done
	# In there it is no anchor.
	cp "$PKI/sub/ca.pem" "$SWAN/sw/x509/sub.pem"
	p848='remote_port = 848'
	to_mike psk psk psk $gcm-x25519 "$p848" "dpd_delay = 1s"
	to_mike cbc psk psk aes256-sha256-prfsha256-x25519 "$p848"
	to_mike p256-ke psk psk $gcm-ecp256 "$p848"
	to_mike p384-ke psk psk $gcm-ecp384 "$p848"
	to_mike retry psk psk $gcm-modp2048-ecp384 "$p848"
	to_mike weak psk psk aes128gcm16-prfsha256-x25519 "$p848"
	for id in wrong other; do
		to_mike $id psk psk $gcm-x25519 "$p848" \
		    "local { id = \"O=Lab, CN=$id\" }"
	done
	to_mike child psk psk $gcm-x25519 "$p848" "childless = never" \
	    "children { child { esp_proposals = aes256gcm16 } }"
	to_mike closed gm-rsa rsa $gcm-x25519
	for alg in ed25519 p256 rsa; do
		to_mike $alg $alg $alg $gcm-x25519 "fragmentation = yes"
	done
	# What one side signs with says nothing of the other.
	to_mike mixed ed25519 rsa aes256-sha256-prfsha256-ecp256
	to_mike untrusted ed25519 other $gcm-x25519
	from_mike gm-psk psk $gcm-x25519
	from_mike gm-ed25519 ed25519 aes256-sha256-prfsha256-ecp384
	from_mike gm-rsa rsa $gcm-ecp256
}

# --- start -------------------------------------------------------------------

scene_net || exit 1
ok "certificates" make_pki
ok "strongSwan's configuration" swan_setup
ok "strongSwan starts" swan_start sw

mike_conf psk sender mike 848 "default-group = \"$GROUP\"" "cookie-above = 0"
mike_conf ed25519 sender mike 500 "default-group = \"$GROUP\"" \
    "fragment = 576"
mike_conf p256 sender mike 500 "default-group = \"$GROUP\"" \
    "fragment = 576"
mike_conf rsa sender mike 500 "default-group = \"$GROUP\""
mike_conf gm-psk receiver sw 500
mike_conf gm-ed25519 receiver sw 500 "fragment = 576"
mike_conf gm-rsa receiver sw 500

pids=
for h in $SENDERS; do
	scene_mike $h start >"$T/start-$h" 2>&1 &
	pids="$pids $!"
done
bad=
for p in $pids; do
	wait "$p" || bad=1
done
if [ -z "$bad" ]; then
	tap_pass "MIKE starts on $SENDERS"
else
	tap_fail "MIKE starts on $SENDERS"
	diag "$(cat "$T"/start-*)"
fi

# --- strongSwan calls MIKE ---------------------------------------------------

believed() { scene_log "$1" 'peer\.authenticated' | wc -l; }
more() { [ "$(believed "$1")" -gt "$2" ]; }

# CONN HOST ALGORITHMS: an IKE SA that both have
stands()
{
	n=$(believed "$2")
	ok "$1: strongSwan calls" swan_up sw "$1" ||
	    diag "$(scene_log "$2" | tail -n 5)"
	is "$1: ESTABLISHED" "$(swan_ike sw "$1")" "ESTABLISHED $3"
	ok "$1: MIKE's log says so" wait_for 3 more "$2" "$n"
}
# CONN HOST ERE: refused, and strongSwan heard why
refused()
{
	n=$(believed "$2")
	no "$1: refused" swan_up sw "$1"
	like "$1: strongSwan is told" "$(cat "$SWAN/sw/up")" "$3"
	is "$1: MIKE did not believe" "$(believed "$2")" "$n"
}

stands psk psk "$GCM CURVE_25519"
like "psk: with a cookie" "$(cat "$SWAN/sw/up")" 'N\(COOKIE\)'
like "psk: MIKE names the peer" "$(scene_log psk 'peer\.authenticated')" \
    'CN=sw,O=Lab.*10\.77\.0\.31'
asked() { swan_log sw 'sending DPD request' | wc -l; }
checked() { [ "$(asked)" -ge 2 ]; }
ok "psk: strongSwan asks whether MIKE lives" wait_for 5 checked
is "psk: MIKE does" "$(swan_ike sw psk)" "ESTABLISHED $GCM CURVE_25519"
ok "psk: strongSwan ends it" swan_down sw psk
like "psk: MIKE has confirmed that" "$(swan_log sw | tail -n 3)" \
    'IKE_SA deleted'
stands cbc psk "AES_CBC_256 PRF_HMAC_SHA2_256 CURVE_25519"
stands p256-ke psk "$GCM ECP_256"
stands p384-ke psk "$GCM ECP_384"
stands retry psk "$GCM ECP_384"
like "retry: after INVALID_KE_PAYLOAD" "$(cat "$SWAN/sw/up")" \
    "didn't accept .*, it requested ECP_384"
refused weak psk 'NO_PROPOSAL_CHOSEN'
refused wrong psk 'AUTHENTICATION_FAILED'
like "wrong: MIKE says why" "$(scene_log psk)" \
    'member\.refused .*claimed="CN=wrong,O=Lab".* why=signature'
# Who is authentic has an IKE SA; the group is another matter.
stands other psk "$GCM CURVE_25519"
like "other: MIKE says that policy has no such receiver" "$(scene_log psk)" \
    'auth\.refused .*not admit this identity" identity="CN=other,O=Lab"'
swan_ctl sw --initiate --child child --timeout 8 >"$SWAN/sw/up" 2>&1
like "child: MIKE makes no Child SA" "$(cat "$SWAN/sw/up")" \
    'failed to establish CHILD_SA, keeping IKE_SA'
is "child: ESTABLISHED all the same" "$(swan_ike sw child)" \
    "ESTABLISHED $GCM CURVE_25519"
for alg in ed25519 p256 rsa; do
	stands $alg $alg "$GCM CURVE_25519"
done
like "ed25519: MIKE's answer comes in fragments" "$(swan_log sw)" \
    'received fragment #2 of'
like "p256: so does strongSwan's request" "$(swan_log sw)" \
    'generating IKE_AUTH request 1 \[ EF\(3/'
like "p256: MIKE sends the authority between" "$(swan_log sw)" \
    'received issuer cert "O=Lab, CN=CA sub"'
like "rsa: both with PSS" "$(cat "$SWAN/sw/up")" \
    "CN=mike' with RSA_EMSA_PSS_SHA2_256"
stands mixed ed25519 "AES_CBC_256 PRF_HMAC_SHA2_256 ECP_256"
refused untrusted ed25519 'AUTHENTICATION_FAILED'
like "untrusted: MIKE says why" "$(scene_log ed25519)" 'untrusted'

# --- MIKE calls strongSwan ---------------------------------------------------

# A receiver without default-group is deaf to others' requests.
ok "gm-rsa: MIKE starts" scene_mike gm-rsa start
no "closed: strongSwan calls it in vain" swan_up sw closed 2
swan_down sw closed
no "closed: not a word" grep -q 'received packet' "$SWAN/sw/up"

# strongSwan's answers to gm-psk get lost: a half-open IKE SA, and from then on
# it wants cookies from everybody.
lost=$(addr4 gm-psk)/32
ip -n sw route add blackhole "$lost"
established()
{
	swan_log sw "established between .*\.\.\.$(addr4 "$1" |
	    sed 's/\./\\./g')\["
}
says() { scene_ctl "$1" status | grep -Eqi -e "$2"; }
no_gike='sw: the IKE SA is up, but .* not speak G-IKEv2'

for h in $RECEIVERS; do
	ok "$h: MIKE starts" scene_mike $h start
	[ $h != gm-psk ] || wait_for 5 swan_is_half_open sw ||
	    diag "no IKE SA is half-open"
done
for h in gm-ed25519 gm-rsa gm-psk; do
	[ $h != gm-psk ] || ip -n sw route del blackhole "$lost"
	ok "$h: ESTABLISHED in strongSwan" wait_for 15 established $h ||
	    diag "$(scene_ctl $h status; swan_log sw | tail -n 30)"
	ok "$h: its status says that strongSwan knows no G-IKEv2" \
	    wait_for 5 says $h "$no_gike" || diag "$(scene_ctl $h status)"
	like "$h: so does its log" "$(scene_log $h)" "$no_gike"
	is "$h: it has no keys" "$(scene_field $h state)" registering
done
like "with a cookie" "$(swan_log sw)" \
    'parsed IKE_SA_INIT request 0 \[ N\(COOKIE\)'
like "gm-ed25519: after INVALID_KE_PAYLOAD" "$(swan_log sw)" \
    'DH group CURVE_25519 unacceptable, requesting ECP_384'
like "gm-ed25519: AES-CBC" "$(swan_log sw)" \
    'selected proposal: IKE:AES_CBC_256/HMAC_SHA2_256_128/.*/ECP_384'
like "gm-ed25519: in fragments" "$(swan_log sw)" \
    "parsed IKE_AUTH request 1 \\[ EF"
like "gm-ed25519: strongSwan believes its signature" "$(swan_log sw)" \
    "CN=mike' with ED25519 successful"
like "gm-rsa: and this one" "$(swan_log sw)" \
    "CN=mike' with RSA_EMSA_PSS_SHA2_256.* successful"
[ -z "${KEEP:-}" ] || cp -r /var/log/mike-* "$SWAN/sw/log" "$KEEP"
swan_stop sw
scene_down
finish
