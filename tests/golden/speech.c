/* SPDX-License-Identifier: BSD-2-Clause */
#include "speech.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../bpf/parse.h"
#include "../unit/quic_seal.h"

enum { NAME_LEN = 14, TLS_RECORD = 5, QUIC_FRAMES = 1162 };

/* --- putting -------------------------------------------------------------------------- */

struct pen {
	uint8_t *at;
};

static void put(struct pen *p, const void *bytes, uint32_t len)
{
	memcpy(p->at, bytes, len);
	p->at += len;
}

static void put8(struct pen *p, unsigned int v)
{
	*p->at++ = (uint8_t)v;
}

static void put16(struct pen *p, unsigned int v)
{
	put8(p, v >> 8);
	put8(p, v & 255);
}

static void put_text(struct pen *p, const char *text)
{
	put(p, text, (uint32_t)strlen(text));
}

static void put_any(struct pen *p, unsigned int seed, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		put8(p, seed >> 24);
	}
}

/* Writes the length of all behind `field`, which is of so many bytes. */
static void close_length(const struct pen *p, uint8_t *field, uint32_t size)
{
	uint32_t len = (uint32_t)(p->at - field) - size;

	for (uint32_t i = 0; i < size; i++) {
		field[i] = (uint8_t)(len >> 8 * (size - 1 - i));
	}
}

static uint8_t *open_length(struct pen *p, uint32_t size)
{
	uint8_t *field = p->at;

	p->at += size;
	return field;
}

static void name_of(const struct speech *s, char name[NAME_LEN + 1])
{
	snprintf(name, NAME_LEN + 1, "www%03u.example", s->server % 1000u);
}

/* --- TLS and QUIC ------------------------------------------------------------------------ */

static uint8_t *open_extension(struct pen *p, unsigned int type)
{
	put16(p, type);
	return open_length(p, 2);
}

static void put_sni(struct pen *p, const struct speech *s)
{
	char name[NAME_LEN + 1];
	uint8_t *extension = open_extension(p, 0);
	uint8_t *list = open_length(p, 2);

	name_of(s, name);
	put8(p, 0);
	put16(p, NAME_LEN);
	put_text(p, name);
	close_length(p, list, 2);
	close_length(p, extension, 2);
}

static void put_alpn(struct pen *p, const char *const *names)
{
	uint8_t *extension = open_extension(p, 16);
	uint8_t *list = open_length(p, 2);

	for (; *names; names++) {
		put8(p, (unsigned int)strlen(*names));
		put_text(p, *names);
	}
	close_length(p, list, 2);
	close_length(p, extension, 2);
}

static void put_key_share(struct pen *p, const struct speech *s, bool client)
{
	uint8_t *extension = open_extension(p, 51);

	if (client) {
		put16(p, 36);
	}
	put16(p, 0x001d);
	put16(p, 32);
	put_any(p, s->client + s->server, 32);
	close_length(p, extension, 2);
}

static void put_client_hello(struct pen *p, const struct speech *s, const char *const *alpns)
{
	put8(p, 1);
	uint8_t *message = open_length(p, 3);
	put16(p, 0x0303);
	put_any(p, s->client, 32);
	put8(p, 0);
	put(p, "\0\6\x13\1\x13\2\x13\3", 8);
	put(p, "\1\0", 2);
	uint8_t *extensions = open_length(p, 2);
	put_sni(p, s);
	put(p, "\0\x0a\0\4\0\2\0\x1d", 8);
	put(p, "\0\x0d\0\4\0\2\4\3", 8);
	put_alpn(p, alpns);
	put(p, "\0\x2b\0\3\2\3\4", 7);
	put_key_share(p, s, true);
	close_length(p, extensions, 2);
	close_length(p, message, 3);
}

static void put_server_hello(struct pen *p, const struct speech *s)
{
	put8(p, 2);
	uint8_t *message = open_length(p, 3);
	put16(p, 0x0303);
	put_any(p, s->server, 32);
	put8(p, 0);
	put(p, "\x13\1\0", 3);
	uint8_t *extensions = open_length(p, 2);
	put_key_share(p, s, false);
	put(p, "\0\x2b\0\2\3\4", 6);
	close_length(p, extensions, 2);
	close_length(p, message, 3);
}

static void say_tls(struct pen *p, const struct speech *s, bool client)
{
	static const char *const alpns[] = {"h2", "http/1.1", 0};

	put(p, "\x16\3\1", 3);
	uint8_t *record = open_length(p, 2);
	if (client) {
		put_client_hello(p, s, alpns);
	} else {
		put_server_hello(p, s);
	}
	close_length(p, record, 2);
}

/* The client's first datagram: padded to 1,200 bytes and more (RFC 9000, 14.1). */
static void say_quic(struct pen *p, const struct speech *s)
{
	static const char *const alpns[] = {"h3", 0};
	uint8_t frames[QUIC_FRAMES] = {0};
	uint8_t hello[512];
	char dcid[9];
	struct pen h = {hello};

	snprintf(dcid, sizeof(dcid), "demo%04u", s->number % 10000u);
	put_client_hello(&h, s, alpns);
	quic_crypto(frames, 0, hello, (uint32_t)(h.at - hello));
	const struct quic_initial q = {dcid, dcid, 0, frames, sizeof(frames)};
	p->at += quic_seal(p->at, &q);
}

/* --- the others ---------------------------------------------------------------------------- */

static void say_dns(struct pen *p, const struct speech *s, bool client)
{
	char name[NAME_LEN + 1];

	name_of(s, name);
	put16(p, s->client * 31u + s->server);
	put16(p, client ? 0x0100 : 0x8180);
	put16(p, 1);
	put16(p, client ? 0 : 1);
	put(p, "\0\0\0\0", 4);
	put8(p, 6);
	put(p, name, 6);
	put8(p, 7);
	put(p, name + 7, 7);
	put(p, "\0\0\1\0\1", 5);
	if (!client) {
		put(p, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xcb\0\x71", 15);
		put8(p, s->server);
	}
}

static void say_http(struct pen *p, const struct speech *s, bool client)
{
	char text[256];

	if (client) {
		snprintf(text, sizeof(text),
			 "GET /pages/%03u HTTP/1.1\r\nHost: www%03u.example\r\n"
			 "User-Agent: demo/1.0\r\nAccept: */*\r\n\r\n",
			 s->client % 1000u, s->server % 1000u);
	} else {
		snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "
			 "40000\r\n\r\n");
	}
	put_text(p, text);
}

static void put_list(struct pen *p, const char *names)
{
	put16(p, 0);
	put16(p, (unsigned int)strlen(names));
	put_text(p, names);
}

static void say_kexinit(struct pen *p, const struct speech *s)
{
	enum { PADDING = 11 };
	static const char *const lists[] = {
		"curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256",
		"hmac-sha2-256",     "none",	    "none",	  "",		""};
	uint8_t *packet = open_length(p, 4);

	put8(p, PADDING);
	put8(p, 20);
	put_any(p, s->client, 16);
	for (unsigned int i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		put_list(p, lists[i]);
	}
	put(p, "\0\0\0\0\0", 5);
	put_any(p, s->server, PADDING);
	close_length(p, packet, 4);
}

uint32_t speech_say(const struct speech *s, uint32_t step, uint8_t to[SPEECH_MAX])
{
	bool client = step % 2 == 0;
	bool opens = step == SPEECH_FIRST || step == SPEECH_FIRST + 1;
	struct pen p = {to};

	if (s->proto == TL_PROTO_UDP && s->port == 53) {
		say_dns(&p, s, client);
	} else if (s->proto == TL_PROTO_UDP && s->port == 443 && step == 0) {
		say_quic(&p, s);
	} else if (s->proto == TL_PROTO_TCP && s->port == 443 && opens) {
		say_tls(&p, s, client);
	} else if (s->proto == TL_PROTO_TCP && s->port == 80 && opens) {
		say_http(&p, s, client);
	} else if (s->proto == TL_PROTO_TCP && s->port == 22 && opens) {
		put_text(&p, client ? "SSH-2.0-demo_1.0\r\n" : "SSH-2.0-demod_2.0\r\n");
	} else if (s->proto == TL_PROTO_TCP && s->port == 22 && step < SPEECH_FIRST + 4 &&
		   step > SPEECH_FIRST) {
		say_kexinit(&p, s);
	}
	return (uint32_t)(p.at - to);
}
