#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The whole suite under load, over UDP between two namespaces: registrations
# per second of processor time of all daemons together, memory of an open IKE
# SA, octets of a registration.  The load generator is not counted.  Where
# strongSwan is installed, its responder gets the same load in turn.
#
#   suite.sh [ed25519|psk]...	default: both
#
# RUNS (5) of COUNT registrations (2000), WINDOW at a time (32).
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh
. tests/bench/lib/figures.sh
. tests/bench/lib/host.sh
. tests/bench/lib/swan.sh

RUNS=${RUNS:-5}
COUNT=${COUNT:-2000}
WINDOW=${WINDOW:-32}
hz=$(getconf CLK_TCK)

# --- load --------------------------------------------------------------------

rate() # TICKS
{
	awk -v n="$COUNT" -v t="$1" -v hz="$hz" \
	    'BEGIN { printf "%.0f\n", n * hz / (t > 0 ? t : 1) }'
}

octets() { sed -n 's/.* octets=\([0-9]*\) .*/\1/p' $out/load; }

suite_run() # FIRST OPTION...
{
	for d in $daemons; do
		eval "was_$d=\$(cpu_ticks \$pid_$d)"
	done
	load hq 848 "$@" -F 1252 # as members do
	all=0
	for d in $daemons; do
		eval "t=\$((\$(cpu_ticks \$pid_$d) - was_$d))"
		all=$((all + t))
		echo "$((t * 1000000 / hz / COUNT))" >>"$out/us-$d"
	done
	rate $all >>$out/rate
	octets >$out/octets
}

swan_run() # FIRST OPTION...
{
	was=$(cpu_ticks $swan_pid)
	load r2 500 "$@" -f
	rate $(($(cpu_ticks $swan_pid) - was)) >>$out/swan-rate
	octets >$out/swan-octets
}

each() # KIB-AFTER KIB-BEFORE
{
	awk -v d=$(($1 - $2)) -v n=$((RUNS * COUNT)) \
	    'BEGIN { printf "%.2f", d / n }'
}

# In turn, so that whatever slows the machine down slows both down.
compare() # psk|ed25519
{
	by="-c $pki"
	[ "$1" != psk ] || by="-p $psk"
	rm -f $out/rate $out/swan-rate $out/us-*
	host_start "$1"
	swan=
	swan_can && swan_start r2 "$1" && swan=1
	km_before=$(rss_kib $pid_keymgrd)
	[ -z "$swan" ] || swan_before=$(rss_kib $swan_pid)
	i=0
	while [ $i -lt "$RUNS" ]; do
		suite_run $((i * COUNT)) $by
		[ -z "$swan" ] || swan_run $((i * COUNT)) $by
		i=$((i + 1))
	done
	[ -d "/proc/$pid_keymgrd" ] || fail "the key manager was restarted"
	km_kib=$(each "$(rss_kib $pid_keymgrd)" "$km_before")
	swan_kib=
	[ -z "$swan" ] || swan_kib=$(each "$(rss_kib $swan_pid)" "$swan_before")
	host_stop
	swan_stop
}

of() { [ ! -e "$out/$1" ] || median <"$out/$1"; }

report() # psk|ed25519
{
	for d in $daemons; do
		echo "bench:   $1, $d: $(of us-$d) us of processor time each"
	done
	if [ "$1" = psk ]; then
		figure suite-registrations-psk "$(of rate)" /s \
		    "$(of swan-rate)" 1
		figure registration-octets-psk "$(of octets)" octets \
		    "$(of swan-octets)" "v <= 1000"
		return
	fi
	figure suite-registrations "$(of rate)" /s "$(of swan-rate)" \
	    "v >= 1000 && (r == 0 || r >= 1.4)"
	figure ike-sa-memory "$km_kib" KiB "$swan_kib" "v <= 4"
	figure registration-octets-ed25519 "$(of octets)" octets \
	    "$(of swan-octets)" "v <= 1900"
}

host_pin
host_net || exit 77
for kind in ${*:-ed25519 psk}; do
	compare $kind
	report $kind
done
scene_down
