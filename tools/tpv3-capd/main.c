/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd.h"
#include "ring.h"

int main(int argc, char **argv)
{
	return tl_capd_main(&tl_ring_engine, argc, argv);
}
