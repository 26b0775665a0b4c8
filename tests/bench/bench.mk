# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks and the traffic generator, into $(BUILD)/bench; `make bench` runs them.
BENCH := $(BUILD)/bench
BENCH_WIREGEN := $(addprefix $(OBJ)/tests/bench/wiregen/,wiregen.c.o plan.c.o port.c.o)
BENCH_PCAPGEN := $(addprefix $(OBJ)/tests/bench/wiregen/,pcapgen.c.o plan.c.o)
BENCH_MICRO := bench_parse bench_flowtab bench_feature bench_wire
BENCH_XDP_SKEL := $(addprefix $(OBJ)/tests/bench/,bench_xdp_subject.c.o bench_xdp_attach.c.o)
BENCH_XDP := $(BENCH_XDP_SKEL) $(addprefix $(OBJ)/tests/bench/,bench_xdp.c.o sample.c.o wiregen/plan.c.o)
BENCH_XDP_SUBJECT := $(patsubst %,$(OBJ)/%.o,$(wildcard $(addprefix tools/xdp-flowd/,kernel.c gate*.c translate*.c)))
BENCH_EVEGEN := $(addprefix $(OBJ)/tests/bench/,evegen.c.o evemix.c.o)
BENCH_EVE := $(addprefix $(OBJ)/tests/bench/,bench_eve.c.o evemix.c.o sample.c.o)
BENCH_PROGRAMS := $(addprefix $(BENCH)/,evegen bench_eve wiregen pcapgen rawnng flood bench_xdp startlag $(BENCH_MICRO))
# What tests/soak/delivery needs.
SOAK_PROGRAMS := $(TESTS)/source $(TESTS)/clockstep.so
DEP_FILES += $(OBJ)/tests/soak/source.c.d $(BENCH_WIREGEN:.o=.d) $(OBJ)/tests/bench/wiregen/pcapgen.c.d \
	$(BENCH_MICRO:%=$(OBJ)/tests/bench/%.c.d) $(BENCH_XDP:.o=.d) \
	$(BENCH_EVEGEN:.o=.d) $(BENCH_EVE:.o=.d) $(addprefix $(OBJ)/tests/bench/,rawnng.c.d flood.c.d startlag.c.d)

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

# Minutes to hours; never part of check. SOAKS: which.
SOAKS ?= features xdp receiver delivery
.PHONY: soak
soak: deps-check bench-programs $(SOAK_PROGRAMS) all
	$(Q)for soak in $(SOAKS); do BUILD=$(abspath $(BUILD)) tests/soak/$$soak || exit 1; done

# A round of each kind is part of check.
e2e: $(SOAK_PROGRAMS) $(BENCH)/wiregen

bench: deps-bench bench-programs all
	$(Q)BUILD=$(abspath $(BUILD)) tests/bench/run

$(OBJ)/tests/bench/wiregen/wiregen.bpf.o: tests/bench/wiregen/wiregen.h tests/bench/wiregen/frame.h

$(OBJ)/tests/bench/bench_xdp.bpf.o: tests/bench/bench_xdp.h tests/bench/wiregen/frame.h

define bench_skeleton
	@mkdir -p $(@D)
	@echo "  SKEL    $@"
	$(Q)bpftool gen skeleton $< name $(1) > $@
endef

$(BENCH)/wiregen.skel.h: $(OBJ)/tests/bench/wiregen/wiregen.bpf.o
	$(call bench_skeleton,wiregen_bpf)

$(BENCH)/bench_xdp.skel.h: $(OBJ)/tests/bench/bench_xdp.bpf.o
	$(call bench_skeleton,bench_xdp_bpf)

$(OBJ)/tests/bench/wiregen/wiregen.c.o: $(BENCH)/wiregen.skel.h
$(BENCH_XDP_SKEL): $(BENCH)/bench_xdp.skel.h
$(OBJ)/tests/bench/wiregen/wiregen.c.o $(BENCH_XDP_SKEL): TL_CFLAGS += -I$(BENCH)

define bench_link
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(1) $(LIBS_COMMON)
endef

$(BENCH)/wiregen: $(BENCH_WIREGEN) $(LIB)
	$(call bench_link,-lbpf)

$(BENCH)/pcapgen: $(BENCH_PCAPGEN) $(LIB)
	$(call bench_link)

$(TESTS)/source: $(OBJ)/tests/soak/source.c.o $(LIB)
	$(call bench_link)

$(TESTS)/clockstep.so: tests/soak/clockstep.c
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) -shared -fPIC -O2 -std=gnu17 -Wall -Wextra -o $@ $<

$(BENCH)/rawnng: $(OBJ)/tests/bench/rawnng.c.o
	$(call bench_link)

$(BENCH)/evegen: $(BENCH_EVEGEN)
	$(call bench_link)

$(BENCH)/bench_eve: $(BENCH_EVE) $(EVE_LIB) $(LIB)
	$(call bench_link,$(LIBS_eve-tail) -lstdc++)

$(BENCH)/flood: $(OBJ)/tests/bench/flood.c.o $(LIB)
	$(call bench_link)

$(BENCH)/bench_xdp: $(BENCH_XDP) $(BENCH_XDP_SUBJECT) $(LIB)
	$(call bench_link,-lbpf -lpcap)

$(BENCH)/startlag: $(OBJ)/tests/bench/startlag.c.o $(LIB)
	$(call bench_link)

$(BENCH)/bench_parse: $(addprefix $(OBJ)/tests/golden/,packets.c.o rows.c.o)
$(BENCH)/bench_flowtab: $(OBJ)/tests/bench/wiregen/plan.c.o
$(BENCH_MICRO:%=$(BENCH)/%): $(BENCH)/%: $(OBJ)/tests/bench/%.c.o $(OBJ)/tests/bench/sample.c.o $(LIB)
	$(call bench_link,-lmsgpackc)
