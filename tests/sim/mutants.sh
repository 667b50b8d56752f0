#!/bin/sh
# SPDX-License-Identifier: ISC
# Can the invariants fail?  A core that is broken in one way is caught by the
# rule for it; the scenario that is written then fails again with that core,
# and not with a good one.

. tests/lib/tap.sh
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM HUP

# caught MUTANT RULE
caught()
{
	export MIKESIM_MUTANT=$1
	"$B/test/sim/mutant" check -q --jobs 2 --seeds 1-4 --save "$T/$1.conf" \
	    tests/sim/mutants.conf >"$T/$1.out" 2>&1
	is "$1: a seed fails" $? 1
	like "$1: by the rule $2" "$(cat "$T/$1.out")" \
	    "^seed [0-9]+: FAILED $2: " || diag "$(cat "$T/$1.out")"
	# A core that ends the process does so here too.
	"$B/test/sim/mutant" run -q --invariants "$T/$1.conf" \
	    >"$T/again" 2>&1
	is "$1: what was written fails again" "$(($? != 0))" 1
	unset MIKESIM_MUTANT
	ok "$1: and holds with a good core" "$B/bin/mikesim" run -q \
	    --invariants "$T/$1.conf"
}

ok "as they are, all seeds pass" "$B/test/sim/mutant" check -q --jobs 2 \
    --seeds 1-4 --save "$T/none.conf" tests/sim/mutants.conf
caught admit allowed
caught spi one-spi
caught iv once
caught early in-first
caught deaf '(in-first|current)'
caught state state
caught seal seal
caught start start
caught left left
caught closed closed
caught crash crash
finish
