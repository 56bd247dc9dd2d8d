# SPDX-License-Identifier: MIT
# libriposte, and what `make install` puts where; included by the Makefile.
#
# Every name that the installed library exports begins with riposte_, while the sources keep their short names:
#
#   names         nm lists what the objects define for others; each gets the prefix
#   libriposte.a  the same objects, renamed by objcopy: a header of renames would have to know the names before the first
#                 object is compiled, or be kept by hand, and would be missed by what no public header declares
#   names.h       tells the compiler of whoever includes an installed header which name each function has in the library.
#                 Pragmas (GCC and Clang, C and C++), since a #define would rename the user's own fields and variables, too

NM ?= nm
OBJCOPY ?= objcopy

LIBRARY := $(O)/libriposte.a
LIBRARY_OBJECTS := $(foreach folder,$(LIBRARY_FOLDERS),$(call objects,$(call sources,$(folder))))
HEADERS := $(notdir $(wildcard include/riposte/*.h))

$(eval $(call archive_rule,$(O)/library/objects.a,$(LIBRARY_OBJECTS)))
$(O)/library/objects.a: | $(O)/library/
$(O)/library/ $(O)/include/riposte/:
	@mkdir -p $@

# Lines of "conn_open riposte_conn_open". Names with two underscores at the front are a sanitizer's.
$(O)/library/names: $(O)/library/objects.a
	$(QUIET)$(NM) -g --defined-only $< | awk 'NF == 3 && $$3 !~ /^(__|riposte_)/ { print $$3, "riposte_" $$3 }' | \
	    LC_ALL=C sort -u > $@

$(LIBRARY): $(O)/library/objects.a $(O)/library/names
	$(call say,names,$@)
	$(QUIET)$(OBJCOPY) --redefine-syms=$(O)/library/names $< $@

# Of all names those that occur in a public header.
$(O)/include/riposte/names.h: $(O)/library/names $(addprefix include/riposte/,$(HEADERS)) | $(O)/include/riposte/
	$(QUIET)( printf '/* SPDX-License-Identifier: MIT\n *\n * names: what the functions of riposte are called in libriposte.a. Made by the build.\n */\n'; \
	    printf '#ifndef RIPOSTE_NAMES_H\n#define RIPOSTE_NAMES_H\n\n'; \
	    cat include/riposte/*.h | tr -cs A-Za-z0-9_ '\n' | LC_ALL=C sort -u | LC_ALL=C join - $< | \
	        sed 's/^/#pragma redefine_extname /'; \
	    printf '\n#endif\n' ) > $@

# The public headers, each with names.h before its first declaration.
$(O)/include/riposte/%.h: include/riposte/%.h | $(O)/include/riposte/
	$(QUIET)sed '/^#define RIPOSTE_[A-Z0-9_]*_H$$/a #include "riposte/names.h"' $< > $@

# prefix is found from the file's own place, so that what was installed may be moved, or lie in a DESTDIR.
define PKG_CONFIG_FILE
prefix=$${pcfiledir}/../..
includedir=$${prefix}/include
libdir=$${prefix}/lib

Name: riposte
Description: request/reply engine on io_uring, and a shared in-memory store
Version: $(VERSION)
Requires: liburing$(if $(filter no,$(TLS)),, libssl libcrypto)
Cflags: -I$${includedir}
Libs: -L$${libdir} -lriposte -lmimalloc -lpthread
endef

INSTALLED_HEADERS := $(addprefix $(O)/include/riposte/,names.h $(HEADERS))
# riposte, riposte-load, and riposte-top where it is built.
INSTALLED_PROGRAMS := $(addprefix $(BIN)/,$(DOCUMENTED))
INSTALLED_FILES := $(INSTALLED_PROGRAMS) $(LIBRARY) $(INSTALLED_HEADERS) $(MANUAL) $(COMPLETIONS)
# share/man/man1/riposte.1; where each shell looks for what completes a command of that name.
installed_page = share/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
installed_completion = $(strip $(if $(filter %.bash,$(1)),share/bash-completion/completions/$(basename $(notdir $(1))),\
    $(if $(filter %.fish,$(1)),share/fish/vendor_completions.d/$(notdir $(1)),share/zsh/site-functions/$(notdir $(1)))))
INSTALLED_SHARED := $(foreach page,$(MANUAL),$(call installed_page,$(page))) \
    $(foreach completion,$(COMPLETIONS),$(call installed_completion,$(completion)))
UNITS := $(wildcard tools/systemd/riposte.*)
# Where systemd looks for units: what it says itself for a distribution's package, else beside the rest (systemd.unit(5) names
# /usr/local/lib, too). UNIT_DIR= on the command line installs none.
UNIT_DIR ?= $(or $(if $(filter /usr,$(PREFIX)),$(shell pkg-config --variable=systemd_system_unit_dir systemd 2>/dev/null)),$(PREFIX)/lib/systemd/system)
INSTALLED := $(addprefix bin/,$(DOCUMENTED)) lib/libriposte.a lib/pkgconfig/riposte.pc $(INSTALLED_SHARED)
# Between single quotes wherever it is used: a DESTDIR may have spaces.
ROOT = $(DESTDIR)$(PREFIX)

.PHONY: install uninstall
install: $(INSTALLED_FILES) ## install programs, library, headers, manual, completion and units below PREFIX (/usr/local)
	$(call say,copy,$(ROOT))
	$(QUIET)$(INSTALL) -d '$(ROOT)/bin' '$(ROOT)/include/riposte' '$(ROOT)/lib/pkgconfig'
	$(QUIET)$(INSTALL) $(INSTALLED_PROGRAMS) '$(ROOT)/bin'
	$(QUIET)$(INSTALL) -m 644 $(INSTALLED_HEADERS) '$(ROOT)/include/riposte'
	$(QUIET)$(INSTALL) -m 644 $(LIBRARY) '$(ROOT)/lib'
	$(file >$(O)/library/riposte.pc,$(PKG_CONFIG_FILE))
	$(QUIET)$(INSTALL) -m 644 $(O)/library/riposte.pc '$(ROOT)/lib/pkgconfig'
	$(QUIET)set -e; $(foreach page,$(MANUAL),$(INSTALL) -D -m 644 $(page) '$(ROOT)/$(call installed_page,$(page))';)
	$(QUIET)set -e; $(foreach completion,$(COMPLETIONS),$(INSTALL) -D -m 644 $(completion) '$(ROOT)/$(call installed_completion,$(completion))';)
	$(QUIET)$(if $(UNIT_DIR),$(INSTALL) -d '$(DESTDIR)$(UNIT_DIR)' && $(foreach unit,$(UNITS),sed 's,/usr/bin/,$(PREFIX)/bin/,' $(unit) \
	    > '$(DESTDIR)$(UNIT_DIR)/$(notdir $(unit))' &&) chmod 644 $(foreach unit,$(UNITS),'$(DESTDIR)$(UNIT_DIR)/$(notdir $(unit))'))

uninstall: ## remove what install has put there
	$(call say,remove,$(ROOT))
	$(QUIET)cd '$(ROOT)' && rm -f $(INSTALLED) $(addprefix include/riposte/,names.h $(HEADERS)) && \
	    if [ -d include/riposte ]; then rmdir include/riposte; fi
	$(QUIET)$(if $(UNIT_DIR),rm -f $(foreach unit,$(UNITS),'$(DESTDIR)$(UNIT_DIR)/$(notdir $(unit))'))
