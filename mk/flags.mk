# SPDX-License-Identifier: ISC
# Compiler flags.  Nothing is configured: what the compiler has is probed.

PKGS	= libnl-3.0 nanomsg libcrypto libbsd libevent_core libseccomp libcap-ng \
	  libconfuse sqlite3 jansson libpcap
PKG	= $(shell pkg-config $(1) 2>/dev/null)

cc-option = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null \
	2>/dev/null && echo '$(1)')

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings \
	  -Wvla -Wformat=2 -Wundef -Wconversion -Wimplicit-fallthrough \
	  $(if $(filter 1,$(WERROR)),-Werror)
HARDEN	:= -fPIE -fstack-protector-strong \
	  $(call cc-option,-fstack-clash-protection) \
	  $(call cc-option,-fcf-protection) \
	  $(call cc-option,-ftrivial-auto-var-init=zero) \
	  -fno-strict-aliasing -fno-delete-null-pointer-checks
FORTIFY	= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
OPT	?= -O2 -g
ifneq ($(SAN),)
OPT	= -O1 -g -fno-omit-frame-pointer
FORTIFY	=
SANFLAGS = -fsanitize=$(SAN) -fno-sanitize-recover=all
endif

CPPFLAGS += -D_GNU_SOURCE -I. $(FORTIFY) $(DEFS)
MIKE_CFLAGS := -std=c11 $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) \
	  $(call PKG,--cflags $(PKGS))
MIKE_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
	  $(SANFLAGS)

DEFS	= -DMIKE_LIBEXECDIR='"$(LIBEXECDIR)"' \
	  -DMIKE_SYSCONFDIR='"$(SYSCONFDIR)"'
