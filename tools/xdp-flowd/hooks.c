/* SPDX-License-Identifier: BSD-2-Clause */
#include "hooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static enum kernel_hook hook_of(enum attach_way way, bool outgoing)
{
	if (outgoing) {
		return KERNEL_TC_OUT;
	}
	return way == ATTACH_XDP_NATIVE || way == ATTACH_XDP_GENERIC ? KERNEL_XDP : KERNEL_TC_IN;
}

static bool has_filter(const struct options *options)
{
	return options->capd.filter && options->capd.filter[0] != '\0';
}

/* --- loading -------------------------------------------------------------- */

static int load(struct hooks *h, const struct hooks_options *o, const struct plan_try *try)
{
	struct kernel_options options = {
		.config =
			{
				.ifindex = (uint32_t)o->nic->ifindex,
				.link_raw = o->plan->link_raw,
				.frags = try->frags,
				.drop = o->options->tap != OPTION_TAP_NO,
				.clock = (uint8_t)o->options->clock,
			},
		.flow_entries = (uint32_t)o->options->map_flows,
		.coarse_entries = TL_KERNEL_COARSE,
		.pin = o->pin->found ? o->pin->folder : 0,
		.shut = o->options->capd.standby,
		.filtered = has_filter(o->options),
	};

	if (try->in != ATTACH_NONE) {
		options.hooks[hook_of(try->in, false)] = true;
	}
	if (try->out != ATTACH_NONE) {
		options.hooks[KERNEL_TC_OUT] = true;
	}
	int err = kernel_load(&h->kernel, &options);
	if (err < 0) {
		return refuse(o->refusal, err, "cannot load the BPF programs: %s%s", strerror(-err),
			      err == -EPERM ? ": needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (run "
					      "as root)"
			      : err == -ENOMEM ? ": try a smaller --map-flows"
					       : "");
	}
	struct tl_control *control = kernel_control(h->kernel);
	uint32_t entries = kernel_flow_entries(h->kernel);
	if (entries != o->options->map_flows) {
		tl_log_note("%s: --map-flows stays %u until --unpin", o->nic->name, entries);
	}
	control->layout = TL_KERNEL_LAYOUT;
	control->frags = try->frags;
	control->pressure_at = entries / 4 * 3;
	return 0;
}

/* --- attaching ------------------------------------------------------------ */

static int open_gate(struct gate *gate, const struct hooks *h, const struct hooks_options *o,
		     enum kernel_hook hook, bool frags)
{
	struct gate_options options = {
		.iface = o->nic->name,
		.filter = o->options->capd.filter,
		.frags = frags,
		.drop = o->options->tap != OPTION_TAP_NO,
	};

	return gate_open(gate, h->kernel, hook, &options);
}

/* A pinned one goes on with our program, else one is attached. */
static int take(struct attachment *attached, const struct hooks_options *o, enum attach_way way,
		bool outgoing, int program)
{
	if (o->options->capd.probe == TL_CAPD_PROBE_LOAD) {
		*attached = (struct attachment){.link = -1};
		return 0;
	}
	if (o->pin->found && pin_has_link(o->pin, outgoing)) {
		int err = pin_take_link(o->pin, outgoing, o->nic->ifindex, attached);
		return err < 0 ? err : attach_replace(attached, program);
	}
	return attach(attached, way, o->nic->ifindex, hook_of(way, outgoing), program);
}

static void note_mode(struct hooks *h, enum attach_way way)
{
	size_t len = strlen(h->mode);

	if (!strstr(h->mode, attach_way_name(way))) {
		snprintf(h->mode + len, sizeof(h->mode) - len, "%s%s", len ? "+" : "",
			 attach_way_name(way));
	}
}

/* 0; -EINVAL: the filter, which was logged; -errno, with h->why. */
static int take_hook(struct hooks *h, const struct hooks_options *o, enum attach_way way,
		     bool outgoing, bool frags)
{
	struct gate gate;
	struct attachment attached = {.link = -1};

	if (way == ATTACH_NONE) {
		return 0;
	}
	int err = open_gate(&gate, h, o, hook_of(way, outgoing), frags);
	if (err < 0) {
		return err;
	}
	err = take(&attached, o, way, outgoing, gate.program);
	if (err < 0) {
		refusal_explain(h->why, sizeof(h->why), o->nic, way, err);
		attach_end(&attached);
		gate_close(&gate);
		return err;
	}
	note_mode(h, way);
	h->gates[h->count] = gate;
	h->attached[h->count++] = attached;
	return 0;
}

/* 0, or -errno and nothing is left; *logged: why was said. */
static int take_all(struct hooks *h, const struct hooks_options *o, const struct plan_try *try,
		    bool *logged)
{
	int err = load(h, o, try);

	*logged = err < 0;
	if (err == 0) {
		err = take_hook(h, o, try->in, false, try->frags);
	}
	if (err == 0) {
		err = take_hook(h, o, try->out, true, try->frags);
	}
	if (err < 0) {
		*logged = *logged || err == -EINVAL;
		h->mode[0] = '\0';
		hooks_detach(h);
		hooks_close(h);
	}
	return err;
}

/* --- what a predecessor left ---------------------------------------------- */

static bool is_wanted(const struct hooks_options *o, enum attach_way in)
{
	bool wanted = o->options->attach == OPTION_ATTACH_AUTO;

	for (unsigned int i = 0; i < o->plan->count; i++) {
		wanted = wanted || o->plan->tries[i].in == in;
	}
	return wanted;
}

/* Its links say how it counted. 1 and *try; 0 there are none; -errno when that is not what is
 * wanted. */
static int plan_pinned(const struct hooks_options *o, struct plan_try *try)
{
	const struct plan_try *wanted = &o->plan->tries[0];
	bool in = pin_has_link(o->pin, false);
	bool out = pin_has_link(o->pin, true);

	if (!o->pin->found || (!in && !out)) {
		return 0;
	}
	if (in != (wanted->in != ATTACH_NONE) || out != (wanted->out != ATTACH_NONE)) {
		return refuse(o->refusal, -EINVAL,
			      "pinned with another --direction: end it with --unpin");
	}
	*try = (struct plan_try){.out = out ? ATTACH_TCX : ATTACH_NONE, .frags = o->pin->frags};
	struct attachment attached;
	int err = in ? pin_take_link(o->pin, false, o->nic->ifindex, &attached) : 0;
	if (err < 0) {
		return refuse(o->refusal, err, "the pinned link: %s", strerror(-err));
	}
	if (in) {
		try->in = attached.way;
		attach_end(&attached);
	}
	if (!is_wanted(o, try->in)) {
		return refuse(o->refusal, -EINVAL,
			      "pinned by %s, not as --attach says: end it "
			      "with --unpin",
			      attach_way_name(try->in));
	}
	return 1;
}

/* The targets of a filter that is pinned must agree about frags. */
static bool agrees(const struct hooks_options *o, const struct plan_try *try)
{
	return !o->pin->found || hook_of(try->in, false) != KERNEL_XDP ||
	       try->frags == o->pin->frags;
}

int hooks_open(struct hooks *h, const struct hooks_options *o)
{
	struct plan_try pinned;
	bool logged = false;
	int err = plan_pinned(o, &pinned);

	if (err < 0) {
		return err;
	}
	if (err > 0) {
		err = take_all(h, o, &pinned, &logged);
		return err < 0 && !logged ? refuse(o->refusal, err, "%s", h->why) : err;
	}
	err = -EOPNOTSUPP;
	for (unsigned int i = 0; i < o->plan->count; i++) {
		if (!agrees(o, &o->plan->tries[i])) {
			snprintf(h->why, sizeof(h->why),
				 "pinned for frames of another length: end "
				 "it with --unpin");
			continue;
		}
		err = take_all(h, o, &o->plan->tries[i], &logged);
		if (err == 0 || logged || err == -EPERM || err == -ENODEV) {
			break;
		}
	}
	return err < 0 && !logged ? refuse(o->refusal, err, "%s", h->why) : err;
}

/* --- afterwards ----------------------------------------------------------- */

void hooks_detach(struct hooks *h)
{
	for (unsigned int i = 0; i < h->count; i++) {
		attach_end(&h->attached[i]);
	}
}

void hooks_close(struct hooks *h)
{
	hooks_detach(h);
	for (unsigned int i = 0; i < h->count; i++) {
		gate_close(&h->gates[i]);
	}
	h->count = 0;
	kernel_close(h->kernel);
	h->kernel = 0;
}

static int pin_link(const struct pin *pin, const struct attachment *attached)
{
	if (pin->found && pin_has_link(pin, attached->hook == KERNEL_TC_OUT)) {
		return 0;
	}
	if (attached->way == ATTACH_CLSACT) {
		tl_log_err("--pin: tc can be pinned from Linux 6.6 on: take --attach xdp, with "
			   "--fix-offloads where offloads rule it out");
		return -EOPNOTSUPP;
	}
	int err = pin_put_link(pin, attached);
	if (err < 0) {
		tl_log_err("cannot pin a link in %s: %s", pin->folder, strerror(-err));
	}
	return err;
}

int hooks_pin(const struct hooks *h, const struct pin *pin)
{
	int err = kernel_pin_maps(h->kernel, pin->folder);

	for (unsigned int i = 0; i < h->count && err == 0; i++) {
		err = pin_link(pin, &h->attached[i]);
	}
	return err;
}

bool hooks_are_gone(const struct hooks *h)
{
	for (unsigned int i = 0; i < h->count; i++) {
		if (attach_is_gone(&h->attached[i])) {
			return true;
		}
	}
	return false;
}
