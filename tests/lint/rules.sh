#!/bin/sh
# SPDX-License-Identifier: ISC
#
# House rules that grep and ctags can judge.  TREE (default: this one) is
# searched; tests/lint/rules_test.sh runs this over one that breaks each.

. tests/lib/tap.sh
cd "${TREE:-.}" || exit 1

# All files of the project; not what a build or a tool left.
files()
{
	find . \( -name .git -o -path './build*' \) -prune -o -type f "$@" \
	    -print | sed 's|^\./||' | sort
}

c_files()
{
	files -name '*.[ch]'
}

# none NAME TEXT: passes when TEXT, the offenders, is empty
none()
{
	if [ -z "$2" ]; then
		tap_pass "$1"
	else
		tap_fail "$1"
		diag "$2"
	fi
}

# grep over files named on standard input; no files, no finds
in_files()
{
	xargs -r grep -nE "$@" /dev/null
}

under()
{
	c_files | grep -E "$1"
}

# --- layers: common <- ipc <- DAEMON/core <- DAEMON ------------------------

programs="dispatcherd groupd keymgrd policyd spawn mikectl"
none "common/ includes nothing above itself" "$(under '^common/' |
    in_files '^#include "' | grep -vE '"common/')"
none "ipc/ includes common/ and ipc/ only" "$(under '^ipc/' |
    in_files '^#include "' | grep -vE '"(common|ipc)/')"
none "no program includes another one's headers" "$(for d in $programs; do
	under "^$d/" | in_files '^#include "' |
	    grep -vE "\"(common|ipc|$d)/"
    done)"
none "no core includes anything of a shell" "$(for d in $programs; do
	under "^$d/core/" | in_files '^#include "' |
	    grep -vE "\"(common|ipc|$d/core)/"
	under "^$d/core/" | in_files '"(ipc/chan|common/(proc|sandbox))\.h"'
    done)"

none "mikesim includes the cores of daemons, and no shell" "$(
    under '^mikesim/' | in_files '^#include "' |
    grep -vE "\"(common|ipc|mikesim|(dispatcherd|groupd|keymgrd|policyd)/core)/"
    under '^mikesim/core/' | in_files '"mikesim/(out/|[a-z]*\.h)|"ipc/chan\.h'
)"

# What a core may include: nothing that reaches the world.  spawn/core builds
# a filter program and so needs the numbers of system calls; policyd's reads
# certificates and signs with libcrypto; mikesim's makes certificates, and is
# what OpenSSL draws from.
pure='assert|ctype|errno|inttypes|limits|stdarg|stdbool|stddef|stdint|stdio'
pure="$pure|stdlib|string|strings|bsd/(stdlib|string|strings|sys/.*)"
none "cores include no system I/O header" "$(under '/core/' |
    in_files '^#include <' | grep -vE "<($pure)\.h>" |
    grep -vE '^(policyd|mikesim)/core/[^:]*:[0-9]+:#include <confuse\.h>' |
    grep -vE '^policyd/core/(sig|x509)[^:]*:[0-9]+:#include <openssl/' |
    grep -vE '^mikesim/core/(ca|rand)[^:]*:[0-9]+:#include <openssl/' |
    grep -vE '^spawn/core/filter\.[ch]:.*<(linux/.*|sys/syscall|sched)\.h>' |
    grep -vE '^spawn/core/.*<sys/types\.h>')"
calls='(f?open|socket|time|clock_gettime|gettimeofday|getenv|rand|random'
calls="$calls|getrandom|arc4random[a-z_]*|f?printf|puts|system|sleep|exit"
calls="$calls|fatal|log_(info|warn|err))"
none "cores call nothing that does I/O, tells time or ends the process" \
    "$(under '/core/' | grep '\.c$' |
    in_files "(^|[^A-Za-z0-9_>.\"-])$calls\(" | grep -vE ':[[:space:]]*\*')"

# --- secrets ---------------------------------------------------------------

secret='key|secret|psk|tek|kek|salt|auth|tag|icv|mac|root|sk_[a-z]*'
none "secrets are compared by secret_eq, never by memcmp" "$(c_files |
    grep -vE '^tests/' |
    in_files "mem(n?cmp)\([^;]*($secret)([^a-z]|\$)")"
none "no pointer is ever logged" "$(c_files | grep -v '^tests/' |
    in_files 'log_[a-z]+\(.*%p')"

# --- form ------------------------------------------------------------------

source='\.([ch]|sh|mk)$|^Makefile$|^tests/lab/run$|^\.ci/run$'
source="$source|^packaging/sysv/"
none "every source file says its licence" "$(files | grep -E "$source" |
    while read -r f; do
	sed 3q "$f" | grep -q 'SPDX-License-Identifier: ISC' || echo "$f"
    done)"
none "no file above 600 lines" "$(files | grep -E "$source" |
    xargs -r wc -l | awk '$2 != "total" && $1 > 600')"
none "no function above 100 lines" "$(c_files | grep '\.c$' |
    xargs -r ctags --kinds-c=f --fields=+ne -f - 2>/dev/null |
    awk -F '\t' '{
	for (i = 4; i <= NF; i++) {
		if ($i ~ /^line:/) from = substr($i, 6)
		if ($i ~ /^end:/) to = substr($i, 5)
	}
	if (to - from > 100) print $2 ":" from " " $1 ": " to - from " lines"
    }')"
none "headers have include guards named after them" "$(c_files |
    grep '\.h$' | while read -r f; do
	guard=$(echo "$f" | tr 'a-z/.-' 'A-Z___')
	grep -q "^#define $guard\$" "$f" || echo "$f: no #define $guard"
    done)"
none "no white space at the end of a line" "$(files |
    grep -E "$source|\.md\$|^docs/" | grep -v '\.png$' |
    in_files '[[:blank:]]+$')"
none "every shell script parses" "$(files | grep -E '\.sh$|/run$' |
    grep -v '^tests/lab/uml/' | while read -r f; do
	sh -n "$f" 2>&1
    done)"

# --- words -----------------------------------------------------------------

# Spelled so that this file does not hit itself.
left='TO''DO|FIX''ME|X''XX|HA''CK|not imple''mented|stu''b(bed|s)?'
none "nothing is left open in the code" "$(files | grep -E "$source" |
    in_files -w "($left)")"
talk='iss''ue #?[0-9]+|this ses''sion|anth''ropic|clau''de|chat''gpt|open''ai'
talk="$talk|copi""lot|language mod""el|AI assist""ant"
none "no file speaks of how it was written" "$(files |
    in_files -i "(^|[^a-z])($talk)([^a-z]|\$)|(^|[^a-z.])/wo""rk/")"
none "only the vector tests know where the vectors lie" "$(files |
    grep -vE '^tests/vectors/|^\.ci/' | in_files '\.\./sha''red')"

finish
