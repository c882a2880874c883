# Unit tests of C code: included by the Makefile. `make unit` builds those of the current MODE under
# build/<mode>/tests and runs them; each prints `N passed, N failed` last and exits non-zero on failure.

UNIT_DIR := $(B)/tests

# ---- compiler: each test with the harness; a primitive table of its own, so that dumps stay put -------

UNIT_COMPILER     := reader expand hygiene iface module diag
UNIT_COMPILER_OBJ := $(call OBJ,$(addprefix tests/unit/compiler/,harness.c eval.c stub_prim.c)) \
                     $(filter-out %/vm/image/prim.o,$(BOOT_OBJ))
UNIT_PROGRAMS     := $(UNIT_COMPILER:%=$(UNIT_DIR)/%_test)

$(UNIT_COMPILER:%=$(UNIT_DIR)/%_test): $(UNIT_DIR)/%: $(B)/tests/unit/compiler/%.o $(UNIT_COMPILER_OBJ)

# ---- numbers: on a stand-in for the heap ------------------------------------------------------------------

UNIT_NUMERIC := vm/base/numlex vm/base/numlex_double vm/base/pow10 vm/base/buf vm/base/mem \
                vm/base/check vm/base/hash vm/base/utf8 \
                vm/data/big vm/data/big_bits vm/data/compare vm/data/flo vm/data/flo_shortest vm/data/limbs \
                vm/data/num_power vm/data/num_print vm/data/num_read vm/data/ratio vm/data/tower
UNIT_NUMERIC_SRC := $(wildcard tests/unit/data/*.c) $(wildcard $(UNIT_NUMERIC:%=%.c))
UNIT_PROGRAMS    += $(UNIT_DIR)/num_test

$(UNIT_DIR)/num_test: $(call OBJ,$(UNIT_NUMERIC_SRC))

# ---- base, platform, scheduler, space: each file is a program, with the objects of those areas ---------------

UNIT_SMALL    := $(wildcard tests/unit/base/*_test.c tests/unit/plat/*_test.c tests/unit/sched/*_test.c \
                            tests/unit/heap/*_test.c)
UNIT_SMALL_OBJ := $(call OBJ,$(wildcard vm/base/*.c vm/plat/*.c vm/sched/*.c vm/heap/space.c tests/unit/unit.c))
UNIT_PROGRAMS += $(patsubst %.c,$(UNIT_DIR)/%,$(notdir $(UNIT_SMALL)))

define UNIT_SMALL_RULE
$(UNIT_DIR)/$(notdir $(1:.c=)): $(call OBJ,$(1)) $(UNIT_SMALL_OBJ)
endef
$(foreach test,$(UNIT_SMALL),$(eval $(call UNIT_SMALL_RULE,$(test))))

# ---- nodes: what needs neither a VM nor a network -----------------------------------------------------------

UNIT_PROGRAMS += $(UNIT_DIR)/handshake_test
$(UNIT_DIR)/handshake_test: $(call OBJ,tests/unit/node/handshake_test.c tests/unit/unit.c \
                              runtime/node/frame.c runtime/node/handshake.c $(wildcard vm/base/*.c))
UNIT_PROGRAMS += $(UNIT_DIR)/outbox_test
$(UNIT_DIR)/outbox_test: $(call OBJ,tests/unit/node/outbox_test.c tests/unit/unit.c $(addprefix runtime/node/, \
                                    frame.c letter.c lz.c outbox.c)) $(VM_OBJ)

# ---- images: with the whole compiler and the standard library ------------------------------------------------

UNIT_PROGRAMS += $(UNIT_DIR)/verify_test
$(UNIT_DIR)/verify_test: $(call OBJ,tests/unit/image/verify_test.c tests/unit/unit.c) $(BOOT_OBJ) $(STDLIB_OBJ)

# ---- building and running ---------------------------------------------------------------------------------

$(UNIT_PROGRAMS):
	@mkdir -p $(@D)
	@echo "  link $@"
	@$(CC) $(LDFLAGS_$(MODE)) $^ -o $@ $(LIBS)

.PHONY: unit
unit: $(UNIT_PROGRAMS)
	@sh tests/run-unit.sh $(UNIT_PROGRAMS)

# ---- a terminal for the REPL's tests --------------------------------------------------------------------

$(UNIT_DIR)/pty_run: $(call OBJ,tests/repl/pty_run.c)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS_$(MODE)) $^ -o $@ -lutil
