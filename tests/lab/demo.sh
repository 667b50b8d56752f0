#!/bin/sh
# SPDX-License-Identifier: ISC
# The demonstration: builds what is missing, then lets story.sh tell what the
# installed suite does on a real kernel.  B is the build directory.  Ends with
# "demo: ok ..." or "demo: FAILED ..." and exit 1.  This machine stays as it
# was; the working directory is kept after a failure.

set -u
lab_top=$(cd "$(dirname "$0")/../.." && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$lab_top/$B ;; esac
export B
cd "$lab_top" || exit 1
. tests/lab/lab.sh

begin=$(date +%s)
lab_kernel || { echo "demo: FAILED: no kernel to show it on"; exit 1; }
[ -n "${MIKE_STAGE:-}" ] || make -s --no-print-directory B="$B" labfiles || { echo "demo: FAILED: it does not build"; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/mike-demo.XXXXXX") || exit 1
tail_pid=
end()
{
	[ -z "$tail_pid" ] || kill "$tail_pid" 2>/dev/null
	lab_kill "$work"
	rm -rf "$work"
}
trap 'end; echo; echo "demo: FAILED: interrupted"; exit 130' INT
trap 'end; exit 143' TERM HUP

fold -s -w 78 <<EOF | sed 's/ *$//'
MIKE: keys for IP multicast that the Linux kernel's IPsec protects.
Everything below is real: daemons, datagrams, kernel ESP. It runs on $(lab_where). Nothing on this machine changes.
EOF
sh tests/lab/pki.sh "$work/pki" || {
	end
	echo "demo: FAILED: cannot make certificates (is openssl installed?)"
	exit 1
}
lab_start "$work" "SCENE_AUTH=${DEMO_AUTH:-cert} sh tests/lab/story.sh"
tail -n +1 -s 0.2 -f "$work/log" &
tail_pid=$!
lab_wait "$work" "${DEMO_SECONDS:-150}"
rc=$?
sleep 0.4
kill "$tail_pid" 2>/dev/null
wait "$tail_pid" 2>/dev/null
tail_pid=

if [ $rc != 0 ]; then
	mkdir -p "$B/log"
	kept=$B/log/demo
	rm -rf "$kept"
	cp -r "$work" "$kept"
	end
	echo
	[ $rc != 98 ] || echo "The kernel ended before the story did."
	echo "demo: FAILED; the daemons' logs and the kernel's console are in" \
	    "$kept"
	exit 1
fi
summary=$(cat "$work/summary")
end
echo
echo "demo: ok ($summary; $(($(date +%s) - begin)) s)"
