# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks and the traffic generator, into $(BUILD)/bench; `make bench` runs them.
BENCH := $(BUILD)/bench
BENCH_WIREGEN := $(addprefix $(OBJ)/tests/bench/wiregen/,wiregen.c.o plan.c.o port.c.o)
BENCH_PCAPGEN := $(addprefix $(OBJ)/tests/bench/wiregen/,pcapgen.c.o plan.c.o)
BENCH_MICRO := bench_parse bench_flowtab bench_wire
BENCH_PROGRAMS := $(addprefix $(BENCH)/,wiregen pcapgen rawnng $(BENCH_MICRO))
DEP_FILES += $(BENCH_WIREGEN:.o=.d) $(OBJ)/tests/bench/wiregen/pcapgen.c.d \
	$(BENCH_MICRO:%=$(OBJ)/tests/bench/%.c.d) $(OBJ)/tests/bench/sample.c.d $(OBJ)/tests/bench/rawnng.c.d

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

bench: deps-bench bench-programs all
	$(Q)BUILD=$(abspath $(BUILD)) tests/bench/run

$(OBJ)/tests/bench/wiregen/wiregen.bpf.o: tests/bench/wiregen/wiregen.h tests/bench/wiregen/frame.h

$(BENCH)/wiregen.skel.h: $(OBJ)/tests/bench/wiregen/wiregen.bpf.o
	@mkdir -p $(@D)
	@echo "  SKEL    $@"
	$(Q)bpftool gen skeleton $< name wiregen_bpf > $@

$(OBJ)/tests/bench/wiregen/wiregen.c.o: $(BENCH)/wiregen.skel.h
$(OBJ)/tests/bench/wiregen/wiregen.c.o: TL_CFLAGS += -I$(BENCH)

define bench_link
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(1) $(LIBS_COMMON)
endef

$(BENCH)/wiregen: $(BENCH_WIREGEN) $(LIB)
	$(call bench_link,-lbpf)

$(BENCH)/pcapgen: $(BENCH_PCAPGEN) $(LIB)
	$(call bench_link)

$(BENCH)/rawnng: $(OBJ)/tests/bench/rawnng.c.o
	$(call bench_link)

$(BENCH)/bench_parse: $(addprefix $(OBJ)/tests/golden/,packets.c.o rows.c.o)
$(BENCH)/bench_flowtab: $(OBJ)/tests/bench/wiregen/plan.c.o
$(BENCH_MICRO:%=$(BENCH)/%): $(BENCH)/%: $(OBJ)/tests/bench/%.c.o $(OBJ)/tests/bench/sample.c.o $(LIB)
	$(call bench_link,-lmsgpackc)
