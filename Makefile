# SPDX-License-Identifier: MIT
# riposte. `make help` lists the targets. Everything that is made goes below build/.
#
#   MODE=release|debug|asan|tsan|fuzz  what to build: build/riposte, or build/<mode>/riposte
#   O=build/<folder>                   another place for everything, so that builds can stand side by side
#   TLS=no                             without TLS, and without OpenSSL
#   WERROR=1                           warnings are errors
#   V=1                                show the commands

MODE ?= release
VERSION := 0.1.0
PREFIX ?= /usr/local

CC ?= cc
AR ?= ar
INSTALL ?= install

O := build/$(MODE)
# build/riposte is the release binary; the other modes, and an O of one's own, keep theirs in their folder.
OWN_OUTPUT := $(filter command line,$(origin O))
BIN := $(if $(OWN_OUTPUT),$(O),$(if $(filter release,$(MODE)),build,$(O)))
# $(call in_mode,asan): the same Makefile in another mode, beside this one's output.
in_mode = $(MAKE) MODE=$(1) $(if $(OWN_OUTPUT),O=$(O)-$(1))

# What speaks TLS is left out by TLS=no, with the library it needs.
TLS ?= yes
WITH_TLS := $(filter-out no,$(TLS))
TLS_LIBS := $(if $(WITH_TLS),-lssl -lcrypto)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith \
            -Wundef
CPPFLAGS_common := -D_GNU_SOURCE -DRIPOSTE_VERSION='"$(VERSION)"' $(if $(WITH_TLS),-DRIPOSTE_TLS=1) -Iinclude
CFLAGS_common := -std=gnu17 -g -fno-omit-frame-pointer $(WARNINGS) $(if $(WERROR),-Werror)
# Assertions stay on in release builds too: no NDEBUG anywhere.
# Hardened where it costs nothing measurable (functions with arrays have a guard, copies of known size are checked, the
# program's place is random, tables of addresses are read-only before the first client).
CFLAGS_release := -O2 -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
CFLAGS_debug := -O0 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_DEBUG_COMMANDS
CFLAGS_asan := -O1 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_DEBUG_COMMANDS -DRIPOSTE_SYSTEM_ALLOCATOR \
               -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_tsan := -O1 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_SYSTEM_ALLOCATOR -fsanitize=thread
CFLAGS_fuzz := $(CFLAGS_asan) -fsanitize=fuzzer-no-link
# Frames of the server, whose stacks are small (src/base/stack.h); a sanitizer puts room around everything.
FRAME_LIMIT := $(if $(filter release debug,$(MODE)),-Wframe-larger-than=20480)
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_fuzz := $(LDFLAGS_asan)
CFLAGS_all := $(CFLAGS_common) $(CFLAGS_$(MODE)) $(CFLAGS)
LDFLAGS_all := $(LDFLAGS_$(MODE)) $(LDFLAGS)
compile = $(CC) $(CPPFLAGS_common) $(CPPFLAGS) $(1) $(CFLAGS_all) -MMD -MP -c $< -o $@
link = $(CC) $(CFLAGS_all) $(LDFLAGS_all) -o $@ -Wl,--start-group $^ -Wl,--end-group
LIBS := -luring -lpthread $(TLS_LIBS) $(if $(filter asan tsan fuzz,$(MODE)),,-lmimalloc)

# The folders of src, lowest first: an archive each. A folder sees include/, src/base and its own headers;
# a protocol also protocol/common.
FOLDERS := base store engine tls protocol/common protocol/memcached protocol/http server
# What a folder's code may need at link time: a unit program gets these archives and no others.
NEEDS_base := base
NEEDS_store := base store
NEEDS_engine := base engine
NEEDS_tls := base engine tls
NEEDS_protocol/common := base store engine protocol/common
NEEDS_protocol/memcached := base store engine protocol/common protocol/memcached
NEEDS_protocol/http := base store engine protocol/common protocol/http
NEEDS_server := $(FOLDERS)
# Headers of base that are not for the users of the library, but for every folder above it and for the tools.
BASE_INCLUDE := -Isrc/base

MAIN := src/server/main.c
# src/tls is there twice: on OpenSSL, and what says that it is not there.
NOT_BUILT := $(if $(WITH_TLS),src/tls/absent/absent.c,$(wildcard src/tls/*.c))
sources = $(filter-out $(MAIN) $(NOT_BUILT),$(sort $(wildcard src/$(1)/*.c src/$(1)/*/*.c)))
objects = $(patsubst %.c,$(O)/%.o,$(1))
archive = $(O)/$(subst /,-,$(1)).a
ARCHIVES := $(foreach folder,$(FOLDERS),$(call archive,$(folder)))
# What programs with a protocol of their own may use: everything but the server.
LIBRARY_FOLDERS := $(filter-out server,$(FOLDERS))

# -Isrc/engine/uring -Isrc/engine -Isrc/base for src/engine/uring/ring.c: the folders above it, below src, and base.
own_includes = $(addprefix -I,$(filter-out src src/protocol,$(patsubst %/,%,$(dir $(1)) $(dir $(patsubst %/,%,$(dir $(1)))))) \
                              $(if $(filter src/protocol/%,$(1)),src/protocol/common)) $(BASE_INCLUDE)

QUIET := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')
MAKEFLAGS += --no-print-directory
# For targets that build many things: as many jobs as CPUs, unless the caller has said -j.
in_parallel = $(MAKE) $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

.DELETE_ON_ERROR:
.SECONDARY:

.PHONY: all
all: $(BIN)/riposte ## build the server and the load generator: build/riposte, build/riposte-load (the default)

ALL_FLAGS = $(subst ','"'"',$(CC) $(CPPFLAGS_common) $(CPPFLAGS) $(CFLAGS_all) $(LDFLAGS_all) $(LIBS))
# Changes when the flags do, so that the next build is not a mixture.
.PHONY: FORCE
$(O)/flags: FORCE
	@mkdir -p $(O)
	@echo '$(ALL_FLAGS)' | cmp -s - $@ || echo '$(ALL_FLAGS)' > $@

# $(eval $(call compile_rule,<folder>,<include flags; $$< is the source>)): objects of a folder and those below it. Of
# two such rules that fit, make takes the one with the longer folder.
define compile_rule
$(O)/$(1)/%.o: $(1)/%.c $(O)/flags
	$$(call say,cc,$$<)
	@mkdir -p $$(dir $$@)
	$$(QUIET)$$(call compile,$(2))
endef
# $(eval $(call link_rule,<program>,<objects and archives>,<libraries>))
define link_rule
$(1): $(2)
	$$(call say,link,$$@)
	@mkdir -p $$(dir $$@)
	$$(QUIET)$$(link) $(3)
endef
# $(eval $(call archive_rule,<archive>,<objects>)). q, not r: two of its folders may each have a file of the same name.
define archive_rule
$(1): $(2)
	$$(call say,ar,$$@)
	$$(QUIET)rm -f $$@ && $(AR) qcs $$@ $$(filter %.o,$$^)
endef

# Files that the assembler copies into an object (.incbin).
$(O)/src/protocol/http/page.o: $(wildcard src/protocol/http/page/*)

$(eval $(call compile_rule,src,$$(call own_includes,$$<) $(FRAME_LIMIT)))
$(foreach folder,$(FOLDERS),$(eval $(call archive_rule,$(call archive,$(folder)),$(call objects,$(call sources,$(folder))))))
$(eval $(call link_rule,$(BIN)/riposte,$(call objects,$(MAIN)) $(ARCHIVES),$(LIBS)))

# Whether what stands in for TLS has all that is asked of it: nothing else knows how the build was made, so the objects of
# a build with TLS are linked with it (the whole of such a build, and its tests: make TLS=no test).
WITHOUT_TLS := $(O)/without-tls
$(eval $(call link_rule,$(WITHOUT_TLS)/riposte,$(call objects,$(MAIN) src/tls/absent/absent.c) \
    $(filter-out $(call archive,tls),$(ARCHIVES)),$(filter-out $(TLS_LIBS),$(LIBS))))

.PHONY: without-tls
without-tls: $(addprefix $(WITHOUT_TLS)/,riposte riposte-load) ## build/release/without-tls/riposte: this build, with what stands in for TLS
	@:

.PHONY: run
run: setup ## install what the build needs, build, serve on 127.0.0.1:11211 and http://127.0.0.1:8080 (ARGS="-v -m 1g" for flags)
	+$(QUIET)$(in_parallel) $(BIN)/riposte
	$(QUIET)exec $(BIN)/riposte --http=127.0.0.1:8080 $(ARGS)

.PHONY: debug asan tsan
debug: ## build/debug/riposte: no optimisation, slow checks, the command debugtime
	+$(QUIET)$(call in_mode,debug) all

asan: ## build/asan/riposte: address and undefined-behaviour sanitizers
	+$(QUIET)$(call in_mode,asan) all

tsan: ## build/tsan/riposte: thread sanitizer
	+$(QUIET)$(call in_mode,tsan) all

include tools/tools.mk tools/manual.mk tools/install.mk tools/package.mk tests/tests.mk bench/bench.mk

# The rest of `check`, in the order of what fails soonest.
.PHONY: check check-rest
check: ## everything: tests, the same under sanitizers, races, style, static analysis; warnings are errors
	$(QUIET)tools/setup --check
	$(QUIET)$(MAKE) WERROR=1 test
	$(QUIET)$(MAKE) WERROR=1 check-rest

check-rest: bench-test
	$(QUIET)$(MAKE) format-check tidy
	+$(QUIET)$(in_parallel) analyse
	$(QUIET)$(MAKE) race
	+$(QUIET)$(in_parallel) fuzz SECONDS=5
	+$(QUIET)$(call in_mode,asan) $(filter -j%,$(in_parallel)) all unit-programs
	+$(QUIET)$(call in_mode,asan) unit
	+$(QUIET)$(call in_mode,asan) wire
	$(QUIET)$(MAKE) wire-apart TESTS=testssl
	$(QUIET)$(MAKE) take-over
	$(QUIET)$(MAKE) pause

.PHONY: setup
setup: ## install what the build needs and is not there (tools/setup --test, --check, --bench for more)
	$(QUIET)tools/setup

.PHONY: clean
clean: ## remove build/
	$(QUIET)rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile tests/tests.mk bench/bench.mk tools/tools.mk tools/manual.mk tools/install.mk tools/package.mk

# For tools/tidy: every C source that some target builds.
.PHONY: list-sources
list-sources:
	@printf '%s\n' $(ANALYSED) $(NOT_BUILT) $(wildcard tools/tls/*.c) $(TEST_SOURCES) $(BENCH_SOURCES)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
