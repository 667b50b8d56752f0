#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Run a command as root of a private copy of this machine: an overlay of /
# with the suite installed and its users added, in mount, network (loopback
# up), PID, IPC and UTS namespaces of its own.  When the command ends, all
# that it started is killed and all that it wrote is gone; only what goes to
# standard output, standard error and -o DIR stays.
#
#   tests/lib/root.sh [-B BUILDDIR] [-o DIR] [-k] COMMAND [ARG...]
#     -B  build directory (default $B, then "build"); `make stage` runs in it
#         unless $MIKE_STAGE names a directory that it made before
#     -o  a directory of the host that stays writable, same path inside
#     -k  the host's network namespace is kept (default: a fresh one)
#
# Exit status: the command's; 77 when this machine cannot do it (not root, no
# namespaces, no overlay), with a sentence on standard error.
#
# Sourced (. tests/lib/root.sh) it only defines the root_* functions, which
# the lab uses inside User-Mode Linux too.

root_top=${root_top:-$(cd "$(dirname "$0")/../.." && pwd)}

root_say()
{
	echo "root.sh: $*" >&2
}

# root_stage BUILDDIR: install into BUILDDIR/stage, one caller at a time.
root_stage()
{
	mkdir -p "$1" || return 1
	flock "$1/.stage.lock" make -s --no-print-directory -C "$root_top" \
	    B="$1" stage >&2
}

# root_overlay STAGE WORK: make WORK/root, / under a tmpfs with STAGE's files.
# WORK is an empty directory; the tmpfs is mounted on it.
root_overlay()
{
	mount -t tmpfs -o mode=755 tmpfs "$2" &&
	mkdir "$2/up" "$2/work" "$2/root" &&
	cp -a "$1/." "$2/up/" &&
	mount -t overlay -o "lowerdir=/,upperdir=$2/up,workdir=$2/work" \
	    overlay "$2/root"
}

# root_kernel NEWROOT: the kernel's file systems, for this set of namespaces.
root_kernel()
{
	mount -t proc -o nosuid,nodev,noexec proc "$1/proc" &&
	{ mount -t sysfs -o nosuid,nodev,noexec sysfs "$1/sys" 2>/dev/null ||
	    mount --rbind /sys "$1/sys"; } &&
	mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$1/run" &&
	mkdir -p "$1/run/netns" "$1/run/lock"
}

# root_pivot NEWROOT: what was / is gone afterwards.
root_pivot()
{
	mkdir -p "$1/.old" && cd "$1" && pivot_root . .old && cd / &&
	umount -l /.old && rmdir /.old
}

# --- inside the namespaces, as PID 1 ---------------------------------------

root_inside()
{
	stage=$1 out=$2
	shift 2
	mount --make-rprivate /
	# Any directory does: only this mount namespace sees the tmpfs on it.
	root_overlay "$stage" /mnt &&
	root_kernel /mnt/root &&
	mount --rbind /dev /mnt/root/dev || {
		root_say "cannot build the private root" \
		    "(needs overlay and tmpfs in the kernel)"
		exit 77
	}
	# What lies on other file systems than / is not in the overlay.
	for d in "$root_top" "${stage%/stage}" ${out:+"$out"}; do
		[ "$d" != "$out" ] &&
		    [ "$(stat -c %d "$d")" = "$(stat -c %d /)" ] && continue
		mkdir -p "/mnt/root$d" && mount --rbind "$d" "/mnt/root$d" ||
		    exit 77
	done
	here=$PWD
	root_pivot /mnt/root || exit 77
	cd "$here" 2>/dev/null || cd /
	ip link set lo up 2>/dev/null
	export HOME=/root TMPDIR=/tmp MIKE_PRIVATE_ROOT=1 \
	    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	"$@"
	exit $?
}

root_main()
{
	build=${B:-build} out= net=-n
	while getopts B:ko: opt; do
		case $opt in
		B) build=$OPTARG ;;
		k) net= ;;
		o) out=$(cd "$OPTARG" && pwd) || exit 64 ;;
		*) exit 64 ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# -gt 0 ] || { root_say "no command"; exit 64; }
	[ "$(id -u)" = 0 ] || { root_say "needs root"; exit 77; }
	case $build in /*) ;; *) build=$root_top/$build ;; esac
	# The test runner stages once and says so; by hand we look ourselves.
	stage=${MIKE_STAGE:-$build/stage}
	[ -n "${MIKE_STAGE:-}" ] || root_stage "$build" || {
		root_say "the suite does not build"
		exit 1
	}
	[ -d "$stage/usr/lib/mike" ] || {
		root_say "$stage is no stage: run make B=$build stage"
		exit 1
	}
	unshare -m $net -p -f -i -u true 2>/dev/null || {
		root_say "this machine does not let us make namespaces"
		exit 77
	}
	# unshare(1) blocks SIGINT and SIGTERM; killing it kills PID 1 inside,
	# and with PID 1 everything that was started.
	unshare -m $net -p -f -i -u --kill-child --propagation private \
	    sh "$0" --inside "$stage" "$out" "$@" <&0 &
	root_pid=$!
	trap 'kill -KILL $root_pid 2>/dev/null; wait $root_pid; exit 130' INT
	trap 'kill -KILL $root_pid 2>/dev/null; wait $root_pid; exit 143' \
	    TERM HUP
	wait $root_pid
}

case ${0##*/} in
root.sh)
	if [ "${1:-}" = --inside ]; then
		shift
		root_inside "$@"
	fi
	root_main "$@"
	;;
esac
