# SPDX-License-Identifier: ISC
# What the test roots and the lab need besides the programs.

# A directory to lay over / : the suite installed, its users in passwd and
# group.  Test roots copy it (tests/lib/root.sh); the host stays as it is.
STAGE	= $(B)/stage
.PHONY: stage
stage: $(STAGE).stamp
$(STAGE).stamp: $(PROGRAMS:%=$(B)/bin/%) mk/install.mk packaging/mkusers.sh \
		packaging/sysusers.d/mike.conf packaging/tmpfiles.d/mike.conf \
		packaging/sysv/mike packaging/sysv/default $(MANPAGES) \
		$(EXAMPLES) /etc/passwd /etc/group
	$(Q)rm -rf $(STAGE) $@
	$(Q)$(MAKE) --no-print-directory -s install-files PREFIX=/usr \
	    SYSCONFDIR=/etc DESTDIR=$(abspath $(STAGE))
	$(Q)cp /etc/passwd /etc/group $(STAGE)/etc/
	$(Q)sh packaging/mkusers.sh packaging/sysusers.d/mike.conf $(STAGE)
	$(Q)touch $@

# Programs of the lab, which `make demo` needs where cmocka is not installed,
# and what is preloaded into User-Mode Linux (see the source for why).
LABTOOLS = $(patsubst tests/lab/tools/%.c,$(B)/test/lab/%,$(wildcard \
	   tests/lab/tools/*.c))
.PHONY: labfiles
labfiles: stage $(LABTOOLS) $(B)/test/lab/fpregs.so

$(LABTOOLS): $(B)/test/lab/%: $(B)/obj/tests/lab/tools/%.o $(LIBCOMMON)
	@mkdir -p $(@D)
	@$(SAY) "  LINK    $@"
	$(Q)$(CC) $(MIKE_LDFLAGS) $(LDFLAGS) -o $@ $^
$(B)/test/lab/fpregs.so: tests/lab/uml/fpregs.c
	@mkdir -p $(@D)
	@$(SAY) "  CC      $<"
	$(Q)$(CC) -D_GNU_SOURCE -std=c11 -O2 $(WARN) -fPIC -shared -o $@ $<
