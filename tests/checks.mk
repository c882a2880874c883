# Checks under instrumentation: included by the Makefile. Each builds its mode and runs the unit, actor
# and (where they are there) language tests under it. Small budgets of reductions and several schedulers
# bring out what the usual ones hide.

CHECK_MODES := asan ubsan tsan stress

.PHONY: $(CHECK_MODES:%=check-%) check-modes
$(CHECK_MODES:%=check-%): check-%:
	@$(MAKE) --no-print-directory MODE=$* all unit
	@sh tests/run-modes.sh $* build/$*/bin/etai

check-modes: $(CHECK_MODES:%=check-%)
