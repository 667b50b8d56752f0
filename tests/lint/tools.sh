#!/bin/sh
# SPDX-License-Identifier: ISC
# The slow judges: clang-format, mandoc, cppcheck, clang-tidy.

. tests/lib/tap.sh
B=${B:-build}
make=${MIKE_MAKE:-make}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
jobs=$(nproc 2>/dev/null || echo 2)

ours()
{
	find common ipc dispatcherd groupd keymgrd policyd spawn mikectl \
	    mikesim "$@" | sort
}

ours tests -name '*.[ch]' | while read -r f; do
	clang-format --dry-run -Werror "$f" >/dev/null 2>&1 || echo "$f"
done >"$out"
is "clang-format has nothing to change (make format does)" "$(cat "$out")" ""

mans=$(find docs/man -name '*.[1-8]' | sort)
mandoc -Tlint -Wwarning $mans >"$out" 2>&1
is "mandoc finds no fault in the manual" "$(cat "$out")" ""
for m in $mans; do
	name=$(basename "$m")
	grep -q "^\.Nm ${name%.*}" "$m" || echo "$m names another page"
done >"$out"
is "each manual page names itself" "$(cat "$out")" ""

ok "cppcheck finds nothing" cppcheck -q -j "$jobs" --error-exitcode=1 \
    --enable=warning,performance,portability --inline-suppr --std=c11 \
    --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective \
    -D_GNU_SOURCE -D__linux__ -DMIKE_LIBEXECDIR='""' -DMIKE_SYSCONFDIR='""' \
    --include=tests/lint/queue.h \
    -I. $(ours -name '*.c')

mkdir -p "$B/tidy"
eval "set -- $("$make" -s --no-print-directory CC=clang SAN= show-flags)"
printf '%s\n' "$@" "-I$PWD" >"$B/tidy/compile_flags.txt"
# It counts on standard error what it found and left out.
ours -name '*.c' | xargs -n 4 -P "$jobs" clang-tidy --quiet -p "$B/tidy" \
    >"$out" 2>/dev/null
is "clang-tidy finds nothing" "$(cat "$out")" ""

finish
