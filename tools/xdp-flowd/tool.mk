# SPDX-License-Identifier: BSD-2-Clause
LIBS_xdp-flowd := -lbpf -lpcap -lcap-ng -lseccomp

$(BUILD)/gen/flow.skel.h: $(OBJ)/bpf/flow.bpf.o
	@mkdir -p $(@D)
	@echo "  SKEL    $@"
	$(Q)bpftool gen skeleton $< name flow_bpf > $@

$(OBJ)/tools/xdp-flowd/kernel.c.o: $(BUILD)/gen/flow.skel.h
$(OBJ)/tools/xdp-flowd/kernel.c.o: TL_CFLAGS += -I$(BUILD)/gen
