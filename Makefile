# Eta: build, tests, benchmarks. `make help` lists the targets.
#
# Everything is built under build/<mode>; the programs of the release mode under build/bin. Local
# changes (CC, PREFIX, CFLAGS) go into config.mk, which is not under version control.

MODE   ?= release
ifeq ($(origin CC),default)
CC     := gcc
endif
PREFIX ?= /usr/local
-include config.mk

# ---- modes --------------------------------------------------------------------------------------

CFLAGS_release = -O2 -g1
CFLAGS_debug   = -O1 -g -DBUILD_DEBUG=1
CFLAGS_stress  = -O1 -g -DBUILD_DEBUG=1 -DBUILD_STRESS=1
CFLAGS_asan    = -O1 -g -fsanitize=address -fno-omit-frame-pointer -DBUILD_DEBUG=1
CFLAGS_ubsan   = -O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined -DBUILD_DEBUG=1
CFLAGS_tsan    = -O1 -g -fsanitize=thread
LDFLAGS_asan   = -fsanitize=address
LDFLAGS_ubsan  = -fsanitize=undefined
LDFLAGS_tsan   = -fsanitize=thread

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wvla -Wundef -Wimplicit-fallthrough -Wdouble-promotion -Wformat=2 -Werror

B      := build/$(MODE)
BIN    := $(if $(filter release,$(MODE)),build/bin,$(B)/bin)
# The interpreter: gcc's cross-jumping and global CSE would merge the dispatches into one, and its
# vectorizer packs the locals into vector registers to save moves on the way to it.
ALL_CFLAGS = -std=gnu11 -I. -pthread $(WARNINGS) $(CFLAGS_$(MODE)) $(CFLAGS)
INTERP_CFLAGS = -fno-gcse -fno-crossjumping -fno-tree-slp-vectorize
VERSION := 0.1.0
ALL_CFLAGS += -DETA_VERSION='"$(VERSION)"'
# Linked statically: shared libraries would cost a quarter of the start-up time.
LIBS   = -Wl,-Bstatic -lgmp -lutf8proc -lsodium -lpcre2-8 -lnng -lmbedtls -lmbedx509 -lmbedcrypto -llz4 \
         -Wl,-Bdynamic -lm -ldl -pthread

# ---- sources ------------------------------------------------------------------------------------

VM_SRC       := $(wildcard vm/*/*.c vm/*.c)
COMPILER_SRC := $(wildcard compiler/*.c compiler/*/*.c)
RUNTIME_SRC  := $(wildcard runtime/*.c runtime/*/*.c)
STDLIB_SRC   := $(sort $(wildcard stdlib/*/*.eta stdlib/*/*/*.eta))

# What the compiler alone needs: it never sees a live value.
BOOT_SRC     := $(COMPILER_SRC) $(wildcard vm/base/*.c vm/plat/*.c vm/image/*.c)

OBJ       = $(patsubst %.c,$(B)/%.o,$(1))
VM_OBJ       := $(call OBJ,$(VM_SRC))
COMPILER_OBJ := $(call OBJ,$(COMPILER_SRC))
RUNTIME_OBJ  := $(call OBJ,$(RUNTIME_SRC))
BOOT_OBJ     := $(call OBJ,$(BOOT_SRC))
STDLIB_OBJ   := $(B)/gen/stdlib_image.o

PROGRAMS := $(BIN)/etai $(BIN)/etac $(BIN)/eta_repl $(BIN)/eta_test

.PHONY: all
all: $(PROGRAMS) ## build everything

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  MODE=release|debug|stress|asan|ubsan|tsan chooses how things are built (now: $(MODE))"

.PHONY: demo
demo: deps ## install what is missing, build, and run two recipes of the cookbook
	@$(MAKE) --no-print-directory MODE=release all
	@echo "--- cookbook/actors/ping-double.eta"
	@build/bin/etai cookbook/actors/ping-double.eta
	@echo "--- cookbook/actors/prime-census.eta"
	@build/bin/etai cookbook/actors/prime-census.eta

.PHONY: test
test: deps-test ## install what is missing, build, and run every test
	@$(MAKE) --no-print-directory MODE=release all $(B)/tests/pty_run
	@sh tests/run.sh

.PHONY: deps deps-test
deps: ## install the packages that building needs
	@sh tools/deps.sh build
deps-test:
	@sh tools/deps.sh test

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/vm/exec/interp.o: ALL_CFLAGS += $(INTERP_CFLAGS)

# ---- the standard library: compiled by a first compiler, embedded in the programs ------------------

$(B)/boot/etac: $(call OBJ,tools/dev/boot.c) $(BOOT_OBJ)
	@mkdir -p $(@D)
	@echo "  link $@"
	@$(CC) $(LDFLAGS_$(MODE)) $^ -o $@ $(LIBS)

$(B)/gen/stdlib.etac: $(B)/boot/etac $(STDLIB_SRC)
	@mkdir -p $(@D)
	@echo "  compile stdlib"
	@$(B)/boot/etac stdlib $@ $(STDLIB_SRC)

$(STDLIB_OBJ): $(B)/gen/stdlib.etac tools/dev/stdlib_image.S
	@$(CC) -c -DIMAGE_FILE='"$<"' tools/dev/stdlib_image.S -o $@

# ---- programs -----------------------------------------------------------------------------------

$(BIN)/%: $(B)/tools/bin/%.o $(RUNTIME_OBJ) $(COMPILER_OBJ) $(VM_OBJ) $(STDLIB_OBJ)
	@mkdir -p $(@D)
	@echo "  link $@"
	@$(CC) $(LDFLAGS_$(MODE)) $(filter-out $(STDLIB_OBJ),$^) $(STDLIB_OBJ) -o $@ $(LIBS)

# What the REPL knows about the names of the standard library.
$(B)/gen/docs.c: $(STDLIB_SRC) compiler/syntax/forms.def tools/dev/docs.awk tools/dev/docs.sh
	@mkdir -p $(@D)
	@sh tools/dev/docs.sh c >$@.new && mv $@.new $@

$(B)/gen/docs.o: $(B)/gen/docs.c runtime/repl/docs.h
	@$(CC) $(ALL_CFLAGS) -c $< -o $@

$(BIN)/etai: $(B)/gen/docs.o

$(BIN)/eta_repl: $(BIN)/etai
	@ln -sf etai $@

# It runs etai: nothing of the VM is in it.
$(BIN)/eta_test: $(call OBJ,tools/bin/eta_test.c $(wildcard tools/test/*.c vm/base/*.c vm/plat/*.c))
	@mkdir -p $(@D)
	@echo "  link $@"
	@$(CC) $(LDFLAGS_$(MODE)) $^ -o $@ $(LIBS)

include tests/unit/unit.mk tests/checks.mk tests/fuzz/fuzz.mk

# ---- benchmarks ---------------------------------------------------------------------------------

.PHONY: bench
bench: ## run the benchmarks beside the peers that are installed (ONLY='fib tak' ROUNDS=3)
	@$(MAKE) --no-print-directory MODE=release all
	@sh tests/bench/run.sh $(ONLY)

# ---- installing ---------------------------------------------------------------------------------

.PHONY: install
install: all ## install the programs under PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin

.PHONY: tidy
tidy: ## check sizes of files, includes between folders, and that all exports are documented
	@sh tools/dev/tidy.sh
	@sh tools/dev/layers.sh
	@sh tools/dev/doc_check.sh

.PHONY: docs
docs: ## write a page for each module of the standard library to build/docs
	@sh tools/dev/docs.sh md build/docs

.PHONY: format
format: ## format all C files
	@clang-format -i $$(git ls-files '*.c' '*.h' '*.inc')

.PHONY: clean
clean: ## remove what was built
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:
