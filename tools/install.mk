# SPDX-License-Identifier: MIT
# libriposte, and what `make install` puts where; included by the Makefile.

LIBRARY := $(O)/libriposte.a
$(eval $(call archive_rule,$(LIBRARY),$(foreach folder,$(LIBRARY_FOLDERS),$(call objects,$(call sources,$(folder))))))

.PHONY: install
install: $(BIN)/riposte $(BIN)/riposte-load $(LIBRARY) ## install programs, library, headers and riposte.pc below PREFIX (/usr/local)
	$(call say,copy,$(DESTDIR)$(PREFIX))
	$(QUIET)$(INSTALL) -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include/riposte lib/pkgconfig)
	$(QUIET)$(INSTALL) $(BIN)/riposte $(BIN)/riposte-load $(DESTDIR)$(PREFIX)/bin
	$(QUIET)$(INSTALL) -m 644 include/riposte/*.h $(DESTDIR)$(PREFIX)/include/riposte
	$(QUIET)$(INSTALL) -m 644 $(LIBRARY) $(DESTDIR)$(PREFIX)/lib
	$(QUIET)printf '%s\n' 'Name: riposte' 'Description: request/reply engine on io_uring, and a shared in-memory store' \
	    'Version: $(VERSION)' 'Requires: liburing' 'Cflags: -I$(PREFIX)/include' \
	    'Libs: -L$(PREFIX)/lib -lriposte -lmimalloc -lpthread' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/riposte.pc
