# SPDX-License-Identifier: MIT
# riposte. `make help` lists what there is. Everything that is made goes below build/.

MODE ?= release
VERSION := 0.1.0

CC ?= cc
AR ?= ar

# O: where this mode's files go. build/riposte is the release binary; the other modes have a folder of their own.
O := build/$(MODE)
BIN := $(if $(filter release,$(MODE)),build,$(O))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef
CPPFLAGS += -D_GNU_SOURCE -DRIPOSTE_VERSION='"$(VERSION)"' -Iinclude
CFLAGS_common := -std=gnu17 -g -fno-omit-frame-pointer $(WARNINGS) $(if $(WERROR),-Werror)
CFLAGS_release := -O2
CFLAGS_debug := -O0 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_DEBUG_COMMANDS
CFLAGS_asan := -O1 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_DEBUG_COMMANDS -DRIPOSTE_SYSTEM_ALLOCATOR -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_tsan := -O1 -DRIPOSTE_SLOW_CHECKS -DRIPOSTE_SYSTEM_ALLOCATOR -fsanitize=thread
CFLAGS_all := $(CFLAGS_common) $(CFLAGS_$(MODE)) $(CFLAGS)
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LIBS := -luring -lpthread $(if $(filter asan tsan,$(MODE)),,-lmimalloc)

# The folders of src, lowest first: an archive each. A folder sees include/ and its own headers, nothing else.
FOLDERS := base store engine protocol/memcached server
sources = $(sort $(wildcard src/$(1)/*.c src/$(1)/*/*.c))
objects = $(patsubst %.c,$(O)/%.o,$(1))
archive = $(O)/$(subst /,-,$(1)).a
ARCHIVES := $(foreach f,$(FOLDERS),$(call archive,$(f)))
LIBRARY := $(foreach f,$(filter-out server,$(FOLDERS)),$(call archive,$(f)))

# -Isrc/engine -Isrc/engine/uring for src/engine/uring/ring.c: a folder and those above it.
own_includes = $(addprefix -I,$(filter-out src,$(patsubst %/,%,$(dir $(1)) $(dir $(patsubst %/,%,$(dir $(1)))))))

QUIET := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')

.PHONY: all run debug test check help clean setup
all: $(BIN)/riposte

$(O)/%.o: %.c Makefile
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(CC) $(CPPFLAGS) $(call own_includes,$<) $(CFLAGS_all) -MMD -MP -c $< -o $@

define archive_rule
$(call archive,$(1)): $(call objects,$(call sources,$(1)))
	$$(call say,ar,$$@)
	$$(QUIET)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive_rule,$(f))))

$(BIN)/riposte: $(ARCHIVES)
	$(call say,link,$@)
	$(QUIET)$(CC) $(CFLAGS_all) $(LDFLAGS_$(MODE)) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)

# --- unit tests: tests/unit/<folder>/test_<file>.c, a Criterion program each, linked with the library ------------------------
UNIT_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SOURCES))
# The private headers of the folder under test, and what tests share.
unit_includes = $(call own_includes,$(patsubst tests/unit/%,src/%,$(1))) -Itests/support
SUPPORT := $(call objects,$(sort $(wildcard tests/support/*.c)))

$(O)/tests/support/%.o: tests/support/%.c Makefile
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(CC) $(CPPFLAGS) -Itests/support $(CFLAGS_all) -MMD -MP -c $< -o $@

$(O)/tests/unit/%.o: tests/unit/%.c Makefile
	$(call say,cc,$<)
	@mkdir -p $(dir $@)
	$(QUIET)$(CC) $(CPPFLAGS) $(call unit_includes,$<) $(CFLAGS_all) -MMD -MP -c $< -o $@

$(O)/unit/%: $(O)/tests/unit/%.o $(SUPPORT) $(LIBRARY)
	$(call say,link,$@)
	@mkdir -p $(dir $@)
	$(QUIET)$(CC) $(CFLAGS_all) $(LDFLAGS_$(MODE)) -o $@ -Wl,--start-group $^ -Wl,--end-group -lcriterion $(LIBS)

.SECONDARY:
.PHONY: unit
unit: $(UNIT_PROGRAMS)
	$(QUIET)failed=0; for program in $(UNIT_PROGRAMS); do $$program -q || failed=1; done; exit $$failed

run: setup all
	$(QUIET)$(BIN)/riposte $(ARGS)

debug:
	$(QUIET)$(MAKE) MODE=debug all

setup:
	$(QUIET)tools/setup

clean:
	$(QUIET)rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)
