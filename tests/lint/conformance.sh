#!/bin/sh
# SPDX-License-Identifier: ISC
#
# docs/conformance.md says of each requirement which test shows it: does that
# test exist, and is it run?

. tests/lib/tap.sh
cd "${TREE:-.}" || exit 1
table=docs/conformance.md

# Only what stands in back quotes: KIND/FILE:TEST, or KIND/SCRIPT.sh.
named=$(grep -oE '`[a-z]+/[a-z0-9_-]+(:[a-z0-9_]+|\.sh)`' "$table" |
    tr -d '`' | sort -u)

lost=$(for n in $named; do
	case $n in
	*.sh)
		[ -f "tests/$n" ] || echo "$n: no such script"
		;;
	*)
		f=tests/${n%%:*}_test.c
		t=${n#*:}
		# At the start of a line where it is defined, and once more in
		# the list of what is run.
		if [ ! -f "$f" ]; then
			echo "$n: no $f"
		elif ! grep -q "^$t(void \*\*" "$f"; then
			echo "$n: $f defines no such test"
		elif [ "$(grep -cw "$t" "$f")" -lt 2 ]; then
			echo "$n: $f does not run it"
		fi
		;;
	esac
done)
if [ -n "$named" ] && [ -z "$lost" ]; then
	tap_pass "every test that $table names is there"
else
	tap_fail "every test that $table names is there"
	diag "$lost"
fi

# A row says how it is shown, or why it does not arise.
bare=$(awk -F '|' '/^## 8/ { exit } /^\|/ && !/^\|---/ && NF == 5 &&
    $2 !~ /^ requirement/ && $4 !~ /`/ && $0 !~ /N\/A/ { print NR ": " $2 }' \
    "$table")
if [ -z "$bare" ]; then
	tap_pass "every requirement in it has a test, or says why not"
else
	tap_fail "every requirement in it has a test, or says why not"
	diag "$bare"
fi

finish
