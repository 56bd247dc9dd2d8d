# SPDX-License-Identifier: MIT
# What is run to find out whether riposte works; included by the Makefile.

# Transcripts that move the clock are played against a build that knows the command debugtime: this one, or one beside it.
KNOWS_DEBUGTIME := $(filter debug asan fuzz,$(MODE))
DEBUG_SERVER := $(if $(KNOWS_DEBUGTIME),$(BIN),$(if $(OWN_OUTPUT),$(O)-debug,build/debug))/riposte

.PHONY: test
test: ## install what tests need, run unit and wire tests, the example, what ships, a short difftest; ends with the sum
	$(QUIET)tools/setup --test
	+$(QUIET)$(in_parallel) all without-tls unit-programs wire-programs example-programs ship-programs
	+$(QUIET)MAKE="$(MAKE)" tests/run unit wire example ship "difftest COMMANDS=20000"

# --- unit tests: tests/unit/<folder>/test_<file>.c, a Criterion program each ----------------------------------

# What speaks TLS has no tests in a build without it.
UNIT_SOURCES := $(filter-out $(if $(WITH_TLS),,tests/unit/tls/% tests/unit/load/tls/% %/test_encryption.c),\
    $(sort $(wildcard $(addprefix tests/unit/,*/test_*.c */*/test_*.c */*/*/test_*.c))))
UNIT_CHOSEN := $(foreach source,$(UNIT_SOURCES),$(if $(TESTS),$(if $(findstring $(TESTS),$(source)),$(source)),$(source)))
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_CHOSEN))
# Without TLS, what talks it is not built.
SUPPORT_SOURCES := $(filter-out $(if $(WITH_TLS),,%/certificate.c %/tls_talk.c),$(sort $(wildcard tests/support/*.c)))
SUPPORT := $(O)/support.a
# The private headers of the folder under test, and what tests share.
unit_includes = $(call own_includes,$(patsubst tests/unit/%,src/%,$(1))) -Itests/support

$(eval $(call compile_rule,tests/unit,$$(call unit_includes,$$<)))
$(eval $(call compile_rule,tests/support,-Itests/support))
$(eval $(call archive_rule,$(SUPPORT),$(call objects,$(SUPPORT_SOURCES))))
$(foreach folder,$(FOLDERS),$(eval $(call link_rule,$(O)/unit/$(folder)/%,$(O)/tests/unit/$(folder)/%.o $(SUPPORT) \
    $(foreach needed,$(NEEDS_$(folder)),$(call archive,$(needed))),-lcriterion $(LIBS))))

# Those of the load generator get all of it but main, and what they share.
LOAD_TEST_SUPPORT := $(sort $(wildcard tests/unit/load/support/*.c))
$(eval $(call compile_rule,tests/unit/load,$(call load_includes,tools/load/) -Itests/support -Itests/unit/load/support))
$(eval $(call link_rule,$(O)/unit/load/%,$(O)/tests/unit/load/%.o $(SUPPORT) $(call archive,base) \
    $(call objects,$(LOAD_TEST_SUPPORT) $(filter-out %/main.c,$(LOAD_SOURCES))),-lcriterion $(LOAD_LIBS)))

# Those of riposte-top get all of it but main and the terminal.
$(eval $(call compile_rule,tests/unit/top,$(top_includes) -Itests/support))
$(eval $(call link_rule,$(O)/unit/top/%,$(O)/tests/unit/top/%.o $(SUPPORT) $(call archive,base) \
    $(call objects,$(filter-out %/main.c %/terminal.c,$(TOP_SOURCES))),-lcriterion $(LIBS)))

.PHONY: unit unit-programs
unit-programs: $(UNIT_PROGRAMS)
	@:

unit: $(UNIT_PROGRAMS) ## build and run the unit tests (TESTS=store/ runs those whose name contains it)
	$(QUIET)tests/unit/run $(UNIT_PROGRAMS)

ROUNDS ?= 100
.PHONY: full
full: $(O)/unit/store/test_full ## ROUNDS (100) times each of what could make a set fail in a full store; says how many did
	$(QUIET)RIPOSTE_ROUNDS=$(ROUNDS) $< --jobs=1 --verbose=1 --color=never 2>&1 | grep -E 'failed$$|FAIL|CRASH|Synthesis'

# --- tests over sockets ------------------------------------------------------------------------------------

.PHONY: wire wire-programs
wire: wire-programs ## run the wire tests against the server, on both transports (TESTS="get cas" for some)
	$(QUIET)tests/wire/run --server $(BIN)/riposte --debug-server $(DEBUG_SERVER) $(TESTS)

wire-programs: $(BIN)/riposte
	$(if $(KNOWS_DEBUGTIME),,+$(QUIET)$(call in_mode,debug) $(DEBUG_SERVER))

.PHONY: wire-apart
wire-apart: wire-programs ## wire tests that take minutes: 100,000 handshakes of TLS, testssl.sh (which may have to be installed)
	$(QUIET)tests/wire/run --apart --server $(BIN)/riposte --debug-server $(DEBUG_SERVER) $(TESTS)

.PHONY: take-over
take-over: ## take-overs under load, ten in a row, on both transports (5 minutes); OLD=path/to/riposte: to and fro with that build
	+$(QUIET)$(if $(OLD),RIPOSTE_OLD=$(abspath $(OLD)) )$(MAKE) wire-apart TESTS=$(if $(OLD),builds_of_two_versions,do_not_notice)

COMMANDS ?= 1000000
.PHONY: difftest
difftest: $(BIN)/riposte ## send COMMANDS (1000000) random commands to memcached and to riposte and compare the replies
	$(QUIET)tests/diff/run --server $(BIN)/riposte --commands $(COMMANDS)

# --- the installed library: tests/example/*.c, a program that has nothing else ---------------------------------

EXAMPLE_SOURCES := $(wildcard tests/example/*.c)

.PHONY: example example-programs
example: example-programs ## install into a folder, build the example from that, talk to it (TESTS="echo: later")
	+$(QUIET)MAKE="$(MAKE)" tests/example/run $(TESTS)

example-programs: $(INSTALLED_FILES)
	@:

# --- what ships beside the server: manual, completion, packages, configurations -----------------------------------

.PHONY: ship ship-programs
ship: ship-programs ## test what ships beside the server: manual, completion, configurations (TESTS="manual" for some)
	$(QUIET)tests/ship/run --build $(O) --programs $(BIN) $(TESTS)

ship-programs: all manual
	@:

# --- fuzzing: tests/fuzz/fuzz_<name>.c, a libFuzzer target each, with tests/fuzz/corpus/<name>; clang only -----------

SECONDS ?= 60
FUZZ_SOURCES := $(filter-out $(if $(filter no,$(TLS)),%/fuzz_tls.c),$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SOURCES))

# fuzz_http_*.c sees the headers of HTTP, those of its parsers' tests among them, fuzz_store_*.c the store's, fuzz_engine_*.c the engine's,
# fuzz_server_*.c those of a take-over, the others those of memcached.
fuzz_includes = $(if $(findstring fuzz_http,$(1)),$(call own_includes,src/protocol/http/parse/) -Itests/unit/protocol/http/parse, \
                $(if $(findstring fuzz_store,$(1)),$(call own_includes,src/store/), \
                $(if $(findstring fuzz_engine,$(1)),$(call own_includes,src/engine/), \
                $(if $(findstring fuzz_server,$(1)),$(call own_includes,src/server/take_over/), \
                                                  $(call own_includes,src/protocol/memcached/))))) -Itests/support
$(eval $(call compile_rule,tests/fuzz,$$(call fuzz_includes,$$<)))
$(eval $(call link_rule,$(O)/fuzz/%,$(O)/tests/fuzz/fuzz_%.o $(SUPPORT) \
    $(foreach folder,$(FOLDERS),$(call archive,$(folder))),-fsanitize=fuzzer $(LIBS)))

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

# --- races: tests/race/*.c, plain programs, under ThreadSanitizer ------------------------------------------------

RACE_SOURCES := $(sort $(wildcard tests/race/*.c))
RACE_PROGRAMS := $(patsubst tests/race/%.c,$(O)/race/%,$(RACE_SOURCES))

$(eval $(call compile_rule,tests/race,-Itests/race -Itests/support))
$(eval $(call link_rule,$(O)/race/%,$(O)/tests/race/%.o $(SUPPORT) \
    $(foreach folder,$(LIBRARY_FOLDERS),$(call archive,$(folder))),$(LIBS)))

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

TEST_SOURCES := $(UNIT_SOURCES) $(LOAD_TEST_SUPPORT) $(SUPPORT_SOURCES) $(FUZZ_SOURCES) $(RACE_SOURCES) \
    $(EXAMPLE_SOURCES)
