# SPDX-License-Identifier: MIT
# What riposte costs: bench/run side by side, bench/micro part by part; included by the Makefile.

MICRO_SOURCES := $(sort $(wildcard bench/micro/*.c))

# The headers of HTTP are found below its folder only (parse/head.h).
$(eval $(call compile_rule,bench/micro,-Ibench/micro $(call own_includes,src/protocol/memcached/) -Isrc/protocol/http))
$(eval $(call link_rule,$(O)/micro,$(call objects,$(MICRO_SOURCES)) \
    $(foreach folder,$(LIBRARY_FOLDERS),$(call archive,$(folder))),$(LIBS)))

# The bare kernel path that costs are a multiple of; its ring, receive buffers and waiting are the engine's.
FLOOR_SOURCES := $(sort $(wildcard bench/floor/*.c))
# What TLS costs in OpenSSL alone, beside src/tls; answers go through the engine's pool, as in a server.
TLS_FLOOR_SOURCES := $(if $(WITH_TLS),$(sort $(wildcard bench/tls/*.c)))
BENCH_SOURCES := $(MICRO_SOURCES) $(FLOOR_SOURCES) $(TLS_FLOOR_SOURCES)

all: $(BIN)/floor
$(eval $(call compile_rule,bench/floor,-Ibench/floor $(call own_includes,src/engine/uring/)))
$(eval $(call link_rule,$(BIN)/floor,$(call objects,$(FLOOR_SOURCES)) \
    $(foreach folder,$(NEEDS_engine),$(call archive,$(folder))),$(LIBS)))

ifneq ($(WITH_TLS),)
all: $(BIN)/tls-floor
$(eval $(call compile_rule,bench/tls,-Ibench/tls $(call own_includes,src/tls/) -Isrc/engine))
$(eval $(call link_rule,$(BIN)/tls-floor,$(call objects,$(TLS_FLOOR_SOURCES)) \
    $(foreach folder,$(NEEDS_tls),$(call archive,$(folder))),$(LIBS)))
endif

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

# Nothing inlined, so that callgrind sees a call wherever a reader does; of its own, beside the usual build.
.PHONY: hops
hops: ## which files a reader of one get, set, eviction, close enters (bench/hops; ARGS=get for one)
	$(QUIET)tools/setup --bench
	+$(QUIET)$(in_parallel) O=build/hops CFLAGS='-O1 -fno-inline -U_FORTIFY_SOURCE' build/hops/riposte
	$(QUIET)bench/hops $(ARGS)

# Asked of a take-over: 10 ms for 100 connections; 50 ms for 10,000 and a store of 1 GiB, however many items are in it.
PAUSE_SUBJECTS := riposte,riposte-epoll
.PHONY: pause
pause: $(BIN)/riposte ## how long a take-over lets clients wait, which must not be longer than the README says (2 minutes)
	$(QUIET)bench/hand-over --only $(PAUSE_SUBJECTS) --most-ms 10
	$(QUIET)bench/hand-over --only $(PAUSE_SUBJECTS) --connections 10000 --items 8000000 --most-ms 50

.PHONY: bench-test
bench-test: ## test the harness itself: nothing left running, verdicts that can fail
	$(QUIET)bench/test
