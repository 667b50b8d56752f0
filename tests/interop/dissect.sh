#!/bin/sh
# SPDX-License-Identifier: ISC
# packaging/wireshark/gike.lua in tshark, over captures that mkpcap.c makes:
# real registrations of our cores, everything that RFC 9838 has, and that
# damaged.  Wireshark is the independent reader here: it decrypts, checks the
# ICVs and reads IDs, AUTH, KE and proposals by itself.

. tests/lib/tap.sh

command -v tshark >/dev/null || skip_all "tshark is not installed"
script=$PWD/packaging/wireshark/gike.lua
mkpcap=$B/test/interop/mkpcap
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$T/none" "$T/wrong"
export WIRESHARK_CONFIG_DIR="$T"

# FILE OPTION...: standard error goes to $T/err, without the note about root.
shark()
{
	shark_file=$T/$1
	shift
	tshark -X lua_script:"$script" -r "$shark_file" "$@" 2>"$T/all"
	shark_rc=$?
	grep -v '^Running as user "root"' "$T/all" >>"$T/err"
	return $shark_rc
}
messages() { shark "$1" -V -O gike | sed -n 's/^Group IKEv2, //p'; }
# FILE FIELD: its values, one a line.
values() { shark "$1" -T fields -e "$2" | tr ',' '\n' | grep .; }
# FILE FIELD: how many frames have it.
frames() { shark "$1" -Y "$2" -T fields -e frame.number | wc -l; }

ok "captures are made" "$mkpcap" "$T"

# --- registrations -----------------------------------------------------------

is "no frame of a registration is malformed" \
    "$(frames registration.pcap _ws.malformed)" 0
is "none damaged or sealed for gike.lua" \
    "$(frames registration.pcap 'gike.damaged.expert || gike.sealed.expert')" 0
# IKE_SA_INIT says more as the key manager learns more.
messages registration.pcap |
    sed '/^IKE_SA_INIT/s/ N([A-LN-Z][A-Z0-9_]*)//g' >"$T/got"
cat >"$T/want" <<'END'
IKE_SA_INIT request: SA KE Nonce N(MIKE_GROUP)
IKE_SA_INIT response: SA KE Nonce N(MIKE_GROUP)
GSA_AUTH request: SK { IDi AUTH IDg SAg }
GSA_AUTH response: SK { IDr AUTH GSA KD N(USE_TRANSPORT_MODE) }
GSA_REGISTRATION request: SK { IDg N(REGISTRATION_FAILED) }
GSA_REGISTRATION response: SK { }
IKE_SA_INIT request: SA KE Nonce N(MIKE_GROUP)
IKE_SA_INIT response: SA KE Nonce N(MIKE_GROUP)
GSA_AUTH request: SK { IDi AUTH IDg SAg }
GSA_AUTH response: SK { IDr AUTH GSA KD N(USE_TRANSPORT_MODE) }
IKE_SA_INIT request: SA KE Nonce N(MIKE_GROUP)
IKE_SA_INIT response: SA KE Nonce N(MIKE_GROUP)
GSA_REGISTRATION request: SK { IDg SAg }
GSA_REGISTRATION response: SK { GSA KD N(USE_TRANSPORT_MODE) }
IKE_SA_INIT request: SA KE Nonce N(MIKE_GROUP)
IKE_SA_INIT response: SA KE Nonce N(MIKE_GROUP)
GSA_AUTH request: SK { IDi AUTH IDg SAg }
GSA_AUTH response: SKF (a fragment)
GSA_AUTH response: SKF { IDr AUTH GSA KD N(USE_TRANSPORT_MODE) }
END
ok "every message and payload by name, fragments too" \
    diff "$T/want" "$T/got"
shark registration.pcap -V -O isakmp >"$T/text"
is "Wireshark verifies the ICV of each encrypted message" \
    "$(grep -c 'Integrity Checksum Data: .*\[correct\]' "$T/text")" \
    "$(frames registration.pcap isakmp.enc.data)"
no "and finds none wrong" grep -q '\[incorrect' "$T/text"
is "the group is named by every request" \
    "$(values registration.pcap gike.id_text | sort | uniq -c | tr -s ' ')" \
    " 5 ops-net"
like "a policy in words" "$(values registration.pcap gike.lifetime)" '^3600$'
like "its selector" "$(shark registration.pcap -V -O gike)" \
    'Destination: 239\.192\.10\.1, UDP, ports 5000-5010'
is "an SA_KEY for each of the policies" \
    "$(values registration.pcap gike.wrapped | wc -l)" \
    "$(values registration.pcap gike.destination | grep -c '^ff15\|^239')"
like "the columns have the exchange's name" "$(shark registration.pcap)" \
    'GSA_AUTH MID=01 Initiator Request'

# --- everything --------------------------------------------------------------

shark rekey.pcap -V -O gike >"$T/text"
is "one GSA_REKEY: no frame malformed or damaged" \
    "$(frames rekey.pcap '_ws.malformed || gike.damaged.expert')" 0
is "ports 848, 500 and 4500, whole and in fragments" \
    "$(grep -c '^Group.*{ IDg SA GSA KD D N.* N.* N.* N(GROUP_SENDER) }$' \
	"$T/text")" 4
while read -r line; do
	like "names: $line" "$(cat "$T/text")" "$line"
done <<'END'
Transform: KWA \(13\) KW_5649_256
Transform: GCAUTH \(14\) Digital Signature
Signature algorithm, DER: 300506032b6570
Transform: SN \(5\) 32-bit unspecified
Group SA policy: GIKE_UPDATE, SPI 72656b65792d5350492d6f662d313621
Group SA policy: ESP, SPI c0ffee01
Source: any address, UDP, any port
GSA_KEY_LIFETIME, seconds: 3600
GSA_INITIAL_MESSAGE_ID: 7
GSA_NEXT_SPI: c0ffee02
GWP_ATD, seconds: 5
GWP_DTD, seconds: 30
GWP_SENDER_ID_BITS: 8
Group key bag: GIKE_UPDATE, SPI 72656b65792d5350492d6f662d313621
SA_KEY: SA key under key 15
SA_KEY: SA key under GSK_w
WRAP_KEY: key 15 under key 6
AUTH_KEY, DER: 302a300506032b6570032100
GM_SENDER_ID: 25
SPI: 00000000 \(all\)
Payload: N: INVALID_GROUP_ID
Payload: N: AUTHORIZATION_FAILED
Payload: N: REGISTRATION_FAILED
Sender-IDs wanted: 1
END
like "names: MIKE_GROUP" "$(shark registration.pcap -V -O gike)" \
    'Payload: N: MIKE_GROUP'

# --- without the keys --------------------------------------------------------

cp "$T/ikev2_decryption_table" "$T/table"
export WIRESHARK_CONFIG_DIR="$T/none"
is "without keys: each message that is sealed says so" \
    "$(frames registration.pcap gike.sealed.expert)" 11
is "and shows nothing of the group" \
    "$(values registration.pcap gike.id_text | wc -l)" 0
# The first octet of both keys, in each line.
awk -F, -v OFS=, '{
	for (i = 3; i <= 4; i++)
		$i = (substr($i, 1, 2) == "00" ? "01" : "00") substr($i, 3)
	print
}' "$T/table" >"$T/wrong/ikev2_decryption_table"
export WIRESHARK_CONFIG_DIR="$T/wrong"
is "with wrong keys: nothing either" \
    "$(values registration.pcap gike.id_text | wc -l)" 0
is "and no error of Lua" "$(frames registration.pcap _ws.lua.error)" 0
export WIRESHARK_CONFIG_DIR="$T"

# --- damage ------------------------------------------------------------------

eval "$("$mkpcap" "$T")" # cut= changed=
shark damaged.pcap -T fields -e gike.damaged.expert -e _ws.lua.error \
    -e gike.exchange | tr '\t' ';' >"$T/fields"
is "damaged messages are all shown" "$(grep -c ';41$' "$T/fields")" \
    $((cut + changed))
is "each of $cut cut ones has an expert info" \
    "$(head -n "$cut" "$T/fields" | grep -c '^1[1,]*;')" "$cut"
n=$(tail -n "$changed" "$T/fields" | grep -c '^1[1,]*;')
ok "of $changed changed ones some have ($n)" [ "$n" -gt 300 ]
is "no error of Lua in any" "$(grep -vc '^[1,]*;;41$' "$T/fields")" 0
is "tshark never complained" "$(sort -u "$T/err")" ""
finish
