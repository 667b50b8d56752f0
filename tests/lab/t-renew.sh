# SPDX-License-Identifier: ISC
# seconds: 30
# The end of a lifetime: receivers register again before it, and a stream that
# runs over it loses nothing.

. tests/lib/tap.sh
. tests/lab/scene.sh

SCENE_LIFETIME=16s SCENE_DTD=3s
scene_up hq r1 || exit 1
ok "r1 has keys" scene_keyed r1
is "with the short lifetime" "$(scene_ctl r1 status | grep -c 's left')" 1
spi=$(scene_field r1 spi)
n=$(scene_hears r1 $G4 \
    on hq "$mcast" stream $G4 $PORT eth0 -r 100 -l 300 -n 2400)
is "a stream of 24 s arrives whole" "$n" 2400
ok "under another SPI at the end" [ "$(scene_field r1 spi)" != "$spi" ]
ok "r1 registered again" [ "$(scene_log r1 'reg\.done' | wc -l)" -ge 2 ]
diag "$(cat "$T/hears")"
diag "$(scene_log r1 'reg\.done')"
scene_ctl hq status | sed 's/^/# /'
scene_ctl r1 status | sed 's/^/# /'
finish
