# Tapline: `make` builds build/bin, `sudo make run` shows it, `sudo make check` proves it.
# Yours to set: CC CXX CLANG CFLAGS LDFLAGS PREFIX DESTDIR V=1 SAN=address,undefined|thread

VERSION := 0.1.0
CC ?= cc
CXX ?= c++
CLANG ?= clang
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
PREFIX ?= /usr/local
SAN ?=

# --- packages: one list for each purpose ---------------------------------------
DEPS_BUILD := gcc g++ pkg-config clang libbpf-dev libelf-dev bpftool libnng-dev libpcap-dev \
	libsimdjson-dev libxxhash-dev libzstd-dev zlib1g-dev libcap-ng-dev libseccomp-dev iproute2 \
	libcurl4-openssl-dev libmicrohttpd-dev libgnutls28-dev libisal-dev nettle-dev libjs-chart.js gzip
# Sinks of shipper that are left out of the build when these are not there.
DEPS_OPTIONAL := libnats-dev librdkafka-dev
DEPS_CHECK := bats libcmocka-dev libmsgpack-dev python3 python3-msgpack jq mandoc shellcheck \
	clang-format cppcheck libclang-rt-14-dev ethtool tcpdump tcpreplay zstd gzip procps valgrind \
	curl openssl strace nginx-light nats-server postgresql python3-psycopg2 spin prometheus runit s6 \
	python3-jsonschema chromium chromium-driver python3-selenium tshark bind9-dnsutils dnsmasq-base \
	openssh-client openssh-server ngtcp2-client ngtcp2-server
DEPS_BENCH := softflowd nfdump argus-server argus-client linux-perf rsyslog rsyslog-relp
DEPS_KERNELS := qemu-system-x86 busybox-static kmod xz-utils

# --- how things are built ------------------------------------------------------
empty :=
comma := ,
BUILD := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
BIN := $(BUILD)/bin
OBJ := $(BUILD)/obj
Q := $(if $(V),,@)

SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 -Wvla \
	$(if $(CI),-Werror)
TL_CFLAGS := -std=gnu17 -D_GNU_SOURCE -DTL_VERSION='"$(VERSION)"' -I. -Icommon -fno-strict-aliasing \
	-pthread $(WARN) $(SAN_FLAGS)
TL_CXXFLAGS := -std=c++17 -I. -Icommon -Wall -Wextra -pthread $(SAN_FLAGS)
TL_LDFLAGS := -pthread $(SAN_FLAGS)
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Werror -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu

COMMON_SRC := $(wildcard common/*.c) $(wildcard common/*.cc)
COMMON_OBJ := $(COMMON_SRC:%=$(OBJ)/%.o)
LIB := $(BUILD)/libtapline.a
LIBS_COMMON := -lnng -lxxhash -lnettle -lm

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all run check lint unit kernel model e2e fuzz bench install uninstall deps deps-check deps-bench clean

all: deps-build

# --- tools: tools/NAME/tool.mk says what is special about NAME ------------------
# LIBS_NAME: libraries; SCRIPT_NAME: the files that a program in sh is put together from.
TOOLS := $(notdir $(patsubst %/,%,$(dir $(wildcard tools/*/tool.mk))))
include $(wildcard tools/*/tool.mk)

define tool_rules
OBJ_$(1) := $$(patsubst %,$$(OBJ)/%.o,$$(wildcard tools/$(1)/*.c tools/$(1)/*.cc))
$$(BIN)/$(1): $$(OBJ_$(1)) $$(LIB) | $$(BIN)
	@echo "  LINK    $$@"
	$$(Q)$$(or $$(LINK_$(1)),$$(CC)) $$(TL_LDFLAGS) $$(LDFLAGS) -o $$@ $$(OBJ_$(1)) $$(LIB) $$(LIBS_$(1)) $$(LIBS_COMMON)
DEP_FILES += $$(OBJ_$(1):.o=.d)
endef
define script_rules
$$(BIN)/$(1): $$(SCRIPT_$(1)) Makefile | $$(BIN)
	@echo "  SCRIPT  $$@"
	$$(Q){ echo '#!/bin/sh'; sed -e '/^#!/d' -e 's/@VERSION@/$$(VERSION)/' $$(SCRIPT_$(1)); } > $$@ && chmod 755 $$@
endef
$(foreach t,$(TOOLS),$(eval $(call $(if $(SCRIPT_$(t)),script,tool)_rules,$(t))))
all: $(TOOLS:%=$(BIN)/%)

$(LIB): $(COMMON_OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && ar rcs $@ $(COMMON_OBJ)

$(OBJ)/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(TL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/%.cc.o: %.cc Makefile
	@mkdir -p $(@D)
	@echo "  CXX     $<"
	$(Q)$(CXX) $(TL_CXXFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/%.bpf.o: %.bpf.c Makefile $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	@echo "  BPF     $<"
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BIN):
	@mkdir -p $@

# --- tests and benchmarks bring their own rules ----------------------------------
-include tests/tests.mk
-include tests/bench/bench.mk
-include $(COMMON_OBJ:.o=.d) $(DEP_FILES)

# --- packages: `make deps`; every target that lacks one installs it as root, or names it
deps: deps-build deps-check
deps-build:
	@sh tests/deps.sh build "$(DEPS_BUILD)"
	@sh tests/deps.sh optional "$(DEPS_OPTIONAL)"
deps-check: deps-build
	@sh tests/deps.sh check "$(DEPS_CHECK)"
deps-bench: deps-check
	@sh tests/deps.sh bench "$(DEPS_BENCH)"
# Nothing is compiled before its packages are there.
$(COMMON_OBJ) $(foreach t,$(TOOLS),$(OBJ_$(t))): | deps-build

# --- seeing it -------------------------------------------------------------------
IFACE ?=
ATTACH ?=
DURATION ?=
run: all $(BUILD)/demo.pcap
	@DEMO="$(BUILD)/demo.pcap" IFACE="$(IFACE)" ATTACH="$(ATTACH)" DURATION="$(DURATION)" BIN="$(BIN)" bash examples/run.sh

# --- proving it ------------------------------------------------------------------
CHECKS := lint unit kernel model e2e fuzz
export TL_RESULTS := $(abspath $(BUILD))/results
check: deps-check
	@mkdir -p $(BUILD) && rm -f $(TL_RESULTS)
	@for part in $(CHECKS); do echo "== $$part"; \
		$(MAKE) --no-print-directory -j$(shell nproc) $$part || exit 1; done
	@echo "== summary" && sh tests/report.sh $(TL_RESULTS)

e2e: all deps-check $(BUILD)/golden.pcap $(BUILD)/demo.pcap
	@bash tests/e2e/run $(BUILD)

SH_FILES := $(shell git ls-files "*.sh" "*.bash" "*.bats" .ci/run "tests/*/run" "tests/bench/bench-*" tests/soak/features tests/soak/xdp tests/soak/delivery tests/soak/receiver tools/capladder/capladder 2>/dev/null)
C_FILES := $(shell git ls-files '*.c' '*.h' '*.cc' 2>/dev/null)
MAN_PAGES := $(wildcard docs/man/*.[1-9])
lint: deps-check
	@[ -n "$(C_FILES)" ] || { echo "  lint: needs git to know its files" >&2; exit 1; }
	@echo "  lint: clang-format"; clang-format --dry-run -Werror $(C_FILES)
	@echo "  lint: cppcheck"; cppcheck --quiet --error-exitcode=1 --inline-suppr -j2 \
		--enable=warning,portability --suppress=missingInclude -DTL_VERSION='""' \
		'-DLIBBPF_OPTS(type,name,...)=struct type name = {__VA_ARGS__}' -I. -Icommon common tools
	@echo "  lint: shellcheck"; shellcheck -x -S warning -e SC2034,SC2154,SC2238 $(SH_FILES)
	@echo "  lint: mandoc"; mandoc -T lint -W warning $(MAN_PAGES)
	@mkdir -p $(BUILD) && echo "lint 4 0 0" >> $(TL_RESULTS)

# --- installing it: install and uninstall share one list ---------------------------
INSTALL_BIN := $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%)
INSTALL_MAN := $(foreach m,$(MAN_PAGES),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))
install: all
	@for f in $(INSTALL_BIN); do install -D -m 755 $(BIN)/$$(basename $$f) $$f && echo "  INSTALL $$f"; done
	@for f in $(INSTALL_MAN); do install -D -m 644 docs/man/$$(basename $$f) $$f && echo "  INSTALL $$f"; done
uninstall:
	@for f in $(INSTALL_BIN) $(INSTALL_MAN); do rm -f $$f && echo "  REMOVE  $$f"; done

clean:
	rm -rf build build-*
