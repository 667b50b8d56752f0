# SPDX-License-Identifier: ISC
# Test programs.  tests/KIND/NAME_test.c becomes $(B)/test/KIND/NAME, linked
# with every core, the common library and tests/lib/*.c.  Helper programs of
# the shell tests, tests/{netns,lab,sandbox,bench,interop,sim}/NAME.c, become
# the same, but have a main of their own kind.

TEST_KINDS = unit exchange vectors
HELP_KINDS = netns lab sandbox bench interop sim

# Objects of a shell that a test wants besides the libraries.
# OBJ_unit/NAME = keymgrd/file
OBJ_unit/xfrm_msg = dispatcherd/xfrm_msg
OBJ_unit/xfrm_reply = dispatcherd/xfrm_msg dispatcherd/xfrm_reply
OBJ_unit/xstat = dispatcherd/xstat
OBJ_unit/gd = groupd/gd
OBJ_unit/gather = groupd/status
OBJ_unit/shell = $(addprefix keymgrd/,shell effects seal)
OBJ_unit/ctl = groupd/ctl groupd/cmd
OBJ_fuzz/seal = keymgrd/seal
OBJ_unit/seal = keymgrd/seal
OBJ_unit/mikectl = mikectl/model mikectl/table mikectl/json
OBJ_unit/policy_db = policyd/db
OBJ_unit/policy_calls = policyd/db
OBJ_unit/policy_files = policyd/files
OBJ_unit/policy_creds = policyd/files policyd/creds
OBJ_unit/sim_table = $(addprefix mikesim/out/,table links)
OBJ_unit/sim_json = $(addprefix mikesim/out/,json links file)
OBJ_unit/sim_trace = $(addprefix mikesim/out/,trace payload file)
OBJ_unit/sim_pcap = $(addprefix mikesim/out/,pcap file)
OBJ_unit/sim_payload = mikesim/out/payload
OBJ_fuzz/simtext = $(addprefix mikesim/out/,trace payload file)
SIM_PAGE = $(addprefix mikesim/out/,page page_msgs page_json page_html \
	   page_text page_files svg) tests/sim/lib/fakesim
OBJ_unit/sim_page = $(SIM_PAGE)
OBJ_unit/sim_pagefile = $(SIM_PAGE)
OBJ_unit/sim_pagetext = mikesim/out/page_text
OBJ_sim/fakerun = $(SIM_PAGE)
OBJ_fuzz/nl = dispatcherd/xfrm_msg dispatcherd/xfrm_reply
OBJ_bench/sim = mikesim/pool
OBJ_unit/sim_pool = mikesim/pool
OBJ_unit/sim_shrink = mikesim/shrink
OBJ_unit/sim_trial = $(addprefix mikesim/,shrink trial)
OBJ_sim/mutant = $(patsubst $(B)/obj/%.o,%,$(call obj,mikesim mikesim/out))

tests_of = $(patsubst tests/%_test.c,$(B)/test/%,$(wildcard \
	   $(1:%=tests/%/*_test.c)))
helps_of = $(patsubst tests/%.c,$(B)/test/%,$(filter-out %/probe.c, \
	   $(wildcard $(1:%=tests/%/*.c))))
TESTS	= $(call tests_of,$(TEST_KINDS))
HELPERS	= $(call helps_of,$(HELP_KINDS))

LIBTEST	= $(B)/lib/libtest.a
TESTLIBS = $(LIBTEST) $(CORELIBS) $(LIBCOMMON)
TEST_PKGS := $(call PKG,--libs cmocka libnl-3.0 libconfuse sqlite3 jansson \
	     libpcap) -lm

$(LIBTEST): $(call obj,tests/lib tests/bench/lib)

link_test = $(CC) $(MIKE_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	    -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	    $(TEST_PKGS) $(LIBS)

define test_program
$(B)/test/$(1): $(B)/obj/tests/$(2).o $(OBJ_$(1):%=$(B)/obj/%.o) $(TESTLIBS)
	@mkdir -p $$(@D)
	@$(SAY) "  LINK    $$@"
	$(Q)$$(link_test)
endef
$(foreach t,$(TESTS:$(B)/test/%=%),$(eval $(call test_program,$(t),$(t)_test)))
$(foreach t,$(HELPERS:$(B)/test/%=%),$(eval $(call test_program,$(t),$(t))))
# It looks at the keys where they are made; see there.
$(B)/test/bench/sim: MIKE_LDFLAGS += $(SIM_WRAP)
# mikesim with cores that are broken in one way or another.
MUTATED = pol_auth_check chain_spi sk_protect life_switch_ms life_rereg_ms \
	  record_get grp_step grp_runs seal_key gm_start
$(B)/test/sim/mutant: MIKE_LDFLAGS += $(SIM_WRAP) $(MUTATED:%=-Wl,--wrap=%)
$(B)/test/interop/mkpcap: MIKE_LDFLAGS += -Wl,--wrap=ike_keys_derive

# They want to see OBS_KEYS, as mikesim does.
$(addprefix $(B)/test/unit/sim_,trace pcap payload): MIKE_LDFLAGS += $(SIM_WRAP)

BENCHES	= $(call helps_of,bench)
.PHONY: tests benches
tests: $(TESTS) $(HELPERS)
benches: $(BENCHES)

# Fuzz targets: everything is built once more, instrumented, with clang.
FUZZERS	= $(patsubst tests/fuzz/%_fuzz.c,$(B)/%,$(wildcard \
	  tests/fuzz/*_fuzz.c))
define fuzz_program
$(B)/$(1): $(B)/obj/tests/fuzz/$(1)_fuzz.o $(OBJ_fuzz/$(1):%=$(B)/obj/%.o) \
    $(TESTLIBS)
	@mkdir -p $$(@D)
	@$(SAY) "  LINK    $$@"
	$(Q)$$(link_test) -fsanitize=fuzzer
endef
ifneq ($(FUZZ),)
$(foreach t,$(FUZZERS:$(B)/%=%),$(eval $(call fuzz_program,$(t))))
endif
.PHONY: fuzzers
fuzzers: $(FUZZERS)

# Probe builds: a daemon's own objects and libraries with a sandbox_probe()
# that commits one forbidden act (tests/sandbox/probe.c).
ACTS	= none open inet packet netlink exec ptrace mount setuid
PROBED	= $(filter-out mikectl mikesim,$(PROGRAMS))
PROBES	= $(foreach p,$(PROBED),$(ACTS:%=$(B)/probe/$(p)-%))
$(ACTS:%=$(B)/obj/probe/%.o): $(B)/obj/probe/%.o: tests/sandbox/probe.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DPROBE_ACT='"$*"' $(MIKE_CFLAGS) $(CFLAGS) \
	    $(DEPS) -c -o $@ $<
probed_dir = $(if $(filter mike-spawn,$(1)),spawn,$(1))
define probe
$(B)/probe/$(1)-$(2): $(B)/obj/probe/$(2).o $(call obj,$(call probed_dir,$(1))) \
    $(B)/lib/lib$(call probed_dir,$(1))-core.a $(LIBCOMMON)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(MIKE_LDFLAGS) $(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
endef
$(foreach p,$(PROBED),$(foreach a,$(ACTS),$(eval $(call probe,$(p),$(a)))))
.PHONY: probes
probes: $(PROBES) $(B)/test/sandbox/deny

# Every header alone, and twice, with the house's warnings.
c_files	= $(foreach e,$(1),$(shell find . -path ./.git -prune -o \
	  -path './build*' -prune -o -name '*.$(e)' -print))
.PHONY: headers
headers:
	$(Q)set -e; for h in $(patsubst ./%,%,$(call c_files,h)); do \
	    printf '#include "%s"\n#include "%s"\n' $$h $$h | \
	    $(CC) $(CPPFLAGS) $(MIKE_CFLAGS) $(CFLAGS) -fsyntax-only -x c - || \
	    { echo "$$h does not compile alone" >&2; exit 1; }; done

# For tests/lint: the flags of this build, for other programs.
.PHONY: show-flags
show-flags:
	@printf '%s\n' $(call quoted,$(CPPFLAGS) $(MIKE_CFLAGS))
