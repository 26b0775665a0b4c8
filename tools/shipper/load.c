/* SPDX-License-Identifier: BSD-2-Clause */
#include "load.h"

#include <errno.h>
#include <stdlib.h>

void loads_init(struct loads *loads)
{
	*loads = (struct loads){.tail = &loads->head};
}

int loads_add(struct loads *loads, struct parcel *whole)
{
	struct load *load = calloc(1, sizeof(*load));
	struct piece *piece = calloc(1, sizeof(*piece));

	if (!load || !piece) {
		free(load);
		free(piece);
		return -ENOMEM;
	}
	*piece = (struct piece){.load = load, .parcel = whole};
	*load = (struct load){.whole = whole, .pieces = piece};
	*loads->tail = load;
	loads->tail = &load->next;
	loads->count++;
	return 0;
}

void loads_remove(struct loads *loads, struct load *load)
{
	struct load **link = &loads->head;

	while (*link != load) {
		link = &(*link)->next;
	}
	*link = load->next;
	if (!*link) {
		loads->tail = link;
	}
	loads->count--;
	while (load->pieces) {
		piece_remove(load->pieces);
	}
	free(load);
}

struct piece *loads_next(const struct loads *loads, unsigned int window, uint64_t now_ns,
			 uint64_t *due_ns)
{
	*due_ns = UINT64_MAX;
	for (struct load *load = loads->head; load; load = load->next) {
		for (struct piece *p = load->pieces; p && window > 0; p = p->next, window--) {
			if (!p->flying && p->due_ns <= now_ns) {
				return p;
			}
			if (!p->flying && p->due_ns < *due_ns) {
				*due_ns = p->due_ns;
			}
		}
	}
	return 0;
}

struct piece *loads_flying(const struct loads *loads, const struct parcel *parcel)
{
	for (struct load *load = loads->head; load; load = load->next) {
		for (struct piece *p = load->pieces; p; p = p->next) {
			if (p->flying && p->parcel == parcel) {
				return p;
			}
		}
	}
	return 0;
}

static struct piece *cut(const struct piece *from, struct tl_wire_reader *reader, uint64_t first,
			 uint64_t next, int *err)
{
	struct piece *part = calloc(1, sizeof(*part));

	if (!part) {
		*err = -ENOMEM;
		return 0;
	}
	*err = parcel_cut(reader, from->parcel, first, next, &part->part, &part->msg);
	if (*err < 0) {
		free(part);
		return 0;
	}
	part->load = from->load;
	part->parcel = &part->part;
	return part;
}

static struct piece **link_to(struct piece *piece)
{
	struct piece **link = &piece->load->pieces;

	while (*link != piece) {
		link = &(*link)->next;
	}
	return link;
}

static void free_piece(struct piece *piece)
{
	tl_msg_free(piece->msg);
	free(piece);
}

int piece_halve(struct piece *piece, struct tl_wire_reader *reader)
{
	const struct parcel *whole = piece->parcel;
	uint64_t middle = whole->first + whole->count / 2;
	int err;

	if (whole->count < 2) {
		return -ERANGE;
	}
	struct piece *one = cut(piece, reader, whole->first, middle, &err);
	if (!one) {
		return err;
	}
	struct piece *two = cut(piece, reader, middle, whole->first + whole->count, &err);
	if (!two) {
		free_piece(one);
		return err;
	}
	two->next = piece->next;
	one->next = two;
	*link_to(piece) = one;
	free_piece(piece);
	return 0;
}

bool piece_remove(struct piece *piece)
{
	struct load *load = piece->load;

	*link_to(piece) = piece->next;
	free_piece(piece);
	return !load->pieces;
}
