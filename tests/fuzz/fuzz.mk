# Fuzzing with clang's libFuzzer: included by the Makefile. `make fuzz` builds and runs every target for
# FUZZ_SECONDS (60); `make fuzz TARGETS=image FUZZ_SECONDS=600` one of them. New inputs go to build/fuzz;
# the seeds are tests/fuzz/corpus.

FUZZ_SECONDS ?= 60
TARGETS      ?= front compile image wire
F            := build/fuzz
FUZZ_CC      := clang
FUZZ_CFLAGS   = -std=gnu11 -I. -pthread -O1 -g -fno-omit-frame-pointer \
                -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
                -DETA_VERSION='"$(VERSION)"' -DBUILD_DEBUG=1 -Wno-gnu-variable-sized-type-not-at-end
FUZZ_OBJ      = $(patsubst %.c,$(F)/%.o,$(1))

$(F)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  clang $<"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(F)/gen/stdlib_image.o: $(B)/gen/stdlib.etac
	@mkdir -p $(@D)
	@$(FUZZ_CC) -c -DIMAGE_FILE='"$<"' tools/dev/stdlib_image.S -o $@

FUZZ_ALL := $(call FUZZ_OBJ,$(VM_SRC) $(COMPILER_SRC) $(RUNTIME_SRC)) $(F)/gen/stdlib_image.o

$(F)/fuzz_image: $(call FUZZ_OBJ,tests/fuzz/fuzz_image.c) $(FUZZ_ALL)
$(F)/fuzz_compile: $(call FUZZ_OBJ,tests/fuzz/fuzz_compile.c) $(FUZZ_ALL)
$(F)/fuzz_wire: $(call FUZZ_OBJ,tests/fuzz/fuzz_wire.c) $(FUZZ_ALL)
$(F)/fuzz_front: $(call FUZZ_OBJ,tests/fuzz/fuzz_front.c tests/unit/compiler/harness.c \
                   tests/unit/compiler/stub_prim.c) \
                 $(filter-out %/vm/image/prim.o,$(call FUZZ_OBJ,$(BOOT_SRC)))

$(F)/fuzz_%:
	@echo "  link $@"
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $^ -o $@ $(LIBS)


.PHONY: fuzz
fuzz: $(TARGETS:%=$(F)/fuzz_%) ## fuzz the front end, the compiler and the image loader (needs clang)
	@for target in $(TARGETS); do \
	    corpus=tests/fuzz/corpus/front; case $$target in image|wire) corpus=tests/fuzz/corpus/$$target;; esac; \
	    mkdir -p $(F)/found-$$target; \
	    echo "--- $$target, $(FUZZ_SECONDS) s"; \
	    $(F)/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -timeout=30 -print_final_stats=1 \
	        -artifact_prefix=$(F)/ -dict=tests/fuzz/front.dict -verbosity=0 $(F)/found-$$target $$corpus || exit 1; \
	done
