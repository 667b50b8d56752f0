# SPDX-License-Identifier: ISC
# seconds: 30
# Certificates: who gets keys, who does not, and what each side says.

SCENE_AUTH=cert
. tests/lib/tap.sh
. tests/lab/scene.sh

sees() # HOST ERE: in its status, as a table
{
	scene_ctl "$1" status 2>/dev/null | grep -Eqi -e "$2"
}

counter() # HOST NAME: from its status as JSON, 0 when it has none
{
	scene_ctl "$1" --json status |
	    sed -n "s/^ *\"$2\": \([0-9]*\),*\$/\1/p" | head -n 1 |
	    grep . || echo 0
}

counted() { [ "$(counter "$1" "$2")" -gt "${3:-0}" ]; }

# What a host that was refused has: nothing.
shut_out()
{
	is "$1 has no keys" "$(scene_field "$1" state)" registering
	is "$1's kernel has no SA" "$(on "$1" ip xfrm state | wc -l)" 0
}

# What hq says of a refusal; the name is what was shown or only claimed.
refused() # HOST ERE
{
	like "hq's log names $1 and the cause" \
	    "$(scene_log hq 'member\.refused')" "$2"
}

scene_net || exit 1
pids=
for h in hq r1 r2 mallory guest; do
	scene_conf $h
	scene_mike $h start >"$T/start-$h" 2>&1 &
	pids="$pids $!"
done
for p in $pids; do
	wait "$p" || diag "$(cat "$T"/start-*)"
done
for h in r1 r2; do
	ok "$h registers with its certificate" scene_keyed $h 20
done

ok "mallory is told: authentication failed" wait_for 15 sees mallory \
    'why +hq: authentication failed'
refused mallory 'claimed="CN=mallory,O=Lab" peer=10\.77\.0\.7 .*why=untrusted'
ok "hq counts it" counted hq auth-failed
ok "by cause" counted hq untrusted
shut_out mallory
ok "guest is told: forbidden" wait_for 15 sees guest 'why +hq: forbidden'
refused guest 'identity="CN=guest,O=Lab" peer=10\.77\.0\.8 .*cause=forbidden'
ok "hq counts it" counted hq forbidden
shut_out guest

# The keys' worth: who decrypts, who sees anything in the clear.
head -c 64 /dev/zero | tr '\0' . >"$T/dots"
for fam in 4 6; do
	scene_capture "$T/cap"
	is "IPv$fam: members decrypt, mallory, guest and stranger do not" \
	    "$(scene_heard $fam 8 r1 r2 mallory guest stranger)" \
	    "r1=50 r2=50 mallory=0 guest=0 stranger=0 "
	ok "IPv$fam: the capture is complete" scene_captured "$T/cap"
	out=$("$capcheck" "$T/cap" "$T/dots")
	is "IPv$fam: nothing in the clear on the wire" $? 0
	like "IPv$fam: but 50 ESP packets" "$out" ' esp=50 '
done

# The name that policy lets in, certified by the wrong authority.
ok "mallory stops" scene_mike mallory stop --open
rm -rf "$SCENE/mallory" /run/mike/mallory
SCENE_AS=r1 scene_conf mallory
ok "mallory comes back as r1" scene_mike mallory start
ok "and is told: authentication failed" wait_for 15 sees mallory \
    'why +hq: authentication failed'
refused "r1 at mallory's address" \
    'claimed="CN=r1,O=Lab" peer=10\.77\.0\.7 .*why=untrusted'
shut_out mallory
is "the true r1 still has its keys" "$(scene_field r1 state)" keyed

# r2 loses its key: a new CRL, and policyd reads it when it starts.
cp "$SCENE_PKI/ours/revoked.pem" "$SCENE/hq/conf/crl.pem"
old=$(scene_pid hq policyd)
# shellcheck disable=SC2086
ok "policyd of hq is killed" kill -KILL $old
fresh() { n=$(scene_pid hq policyd) && [ -n "$n" ] && [ "$n" != "$old" ]; }
ok "mike-spawn starts it again" wait_for 10 fresh
ok "hq has its keys" scene_keyed hq
for h in r1 r2; do
	ok "$h leaves" scene_ctl $h leave $GROUP
	ok "$h joins" scene_ctl $h join $GROUP
done
ok "r2 is told: authentication failed" wait_for 15 sees r2 \
    'why +hq: authentication failed'
refused r2 'claimed="CN=r2,O=Lab" peer=10\.77\.0\.3 .*why=revoked'
ok "hq counts it by cause" counted hq revoked
shut_out r2
ok "r1 registers again" scene_keyed r1
is "and decrypts, r2 does not" "$(scene_heard 4 8 r1 r2)" "r1=50 r2=0 "
diag "$(scene_ctl hq status)"
finish
