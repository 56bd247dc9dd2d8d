# SPDX-License-Identifier: MIT
# Programs beside the server, and what looks at the sources; included by the Makefile.

# --- tools/tls: the client's side of TLS, for both programs; a stand-in without OpenSSL -----------------------------

TLS_SOURCES := tools/tls/$(if $(WITH_TLS),tls,tls_absent).c
tls_includes := -Itools/tls $(BASE_INCLUDE)
$(eval $(call compile_rule,tools/tls,$(tls_includes)))

# --- riposte-load: tools/load, a program of its own; shares src/base with the server -----------------------------

# Its folders, lowest first, and what each may include: itself and those below it. `load` is the program around them.
LOAD_SEES_data := data
LOAD_SEES_protocol := protocol $(LOAD_SEES_data)
LOAD_SEES_io := io ../tls $(LOAD_SEES_protocol)
LOAD_SEES_report := report $(LOAD_SEES_io)
LOAD_SEES_load := . $(LOAD_SEES_report)
load_includes = $(addprefix -Itools/load/,$(LOAD_SEES_$(notdir $(patsubst %/,%,$(dir $(1)))))) $(BASE_INCLUDE)

LOAD_SOURCES := $(sort $(wildcard tools/load/*.c tools/load/*/*.c) $(TLS_SOURCES))
LOAD_LIBS := $(TLS_LIBS) -luring -lpthread -lm

all: $(BIN)/riposte-load

$(eval $(call compile_rule,tools/load,$$(call load_includes,$$<)))
$(eval $(call link_rule,$(BIN)/riposte-load,$(call objects,$(LOAD_SOURCES)) $(call archive,base),$(LOAD_LIBS)))

$(eval $(call link_rule,$(WITHOUT_TLS)/riposte-load,$(call objects,$(filter-out $(TLS_SOURCES),$(LOAD_SOURCES)) tools/tls/tls_absent.c) \
    $(call archive,base),$(filter-out $(TLS_LIBS),$(LOAD_LIBS))))

# --- riposte-top: tools/top, built where there is ncurses; shares src/base with the server -------------------------

TOP_LIBS := $(shell pkg-config --libs ncursesw 2>/dev/null || pkg-config --libs ncurses 2>/dev/null)
TOP_SOURCES := $(sort $(wildcard tools/top/*.c) $(TLS_SOURCES))
top_includes := -Itools/top -Itools/tls $(BASE_INCLUDE)

.PHONY: top
top: $(BIN)/riposte-top ## build/riposte-top, the full-screen view (needs ncurses; `make` builds it where that is)

all: $(if $(TOP_LIBS),$(BIN)/riposte-top)

$(eval $(call compile_rule,tools/top,$(top_includes)))
$(eval $(call link_rule,$(BIN)/riposte-top,$(call objects,$(TOP_SOURCES)) $(call archive,base),$(or $(TOP_LIBS),-lncurses) $(TLS_LIBS)))

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
ANALYSED := $(sort $(MAIN) $(foreach folder,$(FOLDERS),$(call sources,$(folder))) $(LOAD_SOURCES) $(TOP_SOURCES))
# Where the headers of a source are.
includes_of = $(if $(filter tools/top/%,$(1)),$(top_includes),$(if $(filter tools/tls/%,$(1)),$(tls_includes),$(if $(filter tools/%,$(1)),$(call load_includes,$(1)),$(call own_includes,$(1)))))
$(O)/analysis/%.ok: %.c $(O)/%.o .clang-tidy
	$(call say,tidy,$<)
	@mkdir -p $(dir $@)
	$(QUIET)clang-tidy --quiet $< -- $(CPPFLAGS_common) $(call includes_of,$<) -std=gnu17 2>$@.log || \
	    { cat $@.log; exit 1; }
	$(QUIET)touch $@

# A folder at a time, with its own include paths: two folders may each have a header of the same name.
cppcheck = cppcheck --enable=warning,performance,portability --inline-suppr --std=c11 --quiet --error-exitcode=1 -j2 \
           '-D__builtin_expect(value,expected)=(value)' $(CPPFLAGS_common)
cppcheck_includes = $(call includes_of,$(1))
cppcheck_files = $(sort $(foreach source,$(1),$(call cppcheck_includes,$(source)))) $(1)

.PHONY: analyse
analyse: $(patsubst %.c,$(O)/analysis/%.ok,$(ANALYSED)) ## clang-tidy (.clang-tidy) and cppcheck over src and tools
	$(call say,check,src tools)
	$(QUIET)set -e; $(foreach folder,$(FOLDERS),$(cppcheck) $(call cppcheck_files,$(call sources,$(folder)));) \
	    $(cppcheck) $(call cppcheck_files,$(MAIN)); $(cppcheck) $(call cppcheck_files,$(LOAD_SOURCES)); $(cppcheck) $(call cppcheck_files,$(TOP_SOURCES))
