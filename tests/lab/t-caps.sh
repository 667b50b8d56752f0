# SPDX-License-Identifier: ISC
# seconds: 20
# What each process of the running suite may do, read from /proc.

. tests/lib/tap.sh
. tests/lab/scene.sh

NET_ADMIN=0000000000001000
SPAWN=00000000000400e0 # CAP_KILL, SETGID, SETUID, SYS_CHROOT
NONE=0000000000000000

# Without other programs: a fork and exec is slow in User-Mode Linux.
field() # PID NAME: a line of its status, words separated by one space
{
	while read -r key words; do
		[ "$key" = "$2:" ] || continue
		# shellcheck disable=SC2086
		echo $words
		return
	done <"/proc/$1/status"
}

process() # HOST DAEMON USER CAPS
{
	pid=$(scene_pid "$1" "$2")
	ok "$1 $2: one process" [ "$(echo "$pid" | wc -w)" = 1 ] || return
	uid=$(id -u "$3")
	is "$1 $2: user $3 and no way back" "$(field "$pid" Uid)" \
	    "$uid $uid $uid $uid"
	gid=$(id -g "$3")
	is "$1 $2: its group" "$(field "$pid" Gid)" "$gid $gid $gid $gid"
	is "$1 $2: no other groups" "$(field "$pid" Groups)" ""
	is "$1 $2: CapPrm" "$(field "$pid" CapPrm)" "$4"
	is "$1 $2: CapEff" "$(field "$pid" CapEff)" "$4"
	is "$1 $2: CapAmb" "$(field "$pid" CapAmb)" $NONE
	is "$1 $2: CapInh" "$(field "$pid" CapInh)" $NONE
	is "$1 $2: CapBnd" "$(field "$pid" CapBnd)" \
	    "$([ "$2" = mike-spawn ] && echo 00000000000415e0 || echo $NONE)"
	nnp=1
	# Under no_new_privs dispatcherd could not get its capability back.
	[ "$2" != mike-spawn ] || nnp=0
	for t in "/proc/$pid/task/"*; do
		t=$pid/task/${t##*/}
		is "$1 $2 thread ${t##*/}: Seccomp" "$(field "$t" Seccomp)" 2
		is "$1 $2 thread ${t##*/}: NoNewPrivs" \
		    "$(field "$t" NoNewPrivs)" $nnp
		is "$1 $2 thread ${t##*/}: CapEff" "$(field "$t" CapEff)" "$4"
	done
}

scene_up hq r1 || exit 1
ok "r1 has keys" scene_keyed r1
for h in hq r1; do
	process $h mike-spawn root $SPAWN
	process $h policyd mike-policyd $NONE
	process $h dispatcherd mike-dispatcherd $NET_ADMIN
	process $h groupd mike-groupd $NONE
	process $h keymgrd mike-k00 $NONE
	is "$h: no sixth process" "$(ip netns pids $h | wc -l)" 5
done

# The root of a key manager holds its three sockets and nothing else.
pid=$(scene_pid r1 keymgrd)
is "keymgrd: chroot" "$(readlink "/proc/$pid/root")" /run/mike/r1/edge/k00
is "keymgrd: what is in it" "$(cd "/proc/$pid/root" && find . -type f | wc -l)" 0
# A key manager's state file, its only descriptor of a file.
is "keymgrd: fd 3 is its state" "$(readlink "/proc/$pid/fd/3")" \
    /run/mike/r1/state/00
finish
