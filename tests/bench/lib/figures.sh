# SPDX-License-Identifier: ISC
#
# How benches say what they found.
#
#   median			of the numbers on standard input
#   cpu_ticks PID...		processor time of processes and their threads
#   rss_kib PID
#   figure NAME VALUE UNIT REFERENCE TEST	one line; REFERENCE may be
#				empty.  TEST is awk over v (value) and r
#				(ratio, 0 without a reference); false: MISSED

missed=0

median()
{
	sort -n | awk '
	{ v[NR] = $1 }
	END {
		if (NR > 0)
			print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2
	}'
}

cpu_ticks()
{
	for p in "$@"; do
		sed 's/.*) //' "/proc/$p/stat"
	done | awk '{ n += $12 + $13 } END { print n + 0 }'
}

rss_kib()
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

figure()
{
	figure_line=$(awk -v name="$1" -v v="$2" -v unit="$3" -v ref="$4" '
	BEGIN {
		r = ref > 0 ? v / ref : 0
		against = ref > 0 ? sprintf("reference %s, ratio %.2f", ref, r) \
		    : "no reference"
		printf "bench: %s %s %s (%s)%s\n", name, v, unit, against,
		    ('"$5"') ? "" : " MISSED"
	}')
	echo "$figure_line"
	case $figure_line in
	*MISSED) missed=1 ;;
	esac
}
