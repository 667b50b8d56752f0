# SPDX-License-Identifier: ISC
# Objects, libraries, programs.

# Say it once and plainly, instead of a screen of missing headers.
.PHONY: libs-found
libs-found:
	@pkg-config --exists $(PKGS) || { echo "libraries are missing:" \
	    "run 'make deps' as root, or see mk/deps.sh" >&2; exit 1; }

src	= $(sort $(wildcard $(addsuffix /*.c,$(1))))
obj	= $(patsubst %.c,$(B)/obj/%.o,$(call src,$(1)))
subdirs	= $(patsubst %/,%,$(sort $(dir $(wildcard $(1)/*.c $(1)/*/*.c))))

CORES	= dispatcherd groupd keymgrd policyd spawn mikesim
LIBCOMMON = $(B)/lib/libcommon.a
CORELIBS = $(CORES:%=$(B)/lib/lib%-core.a)

$(LIBCOMMON): $(call obj,common common/ike ipc)
define core_lib
$(B)/lib/lib$(1)-core.a: $(call obj,$(call subdirs,$(1)/core))
endef
$(foreach d,$(CORES),$(eval $(call core_lib,$(d))))

$(B)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	@$(SAY) "  AR      $@"
	$(Q)ar rcs $@ $(filter %.o,$^)

# What an object depends on is written down with $(B) in its name: builds that
# name the same directory in another way (make check does) know it too.
DEPS	= -MMD -MP -MT '$$(B)/obj/$(patsubst $(B)/obj/%,%,$@)'

# Other flags than last time: everything is built anew.
BUILT_BY = $(CC) $(CPPFLAGS) $(MIKE_CFLAGS) $(CFLAGS)
quoted	= '$(subst ','\'',$(1))'
.PHONY: always
$(B)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$(BUILT_BY)) | cmp -s - $@ || \
	    printf '%s\n' $(call quoted,$(BUILT_BY)) >$@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(SAY) "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(MIKE_CFLAGS) $(CFLAGS) $(DEPS) -c -o $@ $<

# Each program links what it uses; --as-needed drops the rest.
LIBS	:= $(call PKG,--libs nanomsg libcrypto libbsd libevent_core libseccomp \
	  libcap-ng)
LIBS_dispatcherd := $(call PKG,--libs libnl-3.0)
LIBS_policyd := $(call PKG,--libs libconfuse sqlite3)
LIBS_mikectl := $(call PKG,--libs jansson)
LIBS_mikesim := $(call PKG,--libs libconfuse jansson libpcap) -lm

define program
$(B)/bin/$(1): $(call obj,$(2)) $(if $(filter $(2),$(CORES)),\
	$(B)/lib/lib$(2)-core.a) $(LIBCOMMON)
	@mkdir -p $$(@D)
	@$(SAY) "  LINK    $$@"
	$(Q)$(CC) $(MIKE_LDFLAGS) $(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
endef
$(foreach d,$(filter-out spawn mikesim,$(CORES)) mikectl,$(eval $(call program,$(d),$(d))))
$(eval $(call program,mike-spawn,spawn))

# The simulation links the cores of all daemons, and looks over their shoulder
# at the functions that are wrapped (mikesim/core/wrap.c).
SIM_WRAPPED = ike_keys_derive sig_make sig_check ke_public ke_shared x509_check
SIM_WRAP = $(SIM_WRAPPED:%=-Wl,--wrap=%)
SIM_LIBS = $(B)/lib/libmikesim-core.a $(filter-out %/libmikesim-core.a,$(CORELIBS)) \
	   $(LIBCOMMON)
$(B)/obj/mikesim/%.o: MIKE_CFLAGS += -ffp-contract=off
$(B)/bin/mikesim: $(call obj,mikesim mikesim/out) $(SIM_LIBS)
	@mkdir -p $(@D)
	@$(SAY) "  LINK    $@"
	$(Q)$(CC) $(MIKE_LDFLAGS) $(LDFLAGS) $(SIM_WRAP) -pthread -o $@ \
	    $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	    $(LIBS_mikesim) $(LIBS)

# The page's files are part of it (.incbin); the compiler does not say so.
$(B)/obj/mikesim/out/page_files.o: $(wildcard mikesim/page/*)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
