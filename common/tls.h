/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificate and key we show, and the CA that clients must be certified
 * by. Logs what is wrong with the files.
 */
#ifndef TL_TLS_H
#define TL_TLS_H

#include <gnutls/abstract.h>
#include <stdbool.h>

struct tl_tls;

/* Paths of PEM files, kept; `client_ca` may be 0. 0; -EINVAL what is in them; other -errno. */
int tl_tls_open(struct tl_tls **out, const char *cert, const char *key, const char *client_ca);
void tl_tls_close(struct tl_tls *tls);

/* Reads certificate and key again; on failure those there stay. Not while MHD runs. */
int tl_tls_reload(struct tl_tls *tls);

/* The PEM text of the client CA, 0 = none. */
const char *tl_tls_client_ca(const struct tl_tls *tls);

/* TLS 1.2 and 1.3 only. */
extern const char tl_tls_priorities[];

/* Hands a session our certificate: for MHD_OPTION_HTTPS_CERT_CALLBACK. */
int tl_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
		    const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length,
		    gnutls_pcert_st **pcert, unsigned int *pcert_length, gnutls_privkey_t *key);

/* Before the handshake: what tl_tls_retrieve hands out, and a client certificate when a CA is set.
 */
void tl_tls_prepare(const struct tl_tls *tls, gnutls_session_t session);

/* Whether the session's client has shown a valid certificate; true when none is asked for. */
bool tl_tls_client_is_certified(const struct tl_tls *tls, gnutls_session_t session);

#endif
