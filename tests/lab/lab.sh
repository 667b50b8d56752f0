# SPDX-License-Identifier: ISC
# The kernel to test on, and how to run something there.  Sourced by run and
# demo.sh with lab_top (the tree) and B (build directory, absolute) set.
#
#   lab_kernel		sets lab_on to "native" or "uml"; says why and returns
#			77 when there is neither
#   lab_start OUT CMD [SHARE]	begins to run the shell command CMD in a
#			private root there; OUT (a fresh directory) is /run/out
#			inside, CMD's output goes to OUT/log, its status to
#			OUT/status; SHARE, a directory that OUT lies in, is
#			/run/share
#   lab_wait OUT SECONDS	waits for it; returns CMD's status, or 98 when
#			the kernel did not end by itself
#   lab_kill OUT	ends it at once

lab_uml=${LAB_UML:-linux.uml}

# Has this kernel AES-GCM ESP?  ALLOCSPI would succeed without.
lab_probe()
{
	unshare -n ip xfrm state add src 192.0.2.1 dst 239.192.0.1 proto esp \
	    spi 0x1000 mode transport aead 'rfc4106(gcm(aes))' \
	    0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324 \
	    128 2>/dev/null
}

lab_kernel()
{
	if [ "$(id -u)" != 0 ]; then
		echo "lab: needs root (for namespaces); run it as root" >&2
		return 77
	fi
	case ${LAB_KERNEL:-} in
	native | uml) lab_on=$LAB_KERNEL ;;
	*) if lab_probe; then lab_on=native; else lab_on=uml; fi ;;
	esac
	[ $lab_on = native ] || command -v "$lab_uml" >/dev/null || {
		echo "lab: this kernel has no AES-GCM ESP (CONFIG_INET_ESP," \
		    "CONFIG_INET6_ESP, CONFIG_CRYPTO_GCM) and User-Mode" \
		    "Linux is not installed: apt-get install" \
		    "user-mode-linux" >&2
		return 77
	}
}

# One sentence for people.
lab_where()
{
	case $lab_on in
	native) echo "this machine's own kernel, Linux $(uname -r)" ;;
	uml) echo "User-Mode Linux, because this machine's kernel" \
	    "(Linux $(uname -r)) has no AES-GCM ESP" ;;
	esac
}

lab_start_native()
{
	echo "ln -s '$1' /run/out; ln -s '$2' /run/share; sh /run/out/job" \
	    >"$1/native"
	MIKE_STAGE=$lab_stage sh "$lab_top/tests/lib/root.sh" -B "$B" \
	    -o "$2" sh "$1/native" </dev/null >"$1/log" 2>&1 &
	echo $! >"$1/pid"
}

# In a PID namespace of its own, so that nothing of it can stay behind.
lab_start_uml()
{
	cp "$lab_top/tests/lab/uml/init" "$1/init"
	chmod 755 "$1/init"
	printf "root_top='%s' stage='%s' share='%s'\n" "$lab_top" \
	    "$lab_stage" "$2" >"$1/vars"
	LD_PRELOAD=$B/test/lab/fpregs.so unshare -m -p -f --kill-child \
	    --mount-proc "$lab_uml" panic=-1 \
	    mem="${LAB_MEM:-512M}" umid=mike uml_dir="$1/" \
	    root=/dev/root rootfstype=hostfs rootflags=/ ro quiet loglevel=4 \
	    init="$1/init" con=null con0=null,fd:1 mike_out="$1" \
	    </dev/null >"$1/console" 2>&1 &
	echo $! >"$1/pid"
}

lab_start()
{
	lab_stage=${MIKE_STAGE:-$B/stage}
	rm -f "$1/status"
	: >"$1/log"
	printf '%s\n' "export B='$B'; $2" >"$1/job"
	"lab_start_$lab_on" "$1" "${3:-$1}"
}

lab_running()
{
	kill -0 "$(cat "$1/pid" 2>/dev/null)" 2>/dev/null
}

lab_kill()
{
	lab_pid=$(cat "$1/pid" 2>/dev/null) || return 0
	# root.sh takes its namespaces along at SIGTERM; unshare(1) must be
	# killed, and its PID namespace dies with it.
	case $lab_on in
	native) kill -TERM "$lab_pid" 2>/dev/null ;;
	uml) kill -KILL "$lab_pid" 2>/dev/null ;;
	esac
	wait "$lab_pid" 2>/dev/null
	rm -f "$1/pid"
}

lab_wait()
{
	lab_pid=$(cat "$1/pid") lab_left=$(($2 * 10))
	while lab_running "$1" && [ $lab_left -gt 0 ]; do
		lab_left=$((lab_left - 1))
		sleep 0.1
	done
	if lab_running "$1"; then
		echo "lab: no end after $2 s" >>"$1/log"
		lab_kill "$1"
		return 98
	fi
	wait "$lab_pid" 2>/dev/null
	lab_rc=$?
	rm -f "$1/pid"
	[ $lab_on = uml ] || return $lab_rc
	lab_rc=$(cat "$1/status" 2>/dev/null) || lab_rc=98
	return $lab_rc
}
