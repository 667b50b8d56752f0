#!/bin/sh
# SPDX-License-Identifier: ISC
# What mikesim writes of a run: the same octets from the same seed, a capture
# that tshark reads and decrypts, errors that say which file and why.
# Wireshark is the independent reader: what it finds in each datagram is
# compared with what the trace says.

. tests/lib/tap.sh

mikesim=$B/bin/mikesim
script=$PWD/packaging/wireshark/gike.lua
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$T/none"

# NAME [MEMBER...]: a scenario, with more in its section or for its group.
scenario()
{
	cat >"$T/$1.conf" <<END
scenario { duration = 40s title = "$1" $2 }
group { $3 }
link core { bandwidth = 100M delay = 1ms }
link radio { shared = yes half-duplex = yes bandwidth = 64k overhead = 12
    loss = 10% delay = 5ms }
senders hq { count = 2 link = core }
receivers scout { count = 4 link = radio join = 1s-5s }
timeline { events = { "10s traffic senders 2/s 100 for 3s",
    "15s crash hq-01 keymgrd", "20s leave scout-01-00001" $4 } }
END
}

# Its standard output and error go to $T/out and $T/err.
sim() { "$mikesim" run --jobs 1 "$@" >"$T/out" 2>"$T/err"; }
# STATUS ARGUMENT...
ends_with()
{
	want=$1
	shift
	sim "$@"
	got=$?
	[ "$got" = "$want" ] && return
	echo "status $got, not $want; standard error:"
	cat "$T/err"
	return 1
}

# --- the same from the same seed ---------------------------------------------

scenario x509
for i in 1 2 3; do
	ok "run $i ends well" ends_with 0 --seed $((i / 3 + 1)) \
	    --trace "$T/trace$i" --json "$T/json$i" --pcap "$T/pcap$i" \
	    --keys "$T/keys$i" "$T/x509.conf"
	cp "$T/out" "$T/table$i"
	sed '/^  "measured": {/,/^  }/d' "$T/json$i" >"$T/json$i.cut"
	sed '/^MEASURED/,/^$/d' "$T/table$i" >"$T/table$i.cut"
done
for what in trace pcap keys json table; do
	cut=
	case $what in json | table) cut=.cut ;; esac
	ok "$what: the same twice" cmp "$T/${what}1$cut" "$T/${what}2$cut"
	no "$what: another with another seed" \
	    cmp -s "$T/${what}1$cut" "$T/${what}3$cut"
done
like "what is measured stands apart" "$(cat "$T/json1")" '^  "measured": \{$'
no "and there is nothing of it elsewhere" \
    grep -E '(wall|cpu|memory)_' "$T/json1.cut"
like "the table is for people" "$(cat "$T/table1")" \
    'time to keys .*median [0-9.]+ s, 95 % [0-9.]+ s, last [0-9.]+ s'
is "and within 80 columns" "$(awk 'length > 80' "$T/table1")" ""
is "each line of the trace is an object" \
    "$(grep -vc '^{"t":[0-9]*,"host":\("[a-z0-9-]*"\|null\),"obs":"[a-z]*",.*}$' \
	"$T/trace1")" 0
for what in pcap keys; do
	is "nobody else may read $what" "$(stat -c %a "$T/${what}1")" 600
done
ok "quiet is quiet" ends_with 0 --quiet "$T/x509.conf"
is "without a word" "$(cat "$T/out" "$T/err")" ""
cut -d, -f3-4 "$T/keys1" | tr , '\n' >"$T/secret"
ok "there are keys" grep -q '^[0-9a-f]\{72\}$' "$T/secret"
no "but none in the trace, the table or the results" \
    grep -qiFf "$T/secret" "$T/trace1" "$T/json1" "$T/table1"
is "an IKE SA has one line of keys" \
    "$(cut -d, -f1-2 "$T/keys1" | sort | uniq -d)" ""

# --- tshark ------------------------------------------------------------------

# FILE OPTION...: standard error goes to $T/err, without the note about root.
shark()
{
	shark_file=$1
	shift
	tshark -X lua_script:"$script" -o udp.check_checksum:TRUE \
	    -o ip.check_checksum:TRUE -r "$shark_file" "$@" 2>"$T/all"
	shark_rc=$?
	grep -v '^Running as user "root"' "$T/all" >>"$T/sharks"
	return $shark_rc
}
# FILE FIELD: how many frames have it.
frames() { shark "$1" -Y "$2" -T fields -e frame.number | wc -l; }
# FILE: the messages of a capture, as Wireshark understands them.
by_shark() { shark "$1" -V -O gike | sed -n 's/^Group IKEv2, //p'; }
# FILE: those of a trace, in Wireshark's words.
by_trace()
{
	sed -n 's/.*"obs":"send",.*"exchange":"\([A-Z_]*\)","response":\([a-z]*\),.*"payloads":"\(.*\)"}$/\1 \2: \3/p' "$1" |
	    sed -e 's/ true:/ response:/' -e 's/ false:/ request:/' \
		-e 's/KE([^)]*)/KE/' -e 's/ N[ir]\( \|$\)/ Nonce\1/' \
		-e 's/SKF{fragment [0-9/]*}/SKF (a fragment)/' \
		-e 's/SKF{fragment [0-9/]*: /SKF{/' \
		-e 's/{/ { /' -e 's/}/ }/'
}

# NAME FAMILY PROOF: of the scenario $T/NAME.conf; PROOF stands for payloads
# with which a member shows who it is.
dissect()
{
	mkdir "$T/$1"
	ok "$1: a run" ends_with 0 --trace "$T/$1/trace" --pcap "$T/$1/pcap" \
	    --keys "$T/$1/ikev2_decryption_table" "$T/$1.conf"
	export WIRESHARK_CONFIG_DIR="$T/$1"
	all=$(frames "$T/$1/pcap" "$2 && udp")
	ok "$1: $all datagrams, each a UDP one of $2" [ "$all" -gt 40 ]
	is "$1: as many as the trace has messages" \
	    "$(grep '"obs":"send"' "$T/$1/trace" | grep -c '"app":false')" \
	    "$all"
	is "$1: no other frames" "$(frames "$T/$1/pcap" "!($2 && udp)")" 0
	is "$1: none is malformed or damaged" \
	    "$(frames "$T/$1/pcap" '_ws.malformed || gike.damaged.expert')" 0
	is "$1: UDP's checksum is good in each" \
	    "$(frames "$T/$1/pcap" 'udp.checksum.status == 1')" "$all"
	[ "$2" = ipv6 ] || is "$1: IP's too" \
	    "$(frames "$T/$1/pcap" 'ip.checksum.status == 1')" "$all"
	is "$1: nothing is sealed" \
	    "$(frames "$T/$1/pcap" gike.sealed.expert)" 0
	is "$1: every ICV is right" \
	    "$(shark "$T/$1/pcap" -V -O isakmp |
		grep -c 'Integrity Checksum Data: .*\[correct\]')" \
	    "$(frames "$T/$1/pcap" isakmp.enc.data)"
	by_shark "$T/$1/pcap" >"$T/$1/shark"
	by_trace "$T/$1/trace" >"$T/$1/words"
	ok "$1: what is inside is what the trace says" \
	    diff "$T/$1/shark" "$T/$1/words"
	like "$1: an authentication request" "$(cat "$T/$1/shark")" \
	    "^GSA_AUTH request: SKF? \{ IDi ${3}IDg SAg \}\$"
	like "$1: keys for the group" "$(cat "$T/$1/shark")" \
	    ' GSA KD N\(USE_TRANSPORT_MODE\) }$'
	export WIRESHARK_CONFIG_DIR="$T/none"
	is "$1: without the keys nothing is inside" \
	    "$(by_shark "$T/$1/pcap" | grep -c '{')" 0
	is "$1: each that is sealed says so" \
	    "$(frames "$T/$1/pcap" gike.sealed.expert)" \
	    "$(grep -c ': SKF\? ' "$T/$1/shark")"
}

if command -v tshark >/dev/null; then
	scenario psk 'auth = psk ppk = yes suite = cnsa'
	scenario ipv6 'family = ipv6' 'fragment = 1280'
	scenario fragments '' 'fragment = 576'
	dissect x509 ip 'CERT AUTH '
	dissect psk ip 'AUTH N\(PPK_IDENTITY\) '
	dissect ipv6 ipv6 'CERT AUTH '
	dissect fragments ip 'CERT AUTH '
	like "there were fragments" "$(cat "$T/fragments/shark")" \
	    'SKF \(a fragment\)'
	is "tshark never complained" "$(sort -u "$T/sharks")" ""
else
	skip "captures in tshark" "tshark is not installed"
fi

# --- errors ------------------------------------------------------------------

for what in json trace pcap keys; do
	ok "--$what: a full disk ends it" \
	    ends_with 74 --"$what" /dev/full "$T/x509.conf"
	like "--$what: which says where and why" "$(cat "$T/err")" \
	    '^mikesim: cannot write .* to /dev/full: No space left on device$'
	is "--$what: once" "$(wc -l <"$T/err")" 1
	ok "--$what: a directory that is not there" \
	    ends_with 74 --"$what" "$T/nowhere/x" "$T/x509.conf"
	is "--$what: is said" "$(grep -c "$T/nowhere/x: No such file" \
	    "$T/err")" 1
done
ok "one that fails among several ends it" ends_with 74 --trace "$T/trace4" \
    --pcap /dev/full --json "$T/json4" "$T/x509.conf"
like "and is named" "$(cat "$T/err")" 'the capture to /dev/full'
"$mikesim" run --jobs 1 "$T/x509.conf" >/dev/full 2>"$T/err"
is "the table on a full disk" $? 74
like "is said too" "$(cat "$T/err")" 'to standard output: No space left'
ok "no such scenario" ends_with 66 "$T/nowhere.conf"
like "is named" "$(cat "$T/err")" 'nowhere.conf: No such file'
scenario wrong 'speed = 3'
ok "a wrong scenario" ends_with 65 --trace "$T/trace5" "$T/wrong.conf"
like "with its line" "$(cat "$T/err")" 'wrong.conf:1: '
no "and writes nothing" test -e "$T/trace5"
scenario later 'needs = { agreement }'
ok "one that needs what is not there" ends_with 69 "$T/later.conf"
like "with what it is" "$(cat "$T/err")" 'agreement among senders'
ok "options that there are not" ends_with 64 --frobnicate "$T/x509.conf"
finish
