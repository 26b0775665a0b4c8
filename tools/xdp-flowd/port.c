/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "plan.h"

/* --- saying why not ------------------------------------------------------------------------ */

static int refuse(struct port *port, struct tl_capd_answer *answer, int err, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

static int refuse(struct port *port, struct tl_capd_answer *answer, int err, const char *format,
		  ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (answer) {
		snprintf(answer->reason, sizeof(answer->reason), "%s: %s", port->capd.iface, text);
	} else {
		tl_log_err("%s: %s", port->capd.iface, text);
	}
	return err;
}

static const struct nic_program *foreign_xdp(const struct nic *nic)
{
	enum nic_xdp_mode mode = nic_xdp_mode(nic);

	return mode == NIC_XDP_NONE ? 0 : &nic->xdp[mode];
}

static int refuse_attach(struct port *port, struct tl_capd_answer *answer, enum attach_way way,
			 int err)
{
	const struct nic_program *other = foreign_xdp(&port->nic);
	const char *name = attach_way_name(way);

	switch (err) {
	case -EBUSY:
		return refuse(port, answer, err,
			      "%s: the program '%s' (id %u) is there already: 'ip link set dev %s "
			      "xdp off' takes it off, --attach tcx goes beside it",
			      name, other ? other->name : "?", other ? other->id : 0,
			      port->capd.iface);
	case -EPERM:
		return refuse(port, answer, err, "%s: needs CAP_NET_ADMIN (run as root)", name);
	case -EOPNOTSUPP:
		return refuse(port, answer, err,
			      "%s: not with the driver '%s' of this kernel: "
			      "--attach tcx works with every driver",
			      name, port->nic.driver);
	case -ERANGE:
		return refuse(port, answer, err,
			      "%s: not with an MTU of %u: 'ip link set dev %s mtu 1500', or "
			      "--attach tcx",
			      name, port->nic.mtu, port->capd.iface);
	default:
		return refuse(port, answer, err, "%s: %s", name, strerror(-err));
	}
}

/* --- loading and attaching ------------------------------------------------------------------ */

static bool is_quiet(const struct tl_capd_answer *answer)
{
	return answer != 0;
}

static int load(struct port *port, const struct plan *plan, bool frags,
		struct tl_capd_answer *answer)
{
	struct kernel_options options = {
		.config =
			{
				.ifindex = (uint32_t)port->nic.ifindex,
				.link_raw = plan->link_raw,
				.frags = frags,
				.drop = port->options->tap != OPTION_TAP_NO,
				.clock = (uint8_t)port->options->clock,
			},
		.flow_entries = (uint32_t)port->options->map_flows,
		.coarse_entries = TL_KERNEL_COARSE,
		.pin = port->pin.found ? port->pin.folder : 0,
	};
	int err = kernel_load(&port->kernel, &options, is_quiet(answer));

	if (err == -EPERM) {
		return refuse(port, answer, err,
			      "needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (run as root)");
	}
	if (err < 0) {
		return refuse(port, answer, err, "cannot load the BPF programs: %s",
			      strerror(-err));
	}
	struct tl_control *control = kernel_control(port->kernel);
	control->layout = TL_KERNEL_LAYOUT;
	control->frags = frags;
	control->pressure_at = kernel_flow_entries(port->kernel) / 4 * 3;
	return 0;
}

static enum kernel_hook hook_of(enum attach_way way, enum tl_direction direction)
{
	if (direction == TL_DIR_OUT) {
		return KERNEL_TC_OUT;
	}
	return way == ATTACH_XDP_NATIVE || way == ATTACH_XDP_GENERIC ? KERNEL_XDP : KERNEL_TC_IN;
}

static int open_gate(const struct port *port, struct gate *gate, enum kernel_hook hook, bool frags)
{
	struct gate_options options = {
		.iface = port->capd.iface,
		.filter = port->options->capd.filter,
		.frags = frags,
		.drop = port->options->tap != OPTION_TAP_NO,
	};

	return gate_open(gate, port->kernel, hook, &options);
}

/* One hook by one way. */
static int take_hook(struct port *port, enum attach_way way, enum tl_direction direction,
		     bool frags)
{
	enum kernel_hook hook = hook_of(way, direction);
	struct gate gate;
	int err = open_gate(port, &gate, hook, frags);

	if (err < 0) {
		return err;
	}
	struct attachment attached = {.link = -1};
	if (port->options->capd.probe != TL_CAPD_PROBE_LOAD) {
		err = attach(&attached, way, port->nic.ifindex, hook, gate.program);
	}
	if (err == 0 && port->pin.lock >= 0) {
		err = way == ATTACH_CLSACT ? -EOPNOTSUPP : pin_put_link(&port->pin, &attached);
	}
	if (err < 0) {
		attach_end(&attached);
		gate_close(&gate);
		return err;
	}
	port->gates[port->hook_count] = gate;
	port->attached[port->hook_count++] = attached;
	return 0;
}

static void note_mode(struct port *port, enum attach_way way)
{
	size_t len = strlen(port->mode);

	if (!strstr(port->mode, attach_way_name(way))) {
		snprintf(port->mode + len, sizeof(port->mode) - len, "%s%s", len ? "+" : "",
			 attach_way_name(way));
	}
}

static bool may_need_frags(enum attach_way way, int err)
{
	return way == ATTACH_XDP_NATIVE && (err == -ERANGE || err == -EOPNOTSUPP);
}

/* Once more, with programs that take frames of several buffers: some drivers ask for that. */
static int retry_with_frags(struct port *port, struct plan *plan, struct tl_capd_answer *answer)
{
	kernel_close(port->kernel);
	port->kernel = 0;
	plan->frags = true;
	int err = load(port, plan, true, answer);

	return err < 0 ? err : take_hook(port, ATTACH_XDP_NATIVE, TL_DIR_IN, true);
}

/* What a predecessor attached goes on counting, by our program. */
static int take_over(struct port *port, enum tl_direction direction, struct tl_capd_answer *answer)
{
	struct attachment attached;
	struct gate gate;
	int err = pin_take_link(&port->pin, hook_of(ATTACH_TCX, direction), port->nic.ifindex,
				&attached);

	if (err < 0) {
		return refuse(port, answer, err, "the pinned link: %s", strerror(-err));
	}
	err = open_gate(port, &gate, attached.hook, port->pin.frags);
	if (err < 0) {
		attach_end(&attached);
		return err;
	}
	err = attach_replace(&attached, gate.program);
	if (err < 0) {
		attach_end(&attached);
		gate_close(&gate);
		return refuse(port, answer, err, "cannot put a program in the old one's place: %s",
			      strerror(-err));
	}
	note_mode(port, attached.way);
	port->gates[port->hook_count] = gate;
	port->attached[port->hook_count++] = attached;
	return 0;
}

static int take_direction(struct port *port, struct plan *plan, const enum attach_way *ways,
			  enum tl_direction direction, struct tl_capd_answer *answer)
{
	bool outgoing = direction == TL_DIR_OUT;
	int err = 0;

	if (port->pin.found && pin_has_link(&port->pin, outgoing)) {
		if (*ways == ATTACH_NONE) {
			return refuse(port, answer, -EINVAL,
				      "pinned with another --direction: end it with --unpin");
		}
		return take_over(port, direction, answer);
	}

	for (; *ways != ATTACH_NONE; ways++) {
		err = take_hook(port, *ways, direction, plan->frags);
		if (may_need_frags(*ways, err) && !plan->frags && port->hook_count == 0) {
			err = retry_with_frags(port, plan, answer);
		}
		if (err == 0) {
			note_mode(port, *ways);
			return 0;
		}
		if (err == -EINVAL || err == -ENODEV) { /* the filter; or the interface went */
			break;
		}
		if (ways[1] != ATTACH_NONE) {
			tl_log_info("%s: not by %s: %s", port->capd.iface, attach_way_name(*ways),
				    strerror(-err));
		}
	}
	return err == 0 || err == -EINVAL
		       ? err
		       : refuse_attach(port, answer, ways[0] ? ways[0] : ways[-1], err);
}

/* Held by the socket: it ends with the process. */
static void make_promiscuous(struct port *port)
{
	struct packet_mreq request = {.mr_ifindex = port->nic.ifindex,
				      .mr_type = PACKET_MR_PROMISC};

	if (port->options->capd.no_promisc) {
		return;
	}
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) < 0) {
		tl_log_note("%s: not promiscuous: %s", port->capd.iface, strerror(errno));
	}
	port->promiscuous_fd = fd > 0 ? fd : 0;
}

/* Locked, and looked at; the maps are pinned before anything counts into them. */
static int open_pin(struct port *port, struct plan *plan)
{
	const struct options *options = port->options;

	if (!options->pin || options->capd.probe != TL_CAPD_PROBE_NO) {
		return 0;
	}
	int err = pin_open(&port->pin, options->pin_folder, port->nic.ifindex);
	if (err == 0 && port->pin.found) {
		plan->frags = port->pin.frags;
	}
	return err;
}

static int pin_all(struct port *port)
{
	char path[PIN_PATH];

	if (port->pin.lock < 0) {
		return 0;
	}
	int err = kernel_pin_maps(port->kernel, port->pin.folder);
	if (err == 0) {
		pin_path(&port->pin, "journal", path);
		err = journal_open(&port->journal, path, port->options->capd.window);
	}
	if (err == 0) {
		port->capd.journal = journal_hooks(port->journal);
	}
	return err;
}

static int attach_all(struct port *port, struct plan *plan, struct tl_capd_answer *answer)
{
	int err = open_pin(port, plan);

	if (err == 0) {
		err = load(port, plan, plan->frags, answer);
	}
	if (err == 0) {
		err = pin_all(port);
	}
	if (err == 0) {
		err = take_direction(port, plan, plan->in, TL_DIR_IN, answer);
	}
	if (err == 0) {
		err = take_direction(port, plan, plan->out, TL_DIR_OUT, answer);
	}
	return err;
}

/* What changes the interface itself, and is undone whatever becomes of this process. */
static int fix_offloads(struct port *port)
{
	int err = offload_recover(&port->nic);

	if (err < 0 || !port->options->fix_offloads ||
	    port->options->capd.probe != TL_CAPD_PROBE_NO) {
		return err;
	}
	err = offload_fix(&port->nic);
	if (err < 0 && err != -EOPNOTSUPP) {
		return err;
	}
	err = offload_guard_start(&port->guard, &port->nic);
	if (err < 0) {
		offload_restore(&port->nic);
	}
	return err;
}

int port_open(struct port *port, struct tl_capd_answer *answer)
{
	char reason[160];
	struct plan plan;

	port->options = options_of(port->capd.shared->options);
	port->guard.fd = -1;
	port->pin.lock = -1;
	pthread_mutex_init(&port->lock, 0);
	int err = nic_read(&port->nic, port->capd.iface);
	if (err < 0) {
		return refuse(port, answer, err, "no such interface ('ip link' lists them)");
	}
	err = fix_offloads(port);
	if (err < 0) {
		return refuse(port, answer, err, "--fix-offloads: %s", strerror(-err));
	}
	err = plan_make(&plan, &port->nic, port->options, reason, sizeof(reason));
	if (err < 0) {
		return refuse(port, answer, err, "%s", reason);
	}
	err = attach_all(port, &plan, answer);
	if (err < 0) {
		return err;
	}
	make_promiscuous(port);
	tl_log_note("%s: counting by %s%s%s", port->capd.iface, port->mode,
		    plan.why[0] ? ": not by xdp: " : "", plan.why);
	return 0;
}

void port_close(struct port *port)
{
	for (unsigned int i = 0; i < port->hook_count; i++) {
		attach_end(&port->attached[i]);
		gate_close(&port->gates[i]);
	}
	if (port->promiscuous_fd > 0) {
		close(port->promiscuous_fd);
	}
	offload_guard_stop(&port->guard);
	waiter_stop(&port->waiter);
	journal_close(port->journal);
	pin_close(&port->pin);
	if (port->flows) {
		tl_flow_writer_fini(&port->writer);
		tl_flowtab_destroy(port->flows);
	}
	kernel_close(port->kernel);
}

/* --- running ------------------------------------------------------------------------------------
 */

int port_begin(struct port *port)
{
	struct tl_flowtab_config config = tl_capd_flows(&port->options->capd);

	config.emit = tl_flow_writer_emit;
	config.ctx = &port->writer;
	int err = tl_flow_writer_init(&port->writer, port->capd.stream);
	if (err == 0) {
		err = tl_flowtab_create(&port->flows, &config);
	}
	if (err < 0) {
		tl_log_err("%s: cannot create the flow table: %s", port->capd.iface,
			   strerror(-err));
	}
	return err;
}

/* What a predecessor had told, but perhaps not sent. */
static int resend(struct port *port)
{
	if (!port->pin.found) {
		return 0;
	}
	int count = journal_resend(port->journal, port->capd.shared->outbox);
	if (count > 0) {
		tl_log_note("%s: sending %d batches of the last run again", port->capd.iface,
			    count);
	}
	return count < 0 ? count : 0;
}

int port_start(struct port *port)
{
	int err = resend(port);

	if (err == 0) {
		err = waiter_start(&port->waiter, port->kernel);
	}

	if (err < 0) {
		return err;
	}
	port->epochs = (struct epochs){
		.kernel = port->kernel,
		.flows = port->flows,
		.waiter = &port->waiter,
		.entries = kernel_flow_entries(port->kernel),
		.length_ns = port->options->epoch_ns,
	};
	err = -pthread_create(&port->thread, 0, port_run, port);
	port->started = err == 0;
	if (err < 0) {
		tl_log_err("cannot start a thread: %s", strerror(-err));
	}
	return err;
}

void port_join(struct port *port)
{
	if (port->started) {
		pthread_join(port->thread, 0);
		port->started = false;
	}
}

/* --- --unpin ------------------------------------------------------------------------------------
 */

/* What the kernel counted since the last that was told. */
static void tell_untold(const struct pin *pin, const struct kernel *kernel, const char *iface)
{
	struct tl_books books[2];
	struct journal *journal;
	char path[PIN_PATH];
	uint64_t told = 0;

	pin_path(pin, "journal", path);
	if (kernel_books(kernel, 0, &books[0]) < 0 || kernel_books(kernel, 1, &books[1]) < 0 ||
	    journal_open(&journal, path, 0) < 0) {
		return;
	}
	struct told sums = journal_told(journal);
	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		told += sums.class[class].packets;
	}
	journal_close(journal);
	uint64_t counted = books[0].total.packets + books[1].total.packets;
	tl_log_note("%s: %llu packets counted, %llu of them not told", iface,
		    (unsigned long long)counted, (unsigned long long)(counted - told));
}

int port_unpin(const struct options *options, const char *iface)
{
	struct pin pin;
	struct nic nic;
	struct kernel *kernel = 0;
	int err = nic_read(&nic, iface);

	if (err < 0) {
		tl_log_err("%s: no such interface ('ip link' lists them)", iface);
		return err;
	}
	err = pin_open(&pin, options->pin_folder, nic.ifindex);
	if (err == 0 && !pin.found) {
		tl_log_note("%s: nothing was pinned", iface);
	}
	if (err == 0 && pin.found) {
		struct kernel_options load = {
			.config = {.frags = pin.frags},
			.flow_entries = TL_KERNEL_FLOWS,
			.coarse_entries = TL_KERNEL_COARSE,
			.pin = pin.folder,
		};
		if (kernel_load(&kernel, &load, true) == 0) {
			tell_untold(&pin, kernel, iface);
		}
		kernel_close(kernel);
	}
	if (err == 0 || err == -EBADMSG) {
		err = pin_remove(&pin);
	}
	pin_close(&pin);
	return err;
}

struct port_counts port_read(struct port *port, bool take)
{
	pthread_mutex_lock(&port->lock);
	struct port_counts counts = port->published;
	if (take) {
		port->published.ledger.fill = 0;
	}
	pthread_mutex_unlock(&port->lock);
	return counts;
}
