#!/bin/sh
# SPDX-License-Identifier: ISC
# After its start no daemon may do what it never needs, whatever its code does.

[ -n "${MIKE_PRIVATE_ROOT:-}" ] || exec sh tests/lib/root.sh sh "$0" "$@"
. tests/lib/tap.sh
. tests/lib/probe.sh

probe_host || { echo "Bail out! no network or policy"; exit 1; }
for daemon in policyd dispatcherd groupd keymgrd; do
	must_live $daemon
	for act in open inet packet netlink exec ptrace mount setuid; do
		must_die $daemon $act
	done
done

finish
