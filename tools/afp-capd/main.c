/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd.h"
#include "recv.h"

int main(int argc, char **argv)
{
	return tl_capd_main(&tl_recv_engine, argc, argv);
}
