/* SPDX-License-Identifier: BSD-2-Clause */
#include "recv.h"

int main(int argc, char **argv)
{
	return tl_ring_main(&tl_recv_engine, argc, argv);
}
