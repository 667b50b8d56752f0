# SPDX-License-Identifier: ISC
# make install [DESTDIR=] [PREFIX=]: files only; users are made by
# systemd-sysusers or packaging/mkusers.sh.

BINDIR	= $(DESTDIR)$(PREFIX)/bin
SBINDIR	= $(DESTDIR)$(PREFIX)/sbin
MANDIR	= $(DESTDIR)$(PREFIX)/share/man
DOCDIR	= $(DESTDIR)$(PREFIX)/share/doc/mike
INSTALL	?= install
DAEMONS	= $(filter-out mikectl mikesim mike-spawn,$(PROGRAMS))
MANPAGES = $(wildcard docs/man/*.[1-8])
EXAMPLES = $(wildcard packaging/examples/*)

install: all install-files

.PHONY: install-files
install-files:
	@$(SAY) "  INSTALL $(DESTDIR)$(PREFIX)"
	$(Q)$(INSTALL) -d $(BINDIR) $(SBINDIR) $(DESTDIR)$(LIBEXECDIR) \
	    $(DESTDIR)$(SYSCONFDIR)/init.d $(DESTDIR)$(SYSCONFDIR)/default \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d \
	    $(DESTDIR)$(PREFIX)/lib/tmpfiles.d \
	    $(MANDIR)/man1 $(MANDIR)/man5 $(MANDIR)/man8 $(DOCDIR)/examples \
	    $(DESTDIR)$(PREFIX)/share/mike/scenarios
	$(Q)$(INSTALL) -m 755 $(B)/bin/mikectl $(B)/bin/mikesim $(BINDIR)
	$(Q)$(INSTALL) -m 755 $(B)/bin/mike-spawn $(SBINDIR)
	$(Q)$(INSTALL) -m 755 $(DAEMONS:%=$(B)/bin/%) $(DESTDIR)$(LIBEXECDIR)
	$(Q)$(INSTALL) -m 755 packaging/mkusers.sh \
	    $(DESTDIR)$(LIBEXECDIR)/mkusers
	$(Q)sed -e 's|^SPAWN=.*|SPAWN=$(PREFIX)/sbin/mike-spawn|' \
	    -e 's|^LIBEXEC=.*|LIBEXEC=$(LIBEXECDIR)|' \
	    -e 's|^PATH=|&$(filter-out /usr/bin:,$(PREFIX)/bin:)|' \
	    packaging/sysv/mike >$(DESTDIR)$(SYSCONFDIR)/init.d/mike
	$(Q)chmod 755 $(DESTDIR)$(SYSCONFDIR)/init.d/mike
	$(Q)test -e $(DESTDIR)$(SYSCONFDIR)/default/mike || \
	    $(INSTALL) -m 644 packaging/sysv/default \
	    $(DESTDIR)$(SYSCONFDIR)/default/mike
	$(Q)$(INSTALL) -m 644 packaging/sysusers.d/mike.conf \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/mike.conf
	$(Q)$(INSTALL) -m 644 packaging/tmpfiles.d/mike.conf \
	    $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/mike.conf
	$(Q)$(INSTALL) -d -m 750 $(DESTDIR)$(SYSCONFDIR)/mike
	$(Q)set -e; for f in $(MANPAGES); do \
	    $(INSTALL) -m 644 $$f $(MANDIR)/man$${f##*.}; done
	$(Q)$(INSTALL) -m 644 packaging/wireshark/gike.lua \
	    $(DESTDIR)$(PREFIX)/share/mike
	$(Q)$(INSTALL) -m 644 $(wildcard mikesim/scenarios/*.conf) \
	    $(DESTDIR)$(PREFIX)/share/mike/scenarios
	$(Q)set -e; for f in $(EXAMPLES); do \
	    $(INSTALL) -m 644 $$f $(DOCDIR)/examples; done
