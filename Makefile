# SPDX-License-Identifier: MIT
# riposte. `make help` lists the targets. Everything that is made goes below build/.
#
#   MODE=release|debug|asan|tsan|fuzz  what to build: build/riposte, or build/<mode>/riposte
#   O=build/<folder>                   another place for everything, so that builds can stand side by side
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

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith \
            -Wundef
CPPFLAGS_common := -D_GNU_SOURCE -DRIPOSTE_VERSION='"$(VERSION)"' -Iinclude
CFLAGS_common := -std=gnu17 -g -fno-omit-frame-pointer $(WARNINGS) $(if $(WERROR),-Werror)
# Assertions stay on in release builds too: no NDEBUG anywhere.
CFLAGS_release := -O2
CFLAGS_debug := -O0 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_DEBUG_COMMANDS
CFLAGS_asan := -O1 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_DEBUG_COMMANDS -DRIPOSTE_SYSTEM_ALLOCATOR \
               -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_tsan := -O1 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_SYSTEM_ALLOCATOR -fsanitize=thread
CFLAGS_fuzz := $(CFLAGS_asan) -fsanitize=fuzzer-no-link
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_fuzz := $(LDFLAGS_asan)
CFLAGS_all := $(CFLAGS_common) $(CFLAGS_$(MODE)) $(CFLAGS)
LDFLAGS_all := $(LDFLAGS_$(MODE)) $(LDFLAGS)
compile = $(CC) $(CPPFLAGS_common) $(CPPFLAGS) $(1) $(CFLAGS_all) -MMD -MP -c $< -o $@
link = $(CC) $(CFLAGS_all) $(LDFLAGS_all) -o $@ -Wl,--start-group $^ -Wl,--end-group
LIBS := -luring -lpthread $(if $(filter asan tsan fuzz,$(MODE)),,-lmimalloc)

# The folders of src, lowest first: an archive each. A folder sees include/, src/base and its own headers.
FOLDERS := base store engine protocol/memcached server
# What a folder's code may need at link time: a unit program gets these archives and no others.
NEEDS_base := base
NEEDS_store := base store
NEEDS_engine := base engine
NEEDS_protocol/memcached := base store engine protocol/memcached
NEEDS_server := $(FOLDERS)
# Headers of base that are not for the users of the library, but for every folder above it and for the tools.
BASE_INCLUDE := -Isrc/base

MAIN := src/server/main.c
sources = $(filter-out $(MAIN),$(sort $(wildcard src/$(1)/*.c src/$(1)/*/*.c)))
objects = $(patsubst %.c,$(O)/%.o,$(1))
archive = $(O)/$(subst /,-,$(1)).a
ARCHIVES := $(foreach folder,$(FOLDERS),$(call archive,$(folder)))
# libriposte: everything but the server, for programs with a protocol of their own.
LIBRARY_FOLDERS := $(filter-out server,$(FOLDERS))
LIBRARY := $(O)/libriposte.a

# -Isrc/engine/uring -Isrc/engine -Isrc/base for src/engine/uring/ring.c: the folders above it, below src, and base.
own_includes = $(addprefix -I,$(filter-out src src/protocol,$(patsubst %/,%,$(dir $(1)) $(dir $(patsubst %/,%,$(dir $(1))))))) $(BASE_INCLUDE)

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

$(O)/src/%.o: src/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,$(call own_includes,$<))

# q, not r: two folders of an archive may each have a file of the same name.
define archive_rule
$(call archive,$(1)): $(call objects,$(call sources,$(1)))
	$$(call say,ar,$$@)
	$$(QUIET)rm -f $$@ && $(AR) qcs $$@ $$(filter %.o,$$^)
endef
$(foreach folder,$(FOLDERS),$(eval $(call archive_rule,$(folder))))

$(LIBRARY): $(foreach folder,$(LIBRARY_FOLDERS),$(call objects,$(call sources,$(folder))))
	$(call say,ar,$@)
	$(QUIET)rm -f $@ && $(AR) qcs $@ $^

$(BIN)/riposte: $(call objects,$(MAIN)) $(ARCHIVES)
	$(call say,link,$@)
	@mkdir -p $(dir $@)
	$(QUIET)$(link) $(LIBS)

.PHONY: run
run: setup ## install what the build needs, build, serve on 127.0.0.1:11211 (ARGS="-v -m 1g" for flags)
	+$(QUIET)$(in_parallel) $(BIN)/riposte
	$(QUIET)exec $(BIN)/riposte $(ARGS)

.PHONY: debug asan tsan
debug: ## build/debug/riposte: no optimisation, slow checks, the command debugtime
	+$(QUIET)$(call in_mode,debug) all

asan: ## build/asan/riposte: address and undefined-behaviour sanitizers
	+$(QUIET)$(call in_mode,asan) all

tsan: ## build/tsan/riposte: thread sanitizer
	+$(QUIET)$(call in_mode,tsan) all

# --- unit tests: tests/unit/<folder>/test_<file>.c, a Criterion program each ----------------------------------

UNIT_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
UNIT_CHOSEN := $(foreach source,$(UNIT_SOURCES),$(if $(TESTS),$(if $(findstring $(TESTS),$(source)),$(source)),$(source)))
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_CHOSEN))
# The private headers of the folder under test, and what tests share.
unit_includes = $(call own_includes,$(patsubst tests/unit/%,src/%,$(1))) -Itests/support

$(O)/tests/unit/%.o: tests/unit/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,$(call unit_includes,$<))

$(O)/tests/support/%.o: tests/support/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,-Itests/support)

$(O)/support.a: $(call objects,$(sort $(wildcard tests/support/*.c)))
	$(call say,ar,$@)
	$(QUIET)rm -f $@ && $(AR) qcs $@ $^

define unit_rule
$(O)/unit/$(1)/%: $(O)/tests/unit/$(1)/%.o $(O)/support.a $(foreach folder,$(NEEDS_$(1)),$(call archive,$(folder)))
	$$(call say,link,$$@)
	@mkdir -p $$(dir $$@)
	$$(QUIET)$$(link) -lcriterion $$(LIBS)
endef
$(foreach folder,$(FOLDERS),$(eval $(call unit_rule,$(folder))))

.PHONY: unit unit-programs
unit-programs: $(UNIT_PROGRAMS)
	@:

unit: $(UNIT_PROGRAMS) ## build and run the unit tests (TESTS=store/ runs those whose name contains it)
	$(QUIET)tests/unit/run $(UNIT_PROGRAMS)

# --- riposte-load: tools/load, a program of its own; shares src/base with the server -----------------------------

LOAD_SOURCES := $(sort $(wildcard tools/load/*.c))
LOAD_LIBS := -luring -lpthread -lm

all: $(BIN)/riposte-load

$(O)/tools/load/%.o: tools/load/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,-Itools/load $(BASE_INCLUDE))

$(BIN)/riposte-load: $(call objects,$(LOAD_SOURCES)) $(call archive,base)
	$(call say,link,$@)
	@mkdir -p $(dir $@)
	$(QUIET)$(link) $(LOAD_LIBS)

# Its unit programs get all of it but main, and what the tests of the generator share.
LOAD_TEST_SUPPORT := $(sort $(wildcard tests/unit/load/support/*.c))
LOAD_TEST_OBJECTS := $(call objects,$(LOAD_TEST_SUPPORT) $(filter-out %/main.c,$(LOAD_SOURCES)))

$(O)/tests/unit/load/%.o: tests/unit/load/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,-Itools/load $(BASE_INCLUDE) -Itests/support -Itests/unit/load/support)

$(O)/unit/load/%: $(O)/tests/unit/load/%.o $(LOAD_TEST_OBJECTS) $(O)/support.a $(call archive,base)
	$(call say,link,$@)
	@mkdir -p $(dir $@)
	$(QUIET)$(link) -lcriterion $(LOAD_LIBS)

# --- fuzzing: tests/fuzz/fuzz_<name>.c, a libFuzzer target each, with tests/fuzz/corpus/<name>; clang only -----------

SECONDS ?= 60
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SOURCES))

$(O)/tests/fuzz/%.o: tests/fuzz/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,-Isrc/protocol/memcached $(BASE_INCLUDE) -Itests/support)

$(O)/fuzz/%: $(O)/tests/fuzz/fuzz_%.o $(O)/support.a \
             $(foreach folder,$(NEEDS_protocol/memcached),$(call archive,$(folder)))
	$(call say,link,$@)
	@mkdir -p $(dir $@)
	$(QUIET)$(link) -fsanitize=fuzzer $(LIBS)

# What a run finds goes below build/; what is worth keeping is copied into the corpus by hand.
.PHONY: fuzz fuzz-programs fuzz-run
fuzz: ## run every fuzz target for SECONDS (60) under the sanitizers
	+$(QUIET)$(call in_mode,fuzz) CC=clang $(filter -j%,$(in_parallel)) fuzz-programs
	+$(QUIET)$(call in_mode,fuzz) CC=clang fuzz-run

fuzz-programs: $(addprefix $(O)/fuzz/,$(FUZZ_NAMES))
	@:

fuzz-run: fuzz-programs
	$(QUIET)set -e; for name in $(FUZZ_NAMES); do \
	    mkdir -p $(O)/fuzz/found/$$name; \
	    printf '  %-6s %s\n' fuzz "$$name, $(SECONDS) s"; \
	    $(O)/fuzz/$$name -max_total_time=$(SECONDS) -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
	        -artifact_prefix=$(O)/fuzz/$$name- $(O)/fuzz/found/$$name tests/fuzz/corpus/$$name \
	        >$(O)/fuzz/$$name.log 2>&1 || { tail -n 60 $(O)/fuzz/$$name.log; exit 1; }; \
	    sed -n 's/^stat::number_of_executed_units: */         runs: /p' $(O)/fuzz/$$name.log; \
	done

# --- tests over sockets ------------------------------------------------------------------------------------

.PHONY: wire
wire: $(BIN)/riposte ## run the wire tests against the server, on both transports (TESTS="get cas" for some)
	$(QUIET)tests/wire/run --server $(BIN)/riposte $(TESTS)

COMMANDS ?= 1000000
.PHONY: difftest
difftest: $(BIN)/riposte ## send COMMANDS (1000000) random commands to memcached and to riposte and compare the replies
	$(QUIET)tests/diff/run --server $(BIN)/riposte --commands $(COMMANDS)

# --- races: tests/race/*.c, plain programs, under ThreadSanitizer ------------------------------------------------

RACE_SOURCES := $(sort $(wildcard tests/race/*.c))
RACE_PROGRAMS := $(patsubst tests/race/%.c,$(O)/race/%,$(RACE_SOURCES))

$(O)/tests/race/%.o: tests/race/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,-Itests/race -Itests/support)

$(O)/race/%: $(O)/tests/race/%.o $(O)/support.a $(foreach folder,$(LIBRARY_FOLDERS),$(call archive,$(folder)))
	$(call say,link,$@)
	@mkdir -p $(dir $@)
	$(QUIET)$(link) $(LIBS)

.PHONY: race race-programs race-run
race: ## build the race programs with ThreadSanitizer and run them
	+$(QUIET)$(call in_mode,tsan) $(filter -j%,$(in_parallel)) race-programs
	+$(QUIET)$(call in_mode,tsan) race-run

race-programs: $(RACE_PROGRAMS)
	@:

race-run: $(RACE_PROGRAMS)
	$(QUIET)passed=0 failed=0; for program in $(RACE_PROGRAMS); do \
	    if timeout --kill-after=5 300 $$program >$$program.log 2>&1 </dev/null; then \
	        passed=$$((passed + 1)); printf '  %-6s %s\n' ok "$${program##*/}"; \
	    else \
	        failed=$$((failed + 1)); printf '  %-6s %s\n' FAIL "$${program##*/}"; sed 's/^/         /' $$program.log; \
	    fi; \
	done; printf '%d passed, %d failed, 0 skipped\n' $$passed $$failed; [ $$failed -eq 0 ]

# --- benchmarks: bench/run side by side, bench/micro part by part ---------------------------------------------------

MICRO_SOURCES := $(sort $(wildcard bench/micro/*.c))

$(O)/bench/micro/%.o: bench/micro/%.c $(O)/flags
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(call compile,-Ibench/micro -Isrc/protocol/memcached $(BASE_INCLUDE))

$(O)/micro: $(call objects,$(MICRO_SOURCES)) $(foreach folder,$(NEEDS_protocol/memcached),$(call archive,$(folder)))
	$(call say,link,$@)
	$(QUIET)$(link) $(LIBS)

.PHONY: bench bench-quick bench-micro bench-setup
bench: bench-setup ## measure riposte beside memcached, Redis and nginx, some forty minutes (ARGS="--only 'get-32-*'")
	$(QUIET)bench/run --server $(BIN)/riposte --load $(BIN)/riposte-load $(ARGS)

bench-quick: bench-setup ## the main rows of that in under three minutes
	$(QUIET)bench/run --quick --server $(BIN)/riposte --load $(BIN)/riposte-load $(ARGS)

bench-setup:
	$(QUIET)tools/setup --bench
	+$(QUIET)$(in_parallel) all

bench-micro: ## what parsers, look-ups, sets and replies cost, in ns (ARGS=--quick, ARGS="parse put")
	+$(QUIET)$(in_parallel) $(O)/micro
	$(QUIET)$(O)/micro $(ARGS)

.PHONY: bench-test
bench-test: ## test the harness itself: nothing left running, verdicts that can fail
	$(QUIET)bench/test

check-rest: bench-test

list-sources: list-bench-sources
.PHONY: list-bench-sources
list-bench-sources:
	@printf '%s\n' $(MICRO_SOURCES)

# --- style and static analysis -------------------------------------------------------------------------------

C_FILES := $(sort $(shell find src include tests tools bench -name '*.[ch]' 2>/dev/null))

.PHONY: format format-check tidy
format: ## lay out every C file as .clang-format says
	$(QUIET)clang-format -i $(C_FILES)

format-check: ## fail where a C file is laid out otherwise
	$(call say,format,$(words $(C_FILES)) files)
	$(QUIET)clang-format --dry-run --Werror $(C_FILES)

tidy: ## sizes, include direction, banned calls, left-overs, files nobody builds (tools/tidy)
	$(QUIET)tools/tidy --cc $(CC)

# One stamp per source, so that a second run looks at what has changed only; headers are those the compiler saw.
ANALYSED := $(MAIN) $(foreach folder,$(FOLDERS),$(call sources,$(folder))) $(LOAD_SOURCES)
$(O)/analysis/%.ok: %.c $(O)/%.o .clang-tidy
	$(call say,tidy,$<)
	@mkdir -p $(dir $@)
	$(QUIET)clang-tidy --quiet $< -- $(CPPFLAGS_common) $(call own_includes,$<) -Itools/load -std=gnu17 2>$@.log || \
	    { cat $@.log; exit 1; }
	$(QUIET)touch $@

.PHONY: analyse
analyse: $(patsubst %.c,$(O)/analysis/%.ok,$(ANALYSED)) ## clang-tidy (.clang-tidy) and cppcheck over src and tools
	$(call say,check,src tools)
	$(QUIET)cppcheck --enable=warning,performance,portability --inline-suppr --std=c11 --quiet --error-exitcode=1 -j2 \
	    '-D__builtin_expect(value,expected)=(value)' $(CPPFLAGS_common) $(sort $(foreach source,$(ANALYSED),$(call own_includes,$(source)))) $(ANALYSED)

# --- everything ----------------------------------------------------------------------------------------------

.PHONY: test
test: ## install what tests need, then run the unit and the wire tests
	$(QUIET)tools/setup --test
	+$(QUIET)$(in_parallel) all unit-programs
	$(QUIET)$(MAKE) unit
	$(QUIET)$(MAKE) wire
	$(QUIET)$(MAKE) COMMANDS=20000 difftest

# The rest of `check`, in the order of what fails soonest.
.PHONY: check check-rest
check: ## everything: tests, the same under sanitizers, races, style, static analysis; warnings are errors
	$(QUIET)tools/setup --check
	$(QUIET)$(MAKE) WERROR=1 test
	$(QUIET)$(MAKE) WERROR=1 check-rest

check-rest:
	$(QUIET)$(MAKE) format-check tidy
	+$(QUIET)$(in_parallel) analyse
	$(QUIET)$(MAKE) race
	+$(QUIET)$(call in_mode,asan) $(filter -j%,$(in_parallel)) all unit-programs
	+$(QUIET)$(call in_mode,asan) unit
	+$(QUIET)$(call in_mode,asan) wire

.PHONY: setup
setup: ## install what the build needs and is not there (tools/setup --test, --check, --bench for more)
	$(QUIET)tools/setup

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

.PHONY: clean
clean: ## remove build/
	$(QUIET)rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# For tools/tidy: every C source that some target builds.
.PHONY: list-sources
list-sources:
	@printf '%s\n' $(ANALYSED) $(LOAD_TEST_SUPPORT) $(UNIT_SOURCES) $(RACE_SOURCES) $(FUZZ_SOURCES) $(wildcard tests/support/*.c)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
