#!/bin/sh
# SPDX-License-Identifier: ISC
# Two strongSwans with each other, in all the ways in which MIKE then meets
# one (mike-swan.sh): what fails here is not MIKE's fault.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lib/swan.sh
swan_can || skip_all "strongSwan is not installed"
T=$(mktemp -d) || exit 1
pki=tests/lib/mkpki.sh

ip netns add a && ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n b addr add 10.88.0.3/24 dev eth0
n=0
for h in a b; do
	n=$((n + 1))
	ip -n $h -b - <<-END
		link set lo up
		link set eth0 up
		addr add 10.88.0.$n/24 dev eth0
	END
done

algs="ed25519 p256 rsa"
for alg in $algs; do
	sh $pki ca "$T/$alg" $alg && sh $pki host "$T/$alg" a $alg "CN=a,O=Lab" &&
	    sh $pki host "$T/$alg" b $alg "CN=b,O=Lab"
done >"$T/pki.log" 2>&1

swan_new a 'rsa_pss = yes'
# Whoever comes while there is a half-open IKE SA must show a cookie.
swan_new b 'rsa_pss = yes' 'cookie_threshold = 1'
gcm=aes256gcm16-prfsha256-x25519
for alg in $algs; do
	swan_pki a "$T/$alg" a
	swan_pki b "$T/$alg" b
	swan_conn a $alg "auth = pubkey
	    certs = $alg-a.pem" "auth = pubkey
	    cacerts = $alg.pem
	    id = \"O=Lab, CN=b\"" \
	    "local_addrs = 10.88.0.1" "remote_addrs = 10.88.0.2" \
	    "proposals = $gcm" "fragmentation = force"
	swan_conn b $alg "auth = pubkey
	    certs = $alg-b.pem" "auth = pubkey
	    cacerts = $alg.pem" \
	    "remote_addrs = 10.88.0.1" "proposals = $gcm" "fragmentation = force"
done
swan_psk a "a secret of the laboratory"
swan_psk b "a secret of the laboratory"
# An IKE_SA_INIT chooses among connections by address.
psk_conn() # NAME ADDRESS PROPOSALS [REMOTE-PROPOSALS]
{
	swan_conn a $1 'auth = psk
	    id = "O=Lab, CN=a"' "auth = psk
	    id = \"O=Lab, CN=$1\"" \
	    "local_addrs = 10.88.0.1" "remote_addrs = $2" \
	    "proposals = $3"
	swan_conn b $1 "auth = psk
	    id = \"O=Lab, CN=$1\"" 'auth = psk
	    id = "O=Lab, CN=a"' \
	    "local_addrs = $2" "remote_addrs = 10.88.0.1" \
	    "proposals = ${4:-$3}"
}
psk_conn psk 10.88.0.2 $gcm
psk_conn cbc 10.88.0.2 aes256-sha256-prfsha256-ecp384
psk_conn retry 10.88.0.3 aes256gcm16-prfsha256-x25519-ecp256 \
    aes256gcm16-prfsha256-ecp256

# CONN WHAT: it stands with those algorithms, and ends.
stands()
{
	ok "$1: initiated" swan_up a $1
	is "$1: both ends say so" "$(swan_ike a $1) / $(swan_ike b $1)" \
	    "ESTABLISHED $2 / ESTABLISHED $2"
	ok "$1: ends" swan_down a $1
	is "$1: and is gone" "$(swan_ike b $1)" ""
}
gcm_said="AES_GCM_16_256 PRF_HMAC_SHA2_256 CURVE_25519"

ok "a starts" swan_start a
ok "b starts" swan_start b
stands psk "$gcm_said"
for alg in $algs; do
	stands $alg "$gcm_said"
done
like "rsa is PSS" "$(swan_log a)" "with RSA_EMSA_PSS_SHA2_256"
like "in fragments" "$(swan_log b)" 'received fragment #2 of 2'
stands cbc "AES_CBC_256 PRF_HMAC_SHA2_256 ECP_384"
stands retry "AES_GCM_16_256 PRF_HMAC_SHA2_256 ECP_256"
like "with another KE group than at first" "$(swan_log a)" \
    "didn't accept (DH|key exchange).* CURVE_25519, it requested ECP_256"

ok "a half-open IKE SA" swan_half_open b a 10.88.0.9 $gcm
stands psk "$gcm_said"
like "then b asks for a cookie" "$(swan_log a)" 'N\(COOKIE\)'
swan_stop a
swan_stop b
like "a ended in order" "$(swan_log a)" 'SIGTERM received, shutting down'
finish
