/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpacket.h"

int main(int argc, char **argv)
{
	return tl_ring_main(&tl_tpacket_engine, argc, argv);
}
