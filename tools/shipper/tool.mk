# SPDX-License-Identifier: BSD-2-Clause
# NATS and Kafka are optional: asked when it is linked, as sinks.h asks when it is compiled.
shipper_has = $(shell echo '\#include <$(1)>' | $(CC) -E - >/dev/null 2>&1 && echo yes)
shipper_lib = $(if $(call shipper_has,$(1)),$(2),$(info  note: shipper without $(3): no <$(1)>))
LIBS_shipper = -lcurl -lzstd -lisal -lcap-ng -lseccomp \
	$(call shipper_lib,nats/nats.h,-lnats,NATS) $(call shipper_lib,librdkafka/rdkafka.h,-lrdkafka,Kafka)
