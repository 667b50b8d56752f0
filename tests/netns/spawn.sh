#!/bin/sh
# SPDX-License-Identifier: ISC
# sanitizers: yes
# mike-spawn alone, with a stand-in for each daemon.
[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"

. tests/lib/tap.sh

D=/usr/lib/mike-standin RUN=/run/m STATE=/var/lib/m LOG=/run/spawn.log
mkdir -p $D /run/standin
for d in policyd dispatcherd groupd keymgrd; do
	cp "$B/test/netns/standin" $D/$d
done

spawn()
{
	: >$LOG
	mike-spawn -c /c -r $RUN -s $STATE -b $D -o $LOG -P 848,500 "$@" &
	pid=$!
	wait_for 5 grep -q 'child.start name=groupd' $LOG
}
does() { echo "$2" >"/run/standin/$1"; }
end() { kill -TERM $pid; wait $pid; }
logged() { grep -Eq -e "$1" $LOG; }
how_often() { grep -Ec -e "$1" $LOG; }

# --- what it makes ---
spawn
mode() { stat -c '%U:%G %a' "$RUN/$1"; }
is "RUN" "$(mode .)" "root:root 755"
is "state" "$(mode state)" "root:root 700"
is "state/63" "$(mode state/63)" "root:root 600"
is "policyd" "$(mode policyd)" "mike-policyd:mike-policyd 700"
is "ctl" "$(mode ctl)" "mike-groupd:mike 2750"
is "edge" "$(mode edge)" "root:root 755"
is "edge/gd" "$(mode edge/gd)" "mike-dispatcherd:mike-groupd 2710"
is "edge/gp" "$(mode edge/gp)" "mike-policyd:mike-groupd 2710"
is "edge/dp" "$(mode edge/dp)" "mike-dispatcherd:mike-policyd 2710"
is "edge/k07" "$(mode edge/k07)" "root:root 711"
is "edge/k07/g" "$(mode edge/k07/g)" "mike-groupd:mike-k07 2710"
is "edge/k07/d" "$(mode edge/k07/d)" "mike-dispatcherd:mike-k07 2710"
is "edge/k63/p" "$(mode edge/k63/p)" "mike-policyd:mike-k63 2710"
is "state of policyd" "$(stat -c '%U %a' $STATE/policyd)" "mike-policyd 700"
is "64 slots" "$(ls $RUN/state | wc -l)" 64

# --- what it keeps, and what its children get ---
caps() { sed -n "s/^Cap$1:[[:space:]]*//p" /proc/$pid/status; }
is "CapPrm: KILL, SETGID, SETUID, SYS_CHROOT" "$(caps Prm)" 00000000000400e0
is "CapEff" "$(caps Eff)" 00000000000400e0
is "CapAmb" "$(caps Amb)" 0000000000000000
is "CapBnd: also SETPCAP, NET_ADMIN, NET_BIND_SERVICE" "$(caps Bnd)" \
    00000000000415e0
is "seccomp" "$(sed -n 's/^Seccomp:[[:space:]]*//p' /proc/$pid/status)" 2
ok "arguments of policyd" \
    logged 'standin policyd .*: policyd -r /run/m -c /c -s /var/lib/m -P 848,500$'
ok "no core files" logged 'standin policyd core=0 '
no "policyd inherits no descriptor" logged 'standin policyd fd='
ok "groupd inherits a socket as 3" logged 'standin groupd fd=3 type=140000'
no "and nothing else" logged 'standin groupd fd=[^3]'

# --- one instance for one RUN ---
out=$(mike-spawn -r $RUN -s $STATE -b $D 2>&1)
is "a second instance does not start" $? 1
like "it names the first, and what to do" "$out" \
    "rundir.busy run=/run/m pid=$pid: another mike-spawn .* -r"
is "the first one goes on" "$(kill -0 $pid && echo yes)" yes
end
is "an orderly end" $? 0
no "leaves no pid file" test -e $RUN/spawn.pid
ok "and says that kernel policies stay" logged 'spawn.stop kernel-policies=kept'

# --- slots ---
does groupd "tell 5305"
spawn
ok "'S' 5 starts a key manager" wait_for 5 logged \
    'standin keymgrd .*: keymgrd -r /run/m -n 05$'
ok "groupd hears 'U' 5" wait_for 5 logged 'standin groupd got=U slot=5'
ok "the key manager has its state file as 3" logged \
    'standin keymgrd fd=3 type=100000 size=0'
km=$(sed -n 's/.*child.start name=keymgrd slot=05 pid=//p' $LOG | tail -n 1)
kill -KILL "$km"
ok "killed: groupd hears 'D' 5" wait_for 5 logged 'standin groupd got=D slot=5'
ok "it is started again with the state it left" wait_for 5 logged \
    'standin keymgrd fd=3 type=100000 size=1'
g=$(sed -n 's/.*child.start name=groupd pid=//p' $LOG | tail -n 1)
does groupd "tell 4b05"
kill -KILL "$g"
ok "a new groupd hears what runs" wait_for 5 eval \
    '[ $(how_often "standin groupd got=U slot=5") -ge 3 ]'
ok "'K' 5 stops it" wait_for 5 eval \
    '[ $(how_often "child.died name=keymgrd slot=05 .*signal=15") = 1 ]'
sleep 0.5
is "for good" "$(how_often 'child.start name=keymgrd')" 2
is "its state is emptied: who left keeps no key" "$(wc -c <$RUN/state/05)" 0
does groupd "tell 5340"
kill -KILL "$(sed -n 's/.*child.start name=groupd pid=//p' $LOG | tail -n 1)"
ok "a message that is none ends groupd" wait_for 5 logged \
    'err: channel.message len=2'
end
does groupd "tell 5305"
spawn
wait_for 5 logged 'standin keymgrd'
end
is "state files outlive mike-spawn" "$(wc -c <$RUN/state/05)" 1
rm -f /run/standin/groupd

# --- deaths ---
does policyd "die 3"
spawn
sleep 1.6
ok "a death is logged with its status" logged \
    'warn: child.died name=policyd pid=[0-9]+ status=3'
n=$(how_often 'child.start name=policyd')
ok "back-off: $n starts in 1.6 s, not hundreds" \
    eval '[ "$n" -ge 4 ] && [ "$n" -le 5 ]'
rm /run/standin/policyd
end

# Whoever starts it may ignore the deaths of children; that is inherited.
: >$LOG
env --ignore-signal=CHLD mike-spawn -c /c -r $RUN -s $STATE -b $D -o $LOG &
pid=$!
wait_for 5 grep -q 'child.start name=groupd' $LOG
kill -KILL "$(sed -n 's/.*child.start name=policyd pid=//p' $LOG)"
ok "started by who ignores SIGCHLD, it sees a death all the same" wait_for 2 \
    eval '[ $(how_often "child.start name=policyd") = 2 ]'
end

does dispatcherd stubborn
spawn
sleep 0.2
begin=$(date +%s%N)
end
ms=$((($(date +%s%N) - begin) / 1000000))
ok "who ignores SIGTERM is killed after 3 s ($ms ms)" \
    eval '[ $ms -ge 2900 ] && [ $ms -lt 6000 ]'
is "and is gone" "$(pgrep -x dispatcherd)" ""
rm /run/standin/dispatcherd

# --- what no child can do ---
does policyd "setuid $(id -u mike-k63)"
does groupd "setuid 65534"
does dispatcherd "exec /bin/true"
spawn
ok "a child can become a user of the suite" wait_for 5 logged \
    "standin policyd is uid=$(id -u mike-k63)"
ok "another id is its death" wait_for 5 logged \
    'child.died name=groupd .*signal=31 \(forbidden system call\)'
no "without the id" logged 'standin groupd is uid='
if logged 'guard.landlock: this kernel has none'; then
	skip "a child can execute daemons only" "no Landlock in this kernel"
else
	ok "a child can execute daemons only" wait_for 5 logged \
	    'standin dispatcherd exec /bin/true: Permission denied'
fi
end

# --- supervised from outside: key managers only, ambient capabilities ---
K=/run/k
mkdir -p $K/state
chown mike-groupd:mike-groupd $K/state
chmod 700 $K/state
keep=+setuid,+setgid,+sys_chroot,+kill
setpriv --reuid=mike-groupd --regid=mike-groupd --clear-groups \
    --inh-caps=-all,$keep --ambient-caps=-all,$keep \
    "$B/test/netns/standin" over 5305 \
    mike-spawn -k -r $K -b $D >$LOG 2>&1 &
over=$!
ok "-k: a key manager starts" wait_for 5 logged \
    'standin keymgrd .*: keymgrd -r /run/k -n 05$'
ok "-k: who asked hears it" wait_for 5 logged 'got=U slot=5'
no "-k: no daemons" logged 'child.start name=(policyd|dispatcherd|groupd)'
pid=$(pgrep -x mike-spawn)
is "-k: CapEff" "$(caps Eff)" 00000000000400e0
is "-k: CapAmb" "$(caps Amb)" 00000000000400e0
is "-k: no_new_privs" \
    "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/"$pid"/status)" 1
pid=$(pgrep -x keymgrd)
is "-k: a key manager can still chroot and change its ids" "$(caps Eff)" \
    00000000000400e0
kill -TERM "$(pgrep -x mike-spawn)"
ok "-k: it ends" wait_for 5 logged 'channel closed'
wait $over
no "-k: with its children" pgrep -x keymgrd

# --- refusals ---
out=$(setpriv --reuid=65534 --regid=65534 --clear-groups mike-spawn 2>&1)
is "not root: refused" $? 1
like "with a way out" "$out" 'start as root, or with -k'
rm -rf $RUN/state/09
mkdir $RUN/state/09
out=$(mike-spawn -r $RUN -s $STATE -b $D 2>&1)
like "a state that is no file is refused" "$out" 'rundir.state path=.*/09: '
mike-spawn -x >/dev/null 2>&1
is "usage" $? 64
finish
