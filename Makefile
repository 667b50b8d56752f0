# SPDX-License-Identifier: ISC
#
# One non-recursive build.  A directory is one library or one program:
#   common/ common/ike/ ipc/      -> libcommon.a
#   DAEMON/core/**                -> libDAEMON-core.a   (pure, no I/O)
#   DAEMON/*.c                    -> bin/DAEMON
#   tests/{unit,exchange,vectors}/*_test.c -> one cmocka program each
#   tests/fuzz/*_fuzz.c           -> one libFuzzer target each (make fuzz)
#
#   make            build into $(B) (default build)
#   make demo       install packages, build, show the main job
#   make check      install packages, build, run all tests (11 minutes)
#   make asan lint lab fuzz interop simtest   parts of it
#   make sim        run all scenarios of mikesim into $(B)/sim
#   make check-long 60 s for each fuzz target
#   B=DIR CC=clang WERROR=0 V=1 SAN=address,undefined DESTDIR= PREFIX=

B	?= build
CC	?= cc
ifeq ($(origin CC),default)
CC	:= gcc
endif
WERROR	?= 1
PREFIX	?= /usr
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/lib/mike
SAN	?=
V	?=
Q	:= $(if $(V),,@)
# make -s: not even a line for each file.
SAY	:= $(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,echo)

PROGRAMS = policyd dispatcherd groupd keymgrd mike-spawn mikectl mikesim

include mk/flags.mk
include mk/build.mk
include mk/test.mk
include mk/install.mk
include mk/lab.mk

.DEFAULT_GOAL := all
.PHONY: all deps demo check check-long lab bench fuzz asan lint interop sim \
	simtest format install clean

all: libs-found $(PROGRAMS:%=$(B)/bin/%)

deps:
	@sh mk/deps.sh build

# What follows installs packages, and the flags above were asked of
# pkg-config before: so the work is done by a make of its own.
AGAIN	= $(MAKE)
HERE	= B=$(abspath $(B)) MIKE_MAKE=$(AGAIN)

demo:
	@sh mk/deps.sh demo
	@echo "building in $(B)"
	@$(AGAIN) -s --no-print-directory -j$$(nproc) all labfiles
	@$(HERE) sh tests/lab/demo.sh

check check-long:
	@sh mk/deps.sh check
	@$(HERE) sh tests/check.sh $@

sim:
	@sh mk/deps.sh build
	@$(AGAIN) -s --no-print-directory -j$$(nproc) all
	@$(HERE) sh mikesim/all.sh $(SCENARIOS)

asan lint lab fuzz interop simtest:
	@sh mk/deps.sh check
	@$(HERE) sh tests/check.sh only $@

bench:
	@sh mk/deps.sh check
	@$(AGAIN) -s --no-print-directory -j$$(nproc) benches stage
	@$(HERE) sh tests/bench/run.sh

format:
	clang-format -i $(call c_files,c h)

clean:
	rm -rf $(B)
