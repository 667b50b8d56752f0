#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs lab tests one after the other, inside the private root: /run/out is a
# directory of the host.  Each gets a clean scene; what it leaves is ended.
#   guest.sh NAME...	tests/lab/t-NAME.sh to /run/out/NAME.tap, .status

limit=${LAB_TEST_SECONDS:-90}
. tests/lib/tap.sh
. tests/lab/scene.sh

for name; do
	start=$(date +%s%N)
	timeout -k 5 "$limit" sh "tests/lab/t-$name.sh" \
	    >"/run/out/$name.tap" 2>&1 </dev/null
	rc=$?
	# The logs of a failure, before the scene goes.
	if [ $rc != 0 ] || grep -q '^not ok' "/run/out/$name.tap"; then
		for log in /var/log/mike-*.log; do
			[ ! -e "$log" ] || {
				echo "== $log"
				tail -n 60 "$log"
			}
		done >"/run/out/$name.logs"
	fi
	scene_down
	echo "$rc $((($(date +%s%N) - start) / 1000000))" \
	    >"/run/out/$name.status"
done
exit 0
