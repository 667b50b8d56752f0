#!/bin/sh
# SPDX-License-Identifier: ISC
#
# All benches.  One line for each figure:
#
#   bench: NAME VALUE UNIT (reference VALUE, ratio R)
#
# with " MISSED" at the end when it is not what it should be; lines with a
# blank behind "bench:" say where the time goes.  B is the build directory,
# its stage is made.
#
#   run.sh [quick]	quick: only that everything runs; figures mean nothing
B=${B:?}
if [ "${1:-}" = quick ]; then
	runs=1 n=20
else
	runs=5 n=2000
fi
rc=0
echo "bench: $(nproc) cores, $(openssl version | cut -d' ' -f1,2)," \
    "median of $runs runs of $n"
"$B/test/bench/evp" $runs $n || rc=1
"$B/test/bench/core" || rc=1
"$B/test/bench/regs" $runs $n || rc=1
RUNS=$runs COUNT=$n sh tests/bench/suite.sh || rc=1
"$B/test/bench/sim" $runs $n || rc=1
exit $rc
