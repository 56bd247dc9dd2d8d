# SPDX-License-Identifier: MIT
# The tree as an archive, and Debian packages of it; included by the Makefile.

DIST := riposte-$(VERSION)
DIST_FILE := build/$(DIST).tar.gz
DEB_FOLDER := build/deb

# What git knows or would add; from an archive without git, what is there.
list_files = { git ls-files --cached --others --exclude-standard 2>/dev/null || find . -type f ! -path './build/*' ! -path './debian/*'; }

.PHONY: dist deb check-deb check-systemd check-docker check-arm64
dist: ## build/riposte-VERSION.tar.gz: the tree, the same bytes for the same files
	$(call say,tar,$(DIST_FILE))
	@mkdir -p build
	$(QUIET)$(list_files) | LC_ALL=C sort | while read -r file; do [ ! -e "$$file" ] || printf '%s\n' "$$file"; done | \
	    tar -c -T - --transform='s,^\(\./\)\?,$(DIST)/,' --owner=0 --group=0 --numeric-owner --mtime='2026-11-28 00:00Z' | \
	    gzip -n > $(DIST_FILE)

# dpkg-buildpackage wants debian/ at the top of the tree: in a copy.
deb: dist ## Debian packages riposte, riposte-tools, libriposte-dev in build/deb (needs debhelper: tools/setup --package)
	$(QUIET)rm -rf $(DEB_FOLDER) && mkdir -p $(DEB_FOLDER)
	$(QUIET)tar -x -C $(DEB_FOLDER) -f $(DIST_FILE) && cp -r tools/debian $(DEB_FOLDER)/$(DIST)/debian
	$(QUIET)for unit in tools/systemd/riposte.service tools/systemd/riposte.socket; do \
	    [ ! -e $$unit ] || cp $$unit $(DEB_FOLDER)/$(DIST)/debian/; done
	$(call say,deb,$(DEB_FOLDER))
	$(QUIET)cd $(DEB_FOLDER)/$(DIST) && env -u MAKEFLAGS -u MAKELEVEL -u MODE -u V \
	    dpkg-buildpackage -us -uc -b -j$(shell nproc) >../build.log 2>&1 || { tail -n 40 ../build.log; exit 1; }
	@ls $(DEB_FOLDER)/*.deb

check-deb: deb ## install, use and remove the packages in a fresh Debian (needs root and debootstrap)
	$(QUIET)tests/package/run $(DEB_FOLDER)

check-systemd: deb ## boot a fresh Debian with the packages and use the service there (needs root, debootstrap, systemd-nspawn)
	$(QUIET)tests/package/systemd $(DEB_FOLDER)

check-docker: all ## build and run the image with a Docker of its own (needs root, debootstrap, dockerd)
	$(QUIET)tests/package/docker

check-arm64: ## build everything for arm64 and play the transcripts against it, emulated (needs root, debootstrap)
	$(QUIET)tests/package/arm64
