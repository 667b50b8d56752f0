#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# The other ways to register, with the real daemons: the CNSA suite, RSA and
# P-256 certificates, a post-quantum key, childless IKE_AUTH, fragments.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh

registered() { scene_ctl "$1" status | grep -qE ': (keyed|degraded: no-esp)$'; }
says() { scene_ctl "$1" status | grep -qE "$2"; }
logged() { scene_log "$1" "$2" | grep -q .; }
pki() { sh tests/lib/mkpki.sh "$@"; }

# HOST COUNTER: of the key manager, by its full name.
counter()
{
	scene_ctl "$1" --json status |
	    sed -n "s/^ *\"$2\": \([0-9]*\),\{0,1\}\$/\1/p" | head -1
}

# Certificates of one algorithm into SCENE_PKI, where scene_conf takes them.
certificates()
{
	mkdir -p "$SCENE_PKI/ours"
	pki ca "$SCENE_PKI/ours" "$1" "CN=ca,O=Lab" || return 1
	for h in hq r1; do
		pki host "$SCENE_PKI/ours" $h "$1" "CN=$h,O=Lab" || return 1
	done
	pki crl "$SCENE_PKI/ours"
}

# HOST SED-COMMAND...: a change of its policy.
edit()
{
	edit_host=$1
	shift
	for e in "$@"; do
		sed -i "$e" "$SCENE/$edit_host/conf/mike.conf"
	done
}

# ppk HOST SECRET
ppk()
{
	echo "$2" >"$SCENE/$1/conf/ppk"
	chown root:mike-policyd "$SCENE/$1/conf/ppk"
	chmod 640 "$SCENE/$1/conf/ppk"
	edit "$1" "s|^    port .*|&\n    ppk = \"$SCENE/$1/conf/ppk\"|" \
	    's|^    port .*|&\n    ppk-id = "lab-2026"|'
}

again()
{
	for h in hq r1; do
		rm -f "/var/log/mike-$h.log"
		ok "$1: $h starts" scene_mike $h start
	done
}
stop() { for h in r1 hq; do scene_mike $h stop --open >/dev/null 2>&1; done; }

scene_net || exit 1

SCENE_AUTH=cert SCENE_PKI=$SCENE/pki-p384
ok "certificates of P-384" certificates p384
for h in hq r1; do
	scene_conf $h
	edit $h 's|suite .*|suite = cnsa|'
done
again cnsa
ok "cnsa: r1 registers" wait_for 10 registered r1
ok "cnsa: hq knows it by its certificate" \
    logged hq 'member\.registered .*identity="CN=r1,O=Lab"'
stop
# One side has another idea of it.
scene_conf r1
again "cnsa at one end"
ok "cnsa at one end: nothing in common" \
    wait_for 10 says r1 'unprotected notify 14'
not_registered() { ! registered r1; }
ok "cnsa at one end: r1 does not register" not_registered
stop

SCENE_AUTH=cert SCENE_PKI=$SCENE/pki-p256
ok "certificates of P-256" certificates p256
for h in hq r1; do
	scene_conf $h
	ppk $h "a post-quantum key of the laboratory"
done
again ppk
ok "ppk: r1 registers" wait_for 10 registered r1
stop
ppk_file=$SCENE/r1/conf/ppk
echo "another post-quantum key of it" >"$ppk_file"
again "another ppk"
ok "another ppk: r1 is not believed" \
    wait_for 10 says r1 'authentication failed'
is "another ppk: as a wrong signature" \
    "$(test "$(counter hq auth.signature)" -ge 1 && echo yes)" yes
stop

SCENE_AUTH=cert SCENE_PKI=$SCENE/pki-rsa
ok "certificates of RSA" certificates rsa
for h in hq r1; do
	scene_conf $h
	edit $h 's|^    port .*|&\n    fragment = 576|'
done
edit r1 's|^peer "hq" {|&\n    exchange = ike-auth|'
again "ike-auth"
ok "ike-auth: r1 registers" wait_for 10 registered r1
is "ike-auth: with IKE_AUTH first" "$(counter hq auth.ike-auth)" 1
# The last of them makes the message, and is not counted here.
is "ike-auth: in fragments, both ways" "$(
    test "$(counter hq fragment.taken)" -ge 2 &&
    test "$(counter r1 fragment.taken)" -ge 2 && echo yes)" yes
ok "ike-auth: then the group" \
    logged hq 'peer\.authenticated .*identity="CN=r1,O=Lab"'
stop

finish
