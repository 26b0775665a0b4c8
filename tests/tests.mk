# Included by the Makefile. Unit, kernel and fuzz programs, and the golden captures.

TESTS := $(BUILD)/tests
FUZZ := $(BUILD)/fuzz
# An unregistered test is an unused static function, and that is an error.
TEST_CFLAGS := -Werror
GOLDEN_OBJ := $(OBJ)/tests/golden/packets.c.o $(OBJ)/tests/golden/rows.c.o

$(OBJ)/tests/%.c.o: TL_CFLAGS += $(TEST_CFLAGS)

# Everything of xdp-flowd but main.
KERNEL_LIB := $(TESTS)/xdp-flowd.a
# The same of shipper, and what makes events of eve lines.
SHIPPER_LIB := $(TESTS)/shipper.a
EVE_LIB := $(TESTS)/eve-tail.a
CAPMETRICS_LIB := $(TESTS)/capmetrics.a

# --- unit: one program a module, no root, no network ----------------------------
UNIT := $(patsubst tests/unit/%.c,$(TESTS)/%,$(wildcard tests/unit/test_*.c))
TEST_WRAP ?=
# For what common/ and xdp-flowd wrap; the linker takes only what a test needs.
LIBS_UNIT := -lbpf -lpcap -lcap-ng -lseccomp -lzstd -lz -lsimdjson -lstdc++

$(UNIT): $(TESTS)/%: $(OBJ)/tests/unit/%.c.o $(GOLDEN_OBJ) $(KERNEL_LIB) $(SHIPPER_LIB) $(EVE_LIB) $(CAPMETRICS_LIB) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lmsgpackc $(LIBS_COMMON) $(LIBS_UNIT) $(LIBS_shipper) $(LIBS_receiver)

# It looks at every thread of its process, and ThreadSanitizer starts one before main; valgrind
# does not know seccomp(2).
PRIVILEGE := $(TESTS)/test_privilege
UNIT_LEFT_OUT := $(if $(findstring thread,$(SAN)),$(PRIVILEGE))

unit: $(UNIT)
	@$(if $(UNIT_LEFT_OUT),echo "  skip    test_privilege: ThreadSanitizer has a thread of its own")
	@sh tests/unit/run unit $(filter-out $(UNIT_LEFT_OUT),$(UNIT))

# The same under valgrind; not for SAN builds. nng leaves the stacks of its threads to the exit.
valgrind: $(UNIT)
	@TL_MODEL_CASES=5 TEST_WRAP='valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite' sh tests/unit/run valgrind \
		$(filter-out $(PRIVILEGE),$(UNIT))

# Kafka is tested with the mock cluster of its client library: Debian has no broker.
KAFKAMOCK := $(if $(findstring -lrdkafka,$(LIBS_shipper)),$(TESTS)/kafkamock)
$(TESTS)/kafkamock: $(OBJ)/tests/e2e/kafkamock.c.o
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lrdkafka
e2e: $(KAFKAMOCK)

# The normaliser of eve-tail by itself.
$(TESTS)/evedump: $(OBJ)/tests/e2e/evedump.c.o $(EVE_LIB) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CXX) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_eve-tail) $(LIBS_COMMON)
e2e: $(TESTS)/evedump

# A tool that reports what a test wants.
$(TESTS)/statsource: $(OBJ)/tests/e2e/statsource.c.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON)
e2e: $(TESTS)/statsource $(TESTS)/seeds

# --- model: the rules of acknowledgement, in every order of events ------------------
model: deps-check
	@bash tests/model/run $(BUILD)

# --- kernel: what the kernel runs, run by the kernel on frames of ours --------------
KERNEL := $(patsubst tests/bpf/%.c,$(TESTS)/%,$(wildcard tests/bpf/test_*.c))
# What a test needs of tests/bpf beyond itself.
KERNEL_WITH_test_flow_bpf := flow_lane flow_side
KERNEL_WITH_test_flow_config_bpf := flow_lane flow_side
KERNEL_WITH_test_flow_limits_bpf := flow_side
KERNEL_WITH_test_gate_bpf := flow_lane flow_side
KERNEL_WITH_test_conservation_bpf := flow_side traffic
KERNEL_WITH_test_translate_bpf := kernel_filter random_filter
KERNEL_WITH_test_translate_edges_bpf := kernel_filter
KERNEL_WITH_test_translate_refused_bpf := kernel_filter random_filter

$(KERNEL_LIB): $(filter-out %/main.c.o,$(OBJ_xdp-flowd))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(SHIPPER_LIB): $(filter-out %/main.c.o,$(OBJ_shipper))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(CAPMETRICS_LIB): $(filter-out %/main.c.o,$(OBJ_capmetrics))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(EVE_LIB): $(filter-out %/main.c.o,$(OBJ_eve-tail))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

define kernel_rule
$(TESTS)/$(1): $(patsubst %,$(OBJ)/tests/bpf/%.c.o,$(1) $(KERNEL_WITH_$(1))) $(GOLDEN_OBJ) $(KERNEL_LIB) $(LIB)
	@echo "  LINK    $$@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $$@ $$^ -lcmocka $(LIBS_xdp-flowd) $(LIBS_COMMON)
endef
$(foreach t,$(notdir $(KERNEL)),$(eval $(call kernel_rule,$(t))))

kernel: $(KERNEL) $(OBJ)/tests/bpf/parse.bpf.o
	@TL_PARSE_BPF=$(OBJ)/tests/bpf/parse.bpf.o sh tests/unit/run kernel $(KERNEL)

# The same, and the daemon, on kernels other than this machine's, emulated: minutes. Not part of check.
KERNELS ?= 6.1 6.12
check-kernels: $(KERNEL) $(OBJ)/tests/bpf/parse.bpf.o all bench-programs
	@sh tests/deps.sh kernels "$(DEPS_KERNELS)"
	@bash tests/kernels/run $(BUILD) $(KERNELS)

# --- captures of our own ----------------------------------------------------------
GOLDEN_PCAP := $(TESTS)/golden-pcap
$(GOLDEN_PCAP): $(GOLDEN_OBJ) $(addprefix $(OBJ)/tests/golden/,golden-pcap.c.o demo.c.o speech.c.o expected.c.o pcapfile.c.o)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $^ -lnettle

$(BUILD)/demo.pcap: $(GOLDEN_PCAP)
	$(Q)$(GOLDEN_PCAP) --demo 20000 -w $@ > $(BUILD)/demo.tsv

$(BUILD)/golden.pcap: $(GOLDEN_PCAP)
	$(Q)$(GOLDEN_PCAP) -w $@ > $(BUILD)/golden.tsv

# --- fuzz: one harness a decoder; everything it touches is built instrumented ------
FUZZ_SECONDS ?= 60
FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_CFLAGS := -O1 -g -std=gnu17 -D_GNU_SOURCE -DTL_VERSION='"$(VERSION)"' -I. -Icommon \
	-fno-strict-aliasing -pthread $(FUZZ_SAN)
FUZZ_CXXFLAGS := -O1 -g -std=c++17 -I. -Icommon -pthread $(FUZZ_SAN)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(FUZZ)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_LIB := $(FUZZ)/libtapline.a
FUZZ_COMMON := $(COMMON_SRC:%=$(FUZZ)/obj/%.o)
# What a harness needs beyond common/.
FUZZ_EXTRA_fuzz_pcap := $(patsubst %,$(FUZZ)/obj/%.o,$(filter-out %/main.c,$(wildcard tools/pcap-flow/*.c)))
FUZZ_LIBS_fuzz_pcap := $(LIBS_pcap-flow)
FUZZ_EXTRA_fuzz_eve := $(patsubst %,$(FUZZ)/obj/%.o,$(wildcard $(addprefix tools/eve-tail/,eve*.c eve*.cc)))
FUZZ_LIBS_fuzz_eve := $(LIBS_eve-tail)
FUZZ_EXTRA_fuzz_mcp := $(patsubst %,$(FUZZ)/obj/%.o,$(wildcard tools/capmetrics/client_view*.c) \
	$(addprefix tools/capmetrics/,client_rates.c mcp.c mcp_message.c mcp_methods.c mcp_tools.c mcp_pages.c jsondoc.c))
# Lines of eve.json to start from.
EVE_SEEDS := tests/e2e/eve-types.json $(wildcard ../shared/golden/eve/*.json)

$(FUZZ)/obj/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  FUZZCC  $<"
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ)/obj/%.cc.o: %.cc Makefile
	@mkdir -p $(@D)
	@echo "  FUZZCXX $<"
	$(Q)$(CLANG)++ $(FUZZ_CXXFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_LIB): $(FUZZ_COMMON)
	$(Q)rm -f $@ && ar rcs $@ $^

define fuzz_rule
$(FUZZ)/$(1): $(FUZZ)/obj/tests/fuzz/$(1).c.o $$(FUZZ_EXTRA_$(1)) $(FUZZ_LIB)
	@echo "  LINK    $$@"
	$(Q)$(CLANG)++ -fsanitize=fuzzer,address,undefined -pthread -o $$@ $$^ $$(FUZZ_LIBS_$(1)) $(LIBS_COMMON) $(LIBS_UNIT)
endef
$(foreach f,$(notdir $(FUZZ_BIN)),$(eval $(call fuzz_rule,$(f))))

$(TESTS)/seeds: $(OBJ)/tests/fuzz/seeds.c.o $(GOLDEN_OBJ) $(OBJ)/tests/golden/pcapfile.c.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(TL_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON) $(LIBS_UNIT) -lz

$(FUZZ)/seeds.stamp: $(TESTS)/seeds
	@mkdir -p $(FUZZ)/corpus
	$(Q)$(TESTS)/seeds $(FUZZ)/corpus $(EVE_SEEDS)
	@touch $@

fuzz: $(FUZZ_BIN) $(FUZZ)/seeds.stamp
	@sh tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)

# Nothing is compiled before its packages are there.
TEST_OBJ := $(patsubst %,$(OBJ)/%.o,$(wildcard tests/unit/*.c tests/bpf/*.c tests/golden/*.c tests/fuzz/seeds.c))
$(TEST_OBJ) $(FUZZ_COMMON) $(FUZZ_BIN:$(FUZZ)/%=$(FUZZ)/obj/tests/fuzz/%.c.o): | deps-check

.PHONY: valgrind check-kernels
DEP_FILES += $(wildcard $(OBJ)/tests/*/*.c.d $(FUZZ)/obj/*/*.c.d $(FUZZ)/obj/*/*/*.c.d)
