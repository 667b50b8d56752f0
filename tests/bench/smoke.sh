#!/bin/sh
# SPDX-License-Identifier: ISC
# That the benches run and print what is looked for, not how fast; and that
# their load generator, which other tests use as a peer of many manners, is
# served and refused as it should be.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh

lines=$(sh tests/bench/run.sh quick 2>&1)
is "the benches run" $? 0 || diag "$lines"
for f in gcks-core-registrations suite-registrations ike-sa-memory \
    registration-octets-ed25519 registration-octets-psk sim-events \
    sim-small-seconds sim-receiver-memory sim-briefing-seconds \
    sim-briefing-memory; do
	like "$f" "$lines" \
	    "^bench: $f [0-9.]+ [A-Za-z/]+ \(.*\)( MISSED)?\$"
done
# Octets do not depend on how fast the machine is.
is "octets are within their bounds" \
    "$(echo "$lines" | grep '^bench: registration-octets.*MISSED')" ""

. tests/lab/scene.sh
. tests/bench/lib/host.sh

# STATUS WORDS OPTION...: regload ends so, and says that.
peer()
{
	status=$1 words=$2
	shift 2
	said=$(on r1 "$regload" -t 3000 "$@" 2>&1)
	is "regload $*: status" $? "$status" || diag "$said"
	like "regload $*: says $words" "$said" "$words"
}
hq="$(addr4 hq) 848"

host_net || exit 77
HOST_MORE='cookie-above = 1000000 default-group = "ops-net"'
host_start ed25519
peer 0 'registered=1 .*keys=1|keys=1$' -c $pki $hq
peer 0 'messages=[56] ' -c $pki -F 600 $hq
peer 0 'registered=3 ' -c $pki -n 3 -v $hq
peer 0 'registered=1 ' -c $pki -f $hq
peer 0 'messages=6 keys=1$' -c $pki -j $hq
peer 1 'notify=46 count=1' -c $pki -S 0 $hq
peer 1 'notify=46 count=2' -c $pki -S 1 -n 2 $hq
peer 1 'notify=46 count=1' -c $pki -I stranger $hq
peer 1 'notify=45 count=1' -c $pki -g other-net $hq
peer 1 'notify=24 count=1' -p $psk $hq
sh tests/lib/mkpki.sh ca $SCENE/other
peer 1 'notify=24 count=1' -c $SCENE/other $hq
peer 2 'silent=1 ' -c $pki "$(addr4 hq)" 849
host_stop

# Every request must bring a cookie back.
HOST_MORE='cookie-above = 0'
host_start psk
peer 0 'octets=[0-9]+ messages=6 keys=1' -p $psk $hq
echo another >$T/psk
peer 1 'notify=24 count=1' -p $T/psk $hq
host_stop
scene_down
finish
