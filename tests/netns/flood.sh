#!/bin/sh
# SPDX-License-Identifier: ISC
# A flood of IKE_SA_INIT requests from forged addresses: whoever is honest
# registers all the same, nothing grows, and afterwards all is as before.
# FLOOD_SECONDS and FLOOD_RATE ask for more than the 5 s of `make check`.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh
. tests/lab/scene.sh

seconds=${FLOOD_SECONDS:-5}
rate=${FLOOD_RATE:-20000}
flooder=$B/test/netns/flooder
hq=$(addr4 hq)
grown=8192 # KiB that a daemon may grow by

registered() { scene_ctl "$1" status | grep -qE ': (keyed|degraded: no-esp)$'; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# "done=1 p95_ms=2" NAME -> 2
value() { echo "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

# A counter of hq from the status as JSON: object, name.
counter()
{
	scene_ctl hq --json status | sed -n "/^  \"$1\": {/,/^  }/p" |
	    sed -n "s/^    \"$2\": \([0-9]*\),\{0,1\}\$/\1/p"
}

# NAME PID CPU RSS of each daemon of hq; CPU in 1/100 s, RSS in KiB.
daemons()
{
	for d in policyd dispatcherd groupd keymgrd; do
		p=$(scene_pid hq $d) || continue
		echo "$d $p $(cut -d' ' -f14,15 "/proc/$p/stat" |
		    tr ' ' + | sed 's/.*/echo $((&))/' | sh) $(sed -n \
		    's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status")"
	done
}

# Twenty honest initiators, each with an address of its own.
honest() { on stranger "$flooder" ask "$hq" "$GROUP" 20 "$1" 10.77.0.101; }

# HOST COMMAND...: how long until it has registered, as a line "HOST MS".
timed()
{
	timed_host=$1
	timed_from=$(now_ms)
	shift
	"$@" >/dev/null 2>&1
	wait_for 15 registered "$timed_host" &&
	    echo "$timed_host $(($(now_ms) - timed_from))"
}

real_receivers()
{
	timed r1 scene_mike r1 start
	timed r2 scene_mike r2 start
	scene_ctl r1 leave "$GROUP"
	timed r1 scene_ctl r1 join "$GROUP"
}

scene_net || exit 1
for h in hq r1 r2; do
	scene_conf $h
done
for i in $(seq 101 120); do
	ip -n stranger addr add "10.77.0.$i/24" dev eth0
done
# Answers to forged addresses leave as they would for a router.
ip -n hq route add 10.128.0.0/9 via "$(addr4 stranger)"
ok "hq starts" scene_mike hq start
wait_for 10 registered hq

calm=$(honest 2)
diag "before:      $calm"
is "in peace nobody is asked for a cookie" "$(value "$calm" cookies)" 0
is "and everybody is answered" "$(value "$calm" open)" 0
daemons >"$T/before"

on stranger "$flooder" flood "$hq" "$GROUP" "$rate" "$seconds" >"$T/flood" &
flood=$!
sleep 0.5
real_receivers >"$T/real" &
real=$!
busy=$(honest $((seconds - 1)))
wait $flood
daemons >"$T/after"
sent=$(value "$(cat "$T/flood")" sent)
in=$(counter datagrams in)
asked=$(counter cookies asked)
wait $real

diag "flood:       $(cat "$T/flood")"
diag "honest:      $busy"
diag "real hosts:  $(tr '\n' ' ' <"$T/real")(ms)"
diag "hq got $in of them and the honest ones', asked for $asked cookies;" \
    "dropped: filter $(counter drops backlog), groupd's edges" \
    "$(counter routing_drops ipc-busy)"
while read -r d p cpu rss; do
	before=$(grep "^$d " "$T/before")
	diag "$d: CPU $(((cpu - $(echo "$before" | cut -d' ' -f3)) / seconds)) %," \
	    "RSS $(echo "$before" | cut -d' ' -f4) -> $rss KiB"
done <"$T/after"

ok "the flood was one ($(value "$(cat "$T/flood")" rate)/s)" \
    test "$(value "$(cat "$T/flood")" rate)" -ge $((rate / 2))
ok "honest initiators get their answer: p95 below 2 s" \
    test "$(value "$busy" p95_ms)" -lt 2000
is "all of them" "$(value "$busy" open)" 0
ok "after a cookie" test "$(value "$busy" cookies)" -ge \
    "$(value "$busy" done)"
is "real receivers register, three times" "$(wc -l <"$T/real")" 3
ok "each below 2 s" awk '$2 >= 2000 { bad = 1 } END { exit bad }' "$T/real"
is "no daemon has died" "$(cut -d' ' -f1,2 "$T/after")" \
    "$(cut -d' ' -f1,2 "$T/before")"
ok "none has grown by more than $grown KiB" \
    awk -v max=$grown 'NR == FNR { was[$1] = $4; next }
	$4 - was[$1] > max { print; bad = 1 } END { exit bad }' \
    "$T/before" "$T/after"
ok "the flood is in the counters" test "$asked" -ge $((sent / 2))
is "a wrong cookie is not among them" "$(counter cookies wrong)" 0
like "the log says it, once" "$(scene_log hq 'load.high' | wc -l)" '^1$'

calmed() { [ "$(counter cookies under-load)" = 0 ]; }
ok "ten seconds later it is over" wait_for 15 calmed
calm=$(honest 2)
diag "afterwards:  $calm"
is "nobody is asked for a cookie any more" "$(value "$calm" cookies)" 0
is "everybody is answered" "$(value "$calm" open)" 0
ok "as quickly as before" test "$(value "$calm" p95_ms)" -lt 500
ok "hq and the receivers are as they were" registered hq
for h in r1 r2; do
	ok "$h too" registered $h
done
scene_down
finish
