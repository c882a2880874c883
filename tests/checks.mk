# Checks under instrumentation: included by the Makefile. Each builds its mode and runs the unit, actor
# and (where they are there) language tests under it. Small budgets of reductions and several schedulers
# bring out what the usual ones hide.

CHECK_MODES := asan ubsan tsan stress

.PHONY: $(CHECK_MODES:%=check-%) check-modes
$(CHECK_MODES:%=check-%): check-%:
	@$(MAKE) --no-print-directory MODE=$* all unit
	@sh tests/run-modes.sh $* build/$*/bin/etai

check-modes: $(CHECK_MODES:%=check-%)

# Random programs of actors under the current MODE, TORTURE_ROUNDS for each of a few seeds; in release also
# what is too big for instrumented programs. Not part of the checks: it takes minutes.
TORTURE_ROUNDS ?= 100

.PHONY: torture
torture: all
	@for seed in 1 1000 2000 3000; do for schedulers in 1 2 4; do \
	    echo "seed $$seed, $$schedulers schedulers"; \
	    ETA_ACTOR_SCHEDULERS=$$schedulers $(BIN)/etai tests/torture/random.eta $$seed $(TORTURE_ROUNDS) \
	        2>$(B)/torture.log || { tail -n 100 $(B)/torture.log; exit 1; }; \
	done; done
	@sh tests/torture/process.sh $(BIN)/etai
ifeq ($(MODE),release)
	@$(BIN)/etai tests/torture/big.eta 2>$(B)/torture.log
endif

# Everything that actors can do, at random, on all cores: SECONDS of it under the current MODE.
SECONDS ?= 60
SEED    ?=

.PHONY: soak
soak: all ## random programs of actors, then a look for what is left over (SECONDS=60 SEED=n MODE=...)
	@$(BIN)/etai tests/torture/soak.eta $(SECONDS) $(SEED) 2>$(B)/soak.log || { tail -n 100 $(B)/soak.log; exit 1; }

.PHONY: oracle
oracle: all ## the same scenarios in Erlang, if it is installed, and in Eta: the answers must agree
	@sh tests/run-oracle.sh $(BIN)/etai
