#!/bin/sh
# SPDX-License-Identifier: ISC
# Does every house rule bite?  A tree that breaks each of them, and one that
# breaks none.

. tests/lib/tap.sh
top=$PWD
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# put FILE: from standard input, behind a licence line
put()
{
	mkdir -p "$tree/$(dirname "$1")"
	{ echo '/* SPDX-License-Identifier: ISC */'; cat; } >"$tree/$1"
}

judge()
{
	(cd "$top" && TREE=$tree sh tests/lint/rules.sh)
}

put common/a.c <<'E'
#include "common/a.h"
int a_key(const void *p, const void *q) { return a_cmp(p, q); }
E
printf '#ifndef COMMON_A_H\n#define COMMON_A_H\n#endif\n' | put common/a.h
verdict=$(judge)
is "a clean tree passes" "$(echo "$verdict" | grep '^not ok')" ""
rules=$(echo "$verdict" | grep -c '^ok')

put common/b.c <<'E'
#include "ipc/msg.h"
E
put ipc/b.c <<'E'
#include "groupd/core/x.h"
E
put groupd/b.c <<'E'
#include "keymgrd/core/km.h"
E
put mikesim/core/b.c <<'E'
/* SPDX-License-Identifier: ISC */
#include "keymgrd/shell.h"
#include "mikesim/cli.h"
E
put groupd/core/b.c <<'E'
#include "groupd/b.h"
#include "ipc/chan.h"
#include <sys/socket.h>
int f(void) { return socket(1, 2, 3); }
E
put policyd/key.c <<'E'
int f(void) { return memcmp(seal_key, other, 32); }
void g(void) { log_debug("at %p", g); }
E
echo 'int x;' >"$tree/policyd/bare.c"
seq 601 | sed 's|.*|/* & */|' | put policyd/long.c
{ echo 'int f(void)'; echo '{'; seq 101 | sed 's|.*|	f();|'; echo '}'; } |
    put policyd/longer.c
echo '#define WRONG_H' | put policyd/guard.h
printf 'int x; \n' | put policyd/blank.c
printf '# SPDX-License-Identifier: ISC\nif true; then\n' >"$tree/broken.sh"
printf '/* TO%s: all of it */\n' DO | put policyd/todo.c
printf 'as iss%s 7 says\n' ue >"$tree/NOTES"
printf '/* see ../sha%s */\n' red | put policyd/shared.c
is "a tree that breaks every rule fails every rule" \
    "$(judge | grep '^ok')" ""
is "every rule was tried" "$(judge | grep -c '^not ok')" "$rules"

finish
