# SPDX-License-Identifier: BSD-2-Clause
# simdjson is C++; the clients read JSON.
LIBS_capmetrics := -lmicrohttpd -lgnutls -lcurl -lsimdjson -lcap-ng -lseccomp
LINK_capmetrics := $(CXX)

PAGE_capmetrics := tools/capmetrics/page
$(BUILD)/gen/capmetrics-page.inc: tools/capmetrics/embed.sh $(PAGE_capmetrics) $(wildcard $(PAGE_capmetrics)/*)
	@mkdir -p $(@D)
	@echo "  PAGE    $@"
	$(Q)sh $< $(PAGE_capmetrics) > $@

$(OBJ)/tools/capmetrics/assets.c.o: $(BUILD)/gen/capmetrics-page.inc
$(OBJ)/tools/capmetrics/assets.c.o: TL_CFLAGS += -I$(BUILD)/gen
