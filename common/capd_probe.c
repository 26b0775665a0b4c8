/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd_probe.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exit.h"

static int print(const struct tl_capd_shared *shared, const struct tl_answer *answer)
{
	struct tl_abilities abilities = shared->engine->abilities;

	abilities.name = shared->engine->name;
	abilities.requires_root = true;
	abilities.emits_flows = true;
	return tl_abilities_print(&abilities, answer, shared->options->plain) == 0 ? TL_EXIT_OK
										   : TL_EXIT_FAILED;
}

int tl_capd_capabilities(const struct tl_capd_shared *shared)
{
	return print(shared, 0);
}

/* False also for what has no flags, such as "any". */
static bool is_down(const char *iface)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return false;
	}
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	bool down = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && !(request.ifr_flags & IFF_UP);
	close(fd);
	return down;
}

/* Every engine waits for an interface that is down: usable, but there is something to say. */
static void note_down(const char *iface, struct tl_answer *answer)
{
	size_t len = strlen(answer->reason);

	if (is_down(iface)) {
		snprintf(answer->reason + len, sizeof(answer->reason) - len,
			 "%s%s is down: nothing comes before it is up", len ? "; " : "", iface);
	}
}

static void explain(const char *iface, int err, struct tl_answer *answer)
{
	if (answer->reason[0] == '\0') {
		snprintf(answer->reason, sizeof(answer->reason), "%s: %s", iface,
			 err == -EINVAL ? "the filter does not compile there" : strerror(-err));
	}
}

/* The engine's word for the mode may lie in the port. */
struct probed {
	struct tl_answer answer;
	char mode[64];
};

/* 0 or why the interface is not usable; then answer->reason says so. */
static int try(struct tl_capd_shared *shared, const char *iface, struct probed *probed)
{
	struct tl_answer *answer = &probed->answer;
	struct tl_capd_port *port = calloc(1, shared->engine->port_size);

	if (!port) {
		return -ENOMEM;
	}
	port->shared = shared;
	port->iface = iface;
	answer->reason[0] = '\0';
	int err = shared->engine->probe(port, answer);
	answer->usable = err == 0;
	if (err == 0) {
		snprintf(probed->mode, sizeof(probed->mode), "%s", answer->mode);
		note_down(iface, answer);
	} else {
		explain(iface, err, answer);
	}
	answer->mode = probed->mode;
	shared->engine->close(port);
	free(port);
	return err;
}

int tl_capd_probe(struct tl_capd_shared *shared)
{
	const struct tl_opt_list *list = &shared->options->interfaces;
	struct probed probed = {.answer.usable = true};
	int err = 0;

	for (unsigned int i = 0; i < list->count && err == 0; i++) {
		err = try(shared, list->items[i], &probed);
	}
	int code = print(shared, &probed.answer);
	if (err == -EINVAL) {
		return TL_EXIT_USAGE;
	}
	return code == TL_EXIT_OK && err < 0 ? TL_EXIT_UNAVAILABLE : code;
}
