# simdjson is C++; only evcat links it.
LIBS_evcat := -lsimdjson
LINK_evcat := $(CXX)
