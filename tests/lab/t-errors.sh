# SPDX-License-Identifier: ISC
# seconds: 14
# What goes wrong is said on both sides, in words.

. tests/lib/tap.sh
. tests/lab/scene.sh

sees() # HOST ERE: in its status, as a table
{
	scene_ctl "$1" status 2>/dev/null | grep -Eqi -e "$2"
}

scene_net || exit 1
scene_conf hq
ok "hq starts" scene_mike hq start
ok "hq has keys" scene_keyed hq 5

SCENE_PSK="another key" scene_conf r1
ok "r1 starts with another PSK" scene_mike r1 start
ok "r1 says: authentication failed" wait_for 15 sees r1 'authentication.failed'
ok "hq counts it" wait_for 5 sees hq 'registrations:.*auth-failed [1-9]'
is "r1 has no keys" "$(scene_field r1 state)" registering
is "no SA in r1's kernel" "$(on r1 ip xfrm state | wc -l)" 0
ok "hq's log names the peer" scene_log hq 'CN=r1|10\.77\.0\.2|fd77::2'
ok "r1 stops" scene_mike r1 stop
scene_conf r1
rm -rf "$SCENE/r1/state" /run/mike/r1
ok "r1 starts with the right one" scene_mike r1 start
ok "and registers" scene_keyed r1 20

SCENE_ID=other-net scene_conf r2
ok "r2 starts with another group id" scene_mike r2 start
ok "r2 says: invalid group id" wait_for 15 sees r2 'invalid.group'
ok "hq counts it" wait_for 5 sees hq 'no-group [1-9]|invalid-group [1-9]'
is "r2 has no keys" "$(scene_field r2 state)" registering
ok "r2 stops" scene_mike r2 stop

# A host that has the PSK but is not among the group's receivers.
ok "hq stops" scene_mike hq stop
SCENE_RECEIVERS="CN=r1,O=Lab" scene_conf hq
ok "hq starts with a policy without r2" scene_mike hq start
scene_conf r2
rm -rf "$SCENE/r2/state" /run/mike/r2
ok "r2 starts" scene_mike r2 start
ok "r2 says: forbidden" wait_for 15 sees r2 'forbidden|authori[sz]ation.failed'
ok "hq counts it" wait_for 5 sees hq 'registrations:.*forbidden [1-9]'
is "r2 has no keys" "$(scene_field r2 state)" registering
is "r1 is not troubled" "$(scene_field r1 state)" keyed
finish
