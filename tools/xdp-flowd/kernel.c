/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow.skel.h"
#include "log.h"

enum {
	HINTS_AT_ONCE = 65536,
	PATH_LEN = 256,
};

struct kernel {
	struct flow_bpf *skel;
	struct ring_buffer *ring;
	int dummy; /* what goes into the map whose update waits */
	int cpus;
	void *per_cpu; /* scratch: a value of each CPU */
	kernel_hint *hint;
	void *hint_context;
	int hints_left;
	struct tl_flow_key keys[KERNEL_DRAIN_MAX];
	struct tl_flow_value values[KERNEL_DRAIN_MAX];
};

/* --- loading -------------------------------------------------------------- */

/* libbpf's own words are for -vv: what a person can act on is said once, by us. */
static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];

	(void)level;
	int len = vsnprintf(text, sizeof(text), format, args);
	while (len > 0 && (size_t)len <= sizeof(text) && text[len - 1] == '\n') {
		text[--len] = '\0';
	}
	tl_log_debug("libbpf: %s", text);
	return len;
}

static void choose_programs(struct flow_bpf *skel, const struct kernel_options *options)
{
	const struct {
		struct bpf_program *counting, *filtered;
	} programs[KERNEL_HOOKS] = {
		[KERNEL_XDP] = {skel->progs.xdp_flow, skel->progs.xdp_filtered},
		[KERNEL_TC_IN] = {skel->progs.tc_in, skel->progs.tc_in_filtered},
		[KERNEL_TC_OUT] = {skel->progs.tc_out, skel->progs.tc_out_filtered},
	};

	for (unsigned int hook = 0; hook < KERNEL_HOOKS; hook++) {
		bool wanted = options->hooks[hook];
		bpf_program__set_autoload(programs[hook].counting, wanted);
		bpf_program__set_autoload(programs[hook].filtered, wanted && options->filtered);
	}
}

static void set_options(struct flow_bpf *skel, const struct kernel_options *options)
{
	/* Constant for the kernel and for the compiler, but this is before loading. */
	memcpy((void *)&skel->rodata->config, &options->config, sizeof(options->config));
	skel->data_gate->gate = (struct tl_gate){
		.looked_at = options->shut,
		.begin_ns = options->shut ? UINT64_MAX : 0,
		.end_ns = UINT64_MAX,
	};
	bpf_map__set_max_entries(skel->maps.flows_a, options->flow_entries);
	bpf_map__set_max_entries(skel->maps.flows_b, options->flow_entries);
	bpf_map__set_max_entries(skel->maps.coarse_a, options->coarse_entries);
	bpf_map__set_max_entries(skel->maps.coarse_b, options->coarse_entries);
	if (options->config.frags) {
		bpf_program__set_flags(skel->progs.xdp_flow, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.xdp_filtered, BPF_F_XDP_HAS_FRAGS);
	}
}

/* The maps that outlive a process: all but the constants and the gate, which belong to the
 * program. */
static bool is_kept(const struct bpf_map *map)
{
	return !strstr(bpf_map__name(map), ".rodata") && !strstr(bpf_map__name(map), ".gate");
}

static void pin_path(char *path, const char *folder, const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	/* bpffs takes no dots: the section of the control block begins with one. */
	snprintf(path, PATH_LEN, "%s/%s", folder, strchr(name, '.') ? "control" : name);
}

static int reuse_maps(struct flow_bpf *skel, const char *folder)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		char path[PATH_LEN];
		if (err < 0 || !is_kept(map)) {
			continue;
		}
		pin_path(path, folder, map);
		int fd = bpf_obj_get(path);
		if (fd < 0) {
			continue;
		}
		err = bpf_map__reuse_fd(map, fd);
		close(fd);
	}
	return err;
}

uint32_t kernel_flow_entries(const struct kernel *kernel)
{
	return bpf_map__max_entries(kernel->skel->maps.flows_a);
}

int kernel_pin_maps(const struct kernel *kernel, const char *folder)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, kernel->skel->obj)
	{
		char path[PATH_LEN];
		if (err < 0 || !is_kept(map)) {
			continue;
		}
		pin_path(path, folder, map);
		if (bpf_obj_pin(bpf_map__fd(map), path) < 0 && errno != EEXIST) {
			err = -errno;
			tl_log_err("cannot pin %s: %s", path, strerror(errno));
		}
	}
	return err;
}

static int load(struct kernel *kernel, const struct kernel_options *options)
{
	kernel->skel = flow_bpf__open();
	if (!kernel->skel) {
		return -errno;
	}
	choose_programs(kernel->skel, options);
	set_options(kernel->skel, options);
	int err = options->pin ? reuse_maps(kernel->skel, options->pin) : 0;
	return err < 0 ? err : flow_bpf__load(kernel->skel);
}

static int take_hint(void *context, void *data, size_t len)
{
	struct kernel *kernel = context;

	if (len >= sizeof(struct tl_hint)) {
		kernel->hint(kernel->hint_context, data);
	}
	return --kernel->hints_left > 0 ? 0 : -EAGAIN;
}

static int prepare(struct kernel *kernel)
{
	kernel->cpus = libbpf_num_possible_cpus();
	if (kernel->cpus < 0) {
		return kernel->cpus;
	}
	kernel->per_cpu = calloc((size_t)kernel->cpus, sizeof(struct tl_books));
	kernel->dummy = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tl_grace", 4, 4, 1, 0);
	kernel->ring =
		ring_buffer__new(bpf_map__fd(kernel->skel->maps.hints), take_hint, kernel, 0);
	if (!kernel->per_cpu || !kernel->ring || kernel->dummy < 0) {
		return kernel->per_cpu ? -errno : -ENOMEM;
	}
	return 0;
}

int kernel_load(struct kernel **out, const struct kernel_options *options)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel) {
		return -ENOMEM;
	}
	kernel->dummy = -1;
	libbpf_set_print(print);
	int err = load(kernel, options);
	if (err == 0) {
		err = prepare(kernel);
	}
	if (err < 0) {
		kernel_close(kernel);
		return err == -EACCES ? -EPERM : err;
	}
	*out = kernel;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel) {
		return;
	}
	ring_buffer__free(kernel->ring);
	flow_bpf__destroy(kernel->skel);
	if (kernel->dummy >= 0) {
		close(kernel->dummy);
	}
	free(kernel->per_cpu);
	free(kernel);
}

/* --- descriptors ---------------------------------------------------------- */

int kernel_program(const struct kernel *kernel, enum kernel_hook hook)
{
	const struct bpf_program *const programs[KERNEL_HOOKS] = {
		[KERNEL_XDP] = kernel->skel->progs.xdp_flow,
		[KERNEL_TC_IN] = kernel->skel->progs.tc_in,
		[KERNEL_TC_OUT] = kernel->skel->progs.tc_out,
	};

	return bpf_program__fd(programs[hook]);
}

int kernel_filtered(const struct kernel *kernel, enum kernel_hook hook)
{
	const struct bpf_program *const programs[KERNEL_HOOKS] = {
		[KERNEL_XDP] = kernel->skel->progs.xdp_filtered,
		[KERNEL_TC_IN] = kernel->skel->progs.tc_in_filtered,
		[KERNEL_TC_OUT] = kernel->skel->progs.tc_out_filtered,
	};

	return bpf_program__fd(programs[hook]);
}

int kernel_jump_map(const struct kernel *kernel, enum kernel_hook hook)
{
	const struct bpf_map *const maps[KERNEL_HOOKS] = {
		[KERNEL_XDP] = kernel->skel->maps.jump_xdp,
		[KERNEL_TC_IN] = kernel->skel->maps.jump_in,
		[KERNEL_TC_OUT] = kernel->skel->maps.jump_out,
	};

	return bpf_map__fd(maps[hook]);
}

int kernel_missed_map(const struct kernel *kernel)
{
	return bpf_map__fd(kernel->skel->maps.missed);
}

struct tl_control *kernel_control(const struct kernel *kernel)
{
	return &kernel->skel->data_control->control;
}

struct tl_gate *kernel_gate(const struct kernel *kernel)
{
	return &kernel->skel->data_gate->gate;
}

/* --- epochs --------------------------------------------------------------- */

uint32_t kernel_turn(struct kernel *kernel)
{
	struct tl_control *control = kernel_control(kernel);
	uint32_t old = control->epoch & 1;

	__atomic_store_n(&control->inserted[old ^ 1], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&control->epoch, old ^ 1, __ATOMIC_SEQ_CST);
	return old;
}

int kernel_wait(const struct kernel *kernel)
{
	uint32_t zero = 0;
	int fd = bpf_map__fd(kernel->skel->maps.grace);

	/* The kernel calls synchronize_rcu() before this returns (maybe_wait_bpf_programs). */
	return bpf_map_update_elem(fd, &zero, &kernel->dummy, BPF_ANY) < 0 ? -errno : 0;
}

/* Adds up the values of all CPUs, word by word. */
static int sum_per_cpu(const struct kernel *kernel, int fd, uint32_t index, void *sum, size_t size)
{
	uint64_t *total = sum;
	const uint64_t *values = kernel->per_cpu;
	size_t words = size / sizeof(uint64_t);

	if (bpf_map_lookup_elem(fd, &index, kernel->per_cpu) < 0) {
		return -errno;
	}
	memset(sum, 0, size);
	for (size_t i = 0; i < words * (size_t)kernel->cpus; i++) {
		total[i % words] += values[i];
	}
	return 0;
}

_Static_assert(sizeof(struct tl_books) % 8 == 0 && sizeof(struct tl_missed) % 8 == 0,
	       "added up by words");

int kernel_books(const struct kernel *kernel, uint32_t parity, struct tl_books *sum)
{
	return sum_per_cpu(kernel, bpf_map__fd(kernel->skel->maps.books), parity, sum,
			   sizeof(*sum));
}

int kernel_missed(const struct kernel *kernel, struct tl_missed *sum)
{
	return sum_per_cpu(kernel, kernel_missed_map(kernel), 0, sum, sizeof(*sum));
}

static int map_of(const struct kernel *kernel, uint32_t parity, enum kernel_map map)
{
	const struct bpf_map *const maps[2][2] = {
		{kernel->skel->maps.flows_a, kernel->skel->maps.coarse_a},
		{kernel->skel->maps.flows_b, kernel->skel->maps.coarse_b},
	};

	return bpf_map__fd(maps[parity & 1][map]);
}

int kernel_drain(struct kernel *kernel, uint32_t parity, enum kernel_map map,
		 struct kernel_cursor *cursor, const struct tl_flow_key **keys,
		 const struct tl_flow_value **values)
{
	uint32_t count = KERNEL_DRAIN_MAX;
	void *from = cursor->begun ? &cursor->position : 0;
	uint32_t next = 0;

	int err = bpf_map_lookup_and_delete_batch(map_of(kernel, parity, map), from, &next,
						  kernel->keys, kernel->values, &count, 0);
	if (err < 0 && errno != ENOENT) {
		return -errno;
	}
	cursor->begun = true;
	cursor->done = err < 0;
	cursor->position = next;
	*keys = kernel->keys;
	*values = kernel->values;
	return (int)count;
}

/* --- hints ---------------------------------------------------------------- */

int kernel_hints_fd(const struct kernel *kernel)
{
	return ring_buffer__epoll_fd(kernel->ring);
}

int kernel_take_hints(struct kernel *kernel, kernel_hint *hint, void *context)
{
	kernel->hint = hint;
	kernel->hint_context = context;
	kernel->hints_left = HINTS_AT_ONCE;
	(void)ring_buffer__consume(kernel->ring);
	return HINTS_AT_ONCE - kernel->hints_left;
}
