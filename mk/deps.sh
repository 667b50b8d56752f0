#!/bin/sh
# SPDX-License-Identifier: ISC
# Install the Debian packages that a job needs, and say which.
#   deps.sh build|demo|check
set -eu
build="gcc pkg-config libnl-3-dev libnanomsg-dev libssl-dev libbsd-dev \
 libevent-dev libseccomp-dev libcap-ng-dev libconfuse-dev libsqlite3-dev \
 libjansson-dev libpcap-dev"
lab="iproute2 iputils-ping kmod netbase procps socat tcpdump openssl user-mode-linux"
check="libcmocka-dev clang libclang-rt-14-dev clang-format clang-tidy \
 cppcheck valgrind mandoc universal-ctags tshark charon-systemd \
 strongswan-swanctl libstrongswan-standard-plugins chromium chromium-driver \
 curl jq"
case ${1:-build} in
build) want=$build ;;
demo) want="$build $lab" ;;
check) want="$build $lab $check" ;;
*) echo "usage: deps.sh build|demo|check" >&2; exit 64 ;;
esac
missing=
for p in $want; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null |
	    grep -q '^install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "deps: installing with apt:$missing"
if [ "$(id -u)" != 0 ]; then
	echo "deps: not root; run: apt-get install$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# strongSwan is a peer to test against, not a service of this machine: nothing
# starts it, now (policy-rc.d) or later.
no_start=/usr/sbin/policy-rc.d
[ ! -e $no_start ] || no_start=
trap 'rm -f "$log" $no_start' EXIT
# A signal alone would not run it.
trap 'exit 130' INT TERM HUP
if [ -n "$no_start" ]; then
	cat >"$no_start" <<-'END'
		#!/bin/sh
		case $1 in strongswan*) exit 101 ;; esac
		exit 0
	END
	chmod 755 "$no_start"
fi
if ! { apt-get update -qq && apt-get install -y -qq \
    --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -20 "$log" >&2
	echo "deps: apt could not install the packages above" >&2
	exit 1
fi
case $missing in
*charon-systemd*)
	# Works without systemd, too: it may be installed later.
	DPKG_MAINTSCRIPT_PACKAGE=charon-systemd \
	    deb-systemd-helper disable strongswan.service >"$log" 2>&1 ||
	    echo "deps: strongswan.service is still enabled:" \
		"$(tail -1 "$log")" >&2
	;;
esac
