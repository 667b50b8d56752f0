# SPDX-License-Identifier: ISC
# seconds: 16
# Registration: two messages each way, and what then is in the kernel.

. tests/lib/tap.sh
. tests/lab/scene.sh

# One attribute of every SA of HOST towards the group, sorted, on one line.
sas() # HOST SED-EXPRESSION
{
	on "$1" ip -s xfrm state | sed -nE "$2" | sort -u | tr '\n' ' '
}

scene_net || exit 1
for h in hq r1 r2; do
	scene_conf $h
done
scene_capture "$T/cap"
ok "hq starts" scene_mike hq start
ok "hq has its keys at once" scene_keyed hq 5
ok "r1 starts" scene_mike r1 start
ok "r1 registers" scene_keyed r1 10
scene_captured "$T/cap" >/dev/null
: >"$T/none"
out=$("$capcheck" "$T/cap" "$T/none")
like "two exchanges: four datagrams" "$out" '^ike=4 '
like "nothing but IKE and housekeeping" "$out" ' other=0 '
octets=$(echo "$out" | sed -n 's/.*ike-octets=\([0-9]*\).*/\1/p')
ok "in fewer than 1600 octets ($octets)" [ "$octets" -lt 1600 ]
line=$(scene_log r1 'reg\.done' | tail -n 1)
like "r1's log tells how long it took" "$line" ' ms=[0-9]+'
diag "$line"

spis=$(sas hq 's/.*spi 0x([0-9a-f]{8}).*/\1/p')
is "hq has an SA for each of the two addresses" \
    "$(echo "$spis" | wc -w)" 2
is "r1 has the same SPIs" "$(sas r1 's/.*spi 0x([0-9a-f]{8}).*/\1/p')" "$spis"
ok "none of them reserved" sh -c "for s in $spis; do
    [ \$((0x\$s)) -gt 255 ] || exit 1; done"
is "the sender's address is in the selector, at hq" \
    "$(sas hq 's/^\tsel (src [^ ]+ dst [^ ]+).*/\1/p')" \
    "src 10.77.0.1/32 dst $G4/32 src fd77::1/128 dst $G6/128 "
is "and at r1" "$(sas r1 's/^\tsel (src [^ ]+ dst [^ ]+).*/\1/p')" \
    "src 10.77.0.1/32 dst $G4/32 src fd77::1/128 dst $G6/128 "
like "AES-GCM with a 16-octet tag and 256-bit keys" \
    "$(on r1 ip xfrm state)" 'aead rfc4106\(gcm\(aes\)\) 0x[0-9a-f]{72} 128'
is "the keys are the same on both" \
    "$(sas r1 's/.*gcm\(aes\)\) (0x[0-9a-f]+) .*/\1/p')" \
    "$(sas hq 's/.*gcm\(aes\)\) (0x[0-9a-f]+) .*/\1/p')"
is "one key for each address" \
    "$(sas hq 's/.*gcm\(aes\)\) (0x[0-9a-f]+) .*/\1/p' | wc -w)" 2
like "r1 has a replay window of 128" \
    "$(on r1 ip -d xfrm state)" 'replay[-_]window 128'
is "no flags: extended sequence numbers would be one" \
    "$(sas r1 's/.*flag +(.*\)).*/\1/p')" "(0x00000000) "
like "lifetimes are set" "$(on r1 ip -s xfrm state)" \
    'expire add: soft [0-9]+\(sec\), hard [0-9]+\(sec\)'

# A second registration while hq is not there, then is: retransmission.
ok "hq stops" scene_mike hq stop
ok "r2 starts" scene_mike r2 start
sleep 1
ok "hq starts again" scene_mike hq start
ok "r2 registers when hq is back" scene_keyed r2 20
is "r2 has the same SPIs" "$(sas r2 's/.*spi 0x([0-9a-f]{8}).*/\1/p')" "$spis"
like "hq counted both, before and after its restart" \
    "$(scene_ctl hq status)" 'registrations:.*ok 2'
finish
