# SPDX-License-Identifier: MIT
# The manual and what completes command lines, made from the tables of options and the protocol's README; included by the
# Makefile.

# Programs whose --help=man, bash, zsh and fish these are.
DOCUMENTED := riposte riposte-load $(if $(TOP_LIBS),riposte-top)
MANUAL_PAGES := $(addsuffix .1,$(DOCUMENTED)) riposte-protocol.7
MANUAL := $(addprefix $(O)/manual/,$(MANUAL_PAGES))
COMPLETIONS := $(foreach program,$(DOCUMENTED),$(O)/completion/$(program).bash $(O)/completion/_$(program) $(O)/completion/$(program).fish)

.PHONY: manual
manual: $(MANUAL) $(COMPLETIONS) ## build the manual pages and completion for bash, zsh and fish, in build/release/manual, completion

$(O)/manual/ $(O)/completion/:
	@mkdir -p $@

$(O)/manual/%.1: $(BIN)/% tools/manual/%.1 tools/manual/fill | $(O)/manual/
	$(call say,man,$@)
	$(QUIET)$< --help=man | tools/manual/fill tools/manual/$*.1 > $@

$(O)/manual/riposte-protocol.7: src/protocol/memcached/README.md tools/manual/riposte-protocol.7 tools/manual/markdown.awk \
    tools/manual/fill | $(O)/manual/
	$(call say,man,$@)
	$(QUIET)( printf '.\\" @protocol@\n'; awk -f tools/manual/markdown.awk $< ) | \
	    tools/manual/fill tools/manual/riposte-protocol.7 > $@

$(O)/completion/%.bash: $(BIN)/% | $(O)/completion/
	$(QUIET)$< --help=bash > $@

$(O)/completion/_%: $(BIN)/% | $(O)/completion/
	$(QUIET)$< --help=zsh > $@

$(O)/completion/%.fish: $(BIN)/% | $(O)/completion/
	$(QUIET)$< --help=fish > $@
