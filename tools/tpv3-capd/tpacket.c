/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpacket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"

enum {
	FRAME_SIZE = 2048, /* V3 packs packets as they come; the kernel only wants a divisor */
	BLOCKS_MIN = 4,
	PREFETCH_PACKETS = 16,
};

struct ring {
	const char *iface; /* borrowed */
	uint8_t *map;
	size_t map_len;
	uint32_t block_size;
	unsigned int block_count;
	unsigned int at;		   /* the block being read */
	const struct tpacket3_hdr *packet; /* next one in it */
	unsigned int left;		   /* packets left in it; 0: not ours */
	unsigned int most_full;		   /* blocks waiting at once since last asked */
	bool losing;			   /* the kernel said that it drops */
	struct tl_log_limit losing_limit;
};

static struct tpacket_block_desc *block_at(const struct ring *ring, unsigned int index)
{
	return (void *)(ring->map + (size_t)index * ring->block_size);
}

/* Pairs with the kernel's barrier before it sets the status: the packets are visible after. */
static uint32_t block_status(const struct ring *ring, unsigned int index)
{
	return __atomic_load_n(&block_at(ring, index)->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
}

/* --- open and close ------------------------------------------------------------------ */

static int request_ring(struct ring *ring, const struct tl_afp *afp)
{
	struct tpacket_req3 request = {
		.tp_block_size = ring->block_size,
		.tp_block_nr = ring->block_count,
		.tp_frame_size = FRAME_SIZE,
		.tp_frame_nr = ring->block_size / FRAME_SIZE * ring->block_count,
		.tp_retire_blk_tov = TL_RING_RETIRE_MS,
	};

	return setsockopt(afp->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0
		       ? tl_afp_errno()
		       : 0;
}

/* As many blocks as the kernel has memory for, half as many each time. */
static int allocate_blocks(struct ring *ring, const struct tl_afp *afp, bool quiet)
{
	unsigned int wanted = ring->block_count;
	int err = request_ring(ring, afp);

	while (err == -ENOMEM && ring->block_count / 2 >= BLOCKS_MIN) {
		ring->block_count /= 2;
		err = request_ring(ring, afp);
	}
	if (err < 0) {
		tl_log_err("%s: cannot get a ring of %u blocks of %u bytes: %s", afp->iface,
			   ring->block_count, ring->block_size, strerror(-err));
	} else if (ring->block_count < wanted && !quiet) {
		tl_log_note("%s: memory for %u of %u blocks of %u bytes", afp->iface,
			    ring->block_count, wanted, ring->block_size);
	}
	return err;
}

static int map_ring(struct ring *ring, const struct tl_afp *afp)
{
	size_t len = (size_t)ring->block_size * ring->block_count;
	void *map = mmap(0, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, afp->fd, 0);

	if (map == MAP_FAILED) {
		int err = -errno;
		tl_log_err("%s: cannot map the ring: %s", afp->iface, strerror(-err));
		return err;
	}
	ring->map = map;
	ring->map_len = len;
	return 0;
}

static void close_ring(void *context)
{
	struct ring *ring = context;

	if (ring && ring->map) {
		munmap(ring->map, ring->map_len);
	}
	free(ring);
}

static int open_ring(void **out, const struct tl_afp *afp, const struct tl_ring_config *config)
{
	int version = TPACKET_V3;
	uint64_t blocks = config->ring_size / config->block_size;
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring) {
		return -ENOMEM;
	}
	ring->iface = afp->iface;
	ring->block_size = (uint32_t)config->block_size;
	ring->block_count = blocks < BLOCKS_MIN ? BLOCKS_MIN : (unsigned int)blocks;
	int err = 0;
	if (setsockopt(afp->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0) {
		err = tl_afp_errno();
		tl_log_err("%s: no TPACKET_V3: %s", afp->iface, strerror(-err));
	}
	if (err == 0) {
		err = allocate_blocks(ring, afp, config->quiet);
	}
	if (err == 0) {
		err = map_ring(ring, afp);
	}
	if (err < 0) {
		close_ring(ring);
		return err;
	}
	*out = ring;
	return 0;
}

/* --- reading --------------------------------------------------------------------------- */

static void note_fill(struct ring *ring)
{
	unsigned int full = 1;

	while (full < ring->block_count &&
	       (block_status(ring, (ring->at + full) % ring->block_count) & TP_STATUS_USER)) {
		full++;
	}
	if (full > ring->most_full) {
		ring->most_full = full;
	}
}

static void note_losing(struct ring *ring)
{
	uint64_t held_back;

	if (tl_log_allowed(&ring->losing_limit, &held_back)) {
		tl_log_warn("%s: the ring is full, the kernel drops packets (counted; try a larger "
			    "--ring or more --threads)",
			    ring->iface);
	}
}

/* Takes the next block over from the kernel. False when it is not ready. */
static bool open_block(struct ring *ring)
{
	const struct tpacket_block_desc *block = block_at(ring, ring->at);
	uint32_t status = block_status(ring, ring->at);

	if (!(status & TP_STATUS_USER)) {
		return false;
	}
	note_fill(ring);
	if (status & TP_STATUS_LOSING) {
		note_losing(ring);
	}
	ring->left = block->hdr.bh1.num_pkts;
	ring->packet = (const void *)((const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
	return true;
}

/* Everything of it has been read: the kernel may write there again. */
static void release_block(struct ring *ring)
{
	__atomic_store_n(&block_at(ring, ring->at)->hdr.bh1.block_status, TP_STATUS_KERNEL,
			 __ATOMIC_RELEASE);
	ring->at = (ring->at + 1) % ring->block_count;
	ring->packet = 0;
}

/*
 * The kernel takes a slot before it finds that the virtio header has no name
 * for a kind of merged packet (UDP fragmentation offload from a tap device).
 * It counts a drop and leaves the slot as it was: what an older packet left
 * there, without this bit.
 */
static bool is_filled(const struct tpacket3_hdr *packet)
{
	return (packet->tp_status & TP_STATUS_USER) != 0;
}

static void fill_frame(struct tl_frame *frame, const struct tpacket3_hdr *packet)
{
	const uint8_t *base = (const uint8_t *)packet;
	const uint8_t *data = base + packet->tp_mac;
	struct tl_afp_meta meta = {
		/* Just before the frame: net/packet/af_packet.c, tpacket_rcv. */
		.vnet = (const void *)(data - sizeof(struct virtio_net_hdr)),
		.from = (const void *)(base + TPACKET_ALIGN(sizeof(*packet))),
		.mac_len = (uint32_t)(packet->tp_net - packet->tp_mac),
		.status = packet->tp_status,
		.vlan_tci = (uint16_t)packet->hv1.tp_vlan_tci,
	};

	frame->data = data;
	frame->ns = packet->tp_sec * TL_SECOND_NS + packet->tp_nsec;
	frame->len = packet->tp_snaplen;
	frame->wire_len = packet->tp_len;
	tl_afp_describe(frame, &meta);
}

/*
 * Another processor wrote these lines a moment ago. Packets of the same size
 * lie at the same distance from each other, so a few packets ahead is known.
 */
static void prefetch_ahead(const struct tpacket3_hdr *packet)
{
	const uint8_t *ahead = (const uint8_t *)packet + PREFETCH_PACKETS * packet->tp_next_offset;

	__builtin_prefetch(ahead);
	__builtin_prefetch(ahead + 64);
	__builtin_prefetch(ahead + 128);
}

/* Up to a burst from the block at hand. */
static unsigned int take_frames(struct ring *ring, struct tl_frame *frames)
{
	unsigned int count = 0;

	while (count < TL_METER_BURST && ring->left > 0) {
		const struct tpacket3_hdr *packet = ring->packet;
		prefetch_ahead(packet);
		if (is_filled(packet)) {
			fill_frame(&frames[count++], packet);
		}
		ring->packet = (const void *)((const uint8_t *)packet + packet->tp_next_offset);
		ring->left--;
	}
	return count;
}

static int next_frames(void *context, struct tl_frame *frames)
{
	struct ring *ring = context;
	unsigned int count = 0;

	while (count == 0) {
		/* The frames of the last call were in this block until now. */
		if (ring->packet && ring->left == 0) {
			release_block(ring);
		}
		if (!ring->packet && !open_block(ring)) {
			return 0;
		}
		count = take_frames(ring, frames);
	}
	return (int)count;
}

static double take_utilization(void *context)
{
	struct ring *ring = context;
	double use = (double)ring->most_full / ring->block_count;

	ring->most_full = 0;
	return use;
}

const struct tl_ring_engine tl_tpacket_engine = {
	.name = "tpv3-capd",
	.mode = "tpacket_v3",
	.summary = "Flows from a mapped packet ring (TPACKET_V3).",
	.zero_copy = true,
	.max_throughput_mpps = 1.6,
	.open = open_ring,
	.next = next_frames,
	.take_utilization = take_utilization,
	.close = close_ring,
};
