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

CORES	= dispatcherd groupd keymgrd policyd spawn
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

define program
$(B)/bin/$(1): $(call obj,$(2)) $(if $(filter $(2),$(CORES)),\
	$(B)/lib/lib$(2)-core.a) $(LIBCOMMON)
	@mkdir -p $$(@D)
	@$(SAY) "  LINK    $$@"
	$(Q)$(CC) $(MIKE_LDFLAGS) $(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
endef
$(foreach d,$(filter-out spawn,$(CORES)) mikectl,$(eval $(call program,$(d),$(d))))
$(eval $(call program,mike-spawn,spawn))

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
