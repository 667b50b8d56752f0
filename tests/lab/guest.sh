#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs lab tests one after the other, inside the private root; another kernel
# may do the same, and each takes those that the other has not taken.  Every
# test gets a clean scene; what it leaves is ended.
#   guest.sh KERNEL NAME...	tests/lab/t-NAME.sh to /run/share/NAME.tap,
#				.status, .logs

limit=${LAB_TEST_SECONDS:-90}
. tests/lib/tap.sh
. tests/lab/scene.sh

kernel=$1
shift
for name; do
	# Atomic, on the host's file system too.
	mkdir "/run/share/taken-$name" 2>/dev/null || continue
	echo "$kernel" >"/run/share/taken-$name/kernel"
	start=$(date +%s%N)
	timeout -k 5 "$limit" sh "tests/lab/t-$name.sh" \
	    >"/run/share/$name.tap" 2>&1 </dev/null
	rc=$?
	# The logs of a failure, before the scene goes.
	if [ $rc != 0 ] || grep -q '^not ok' "/run/share/$name.tap"; then
		for log in /var/log/mike-*.log; do
			[ ! -e "$log" ] || {
				echo "== $log"
				tail -n 60 "$log"
			}
		done >"/run/share/$name.logs"
	fi
	scene_down
	echo "$rc $((($(date +%s%N) - start) / 1000000))" \
	    >"/run/share/$name.status"
done
exit 0
