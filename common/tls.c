/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { CHAIN_MAX = 8 };

/*
 * Without the key exchange of TLS 1.2 by RSA: it has no forward secrecy, and asks for
 * our key only when the client has answered, by when tl_tls_reload may have freed it.
 */
const char tl_tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA";

/* GnuTLS keeps a pointer to it in each session. */
static gnutls_typed_vdata_st client_purpose = {
	.type = GNUTLS_DT_KEY_PURPOSE_OID,
	.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT,
};

struct identity {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned int count;
	gnutls_privkey_t key;
};

struct tl_tls {
	const char *cert_path;
	const char *key_path;
	struct identity now;
	/* Handshakes that began before a reload may still use it. */
	struct identity before;
	gnutls_datum_t client_ca;
};

static void identity_fini(struct identity *id)
{
	for (unsigned int i = 0; i < id->count; i++) {
		gnutls_pcert_deinit(&id->chain[i]);
	}
	if (id->key) {
		gnutls_privkey_deinit(id->key);
	}
	*id = (struct identity){0};
}

static int complain(const char *path, int code)
{
	tl_log_err("%s: %s", path, gnutls_strerror(code));
	return code == GNUTLS_E_FILE_ERROR ? -ENOENT : -EINVAL;
}

static int load_chain(struct identity *id, const char *path)
{
	gnutls_datum_t pem;
	unsigned int count = CHAIN_MAX;
	int code = gnutls_load_file(path, &pem);

	if (code < 0) {
		return complain(path, code);
	}
	code = gnutls_pcert_list_import_x509_raw(id->chain, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
	gnutls_free(pem.data);
	if (code < 0) {
		return complain(path, code);
	}
	id->count = count;
	return 0;
}

static int load_key(struct identity *id, const char *path)
{
	gnutls_datum_t pem;
	int code = gnutls_load_file(path, &pem);

	if (code < 0) {
		return complain(path, code);
	}
	code = gnutls_privkey_init(&id->key);
	if (code == 0) {
		code = gnutls_privkey_import_x509_raw(id->key, &pem, GNUTLS_X509_FMT_PEM, 0, 0);
	}
	explicit_bzero(pem.data, pem.size);
	gnutls_free(pem.data);
	return code < 0 ? complain(path, code) : 0;
}

static bool fits(const struct identity *id)
{
	uint8_t of_cert[64], of_key[64];
	size_t cert_len = sizeof(of_cert), key_len = sizeof(of_key);
	gnutls_pubkey_t public;

	if (gnutls_pubkey_init(&public) < 0) {
		return false;
	}
	bool same =
		gnutls_pubkey_import_privkey(public, id->key, 0, 0) == 0 &&
		gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) == 0 &&
		gnutls_pubkey_get_key_id(id->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_cert,
					 &cert_len) == 0 &&
		cert_len == key_len && memcmp(of_cert, of_key, key_len) == 0;
	gnutls_pubkey_deinit(public);
	return same;
}

static int load(const struct tl_tls *tls, struct identity *id)
{
	int err = load_chain(id, tls->cert_path);

	if (err == 0) {
		err = load_key(id, tls->key_path);
	}
	if (err == 0 && !fits(id)) {
		tl_log_err("%s: not the key of the certificate in %s", tls->key_path,
			   tls->cert_path);
		err = -EINVAL;
	}
	if (err < 0) {
		identity_fini(id);
	}
	return err;
}

static int load_client_ca(struct tl_tls *tls, const char *path)
{
	gnutls_x509_crt_t *list;
	unsigned int count;
	int code = gnutls_load_file(path, &tls->client_ca); /* with a NUL after its end */

	if (code < 0) {
		return complain(path, code);
	}
	code = gnutls_x509_crt_list_import2(&list, &count, &tls->client_ca, GNUTLS_X509_FMT_PEM, 0);
	if (code < 0) {
		return complain(path, code);
	}
	for (unsigned int i = 0; i < count; i++) {
		gnutls_x509_crt_deinit(list[i]);
	}
	gnutls_free(list);
	return 0;
}

int tl_tls_open(struct tl_tls **out, const char *cert, const char *key, const char *client_ca)
{
	struct tl_tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		return -ENOMEM;
	}
	tls->cert_path = cert;
	tls->key_path = key;
	int err = load(tls, &tls->now);
	if (err == 0 && client_ca) {
		err = load_client_ca(tls, client_ca);
	}
	if (err < 0) {
		tl_tls_close(tls);
		return err;
	}
	*out = tls;
	return 0;
}

void tl_tls_close(struct tl_tls *tls)
{
	if (!tls) {
		return;
	}
	identity_fini(&tls->now);
	identity_fini(&tls->before);
	gnutls_free(tls->client_ca.data);
	free(tls);
}

int tl_tls_reload(struct tl_tls *tls)
{
	struct identity fresh = {0};
	int err = load(tls, &fresh);

	if (err < 0) {
		tl_log_err("%s: the certificate stays as it was", tls->cert_path);
		return err;
	}
	identity_fini(&tls->before);
	tls->before = tls->now;
	tls->now = fresh;
	tl_log_note("%s: read again", tls->cert_path);
	return 0;
}

const char *tl_tls_client_ca(const struct tl_tls *tls)
{
	return (const char *)tls->client_ca.data;
}

int tl_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
		    const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length,
		    gnutls_pcert_st **pcert, unsigned int *pcert_length, gnutls_privkey_t *key)
{
	struct tl_tls *tls = gnutls_session_get_ptr(session);

	(void)req_ca_rdn;
	(void)nreqs;
	(void)pk_algos;
	(void)pk_algos_length;
	if (!tls) {
		return -1;
	}
	*pcert = tls->now.chain;
	*pcert_length = tls->now.count;
	*key = tls->now.key;
	return 0;
}

void tl_tls_prepare(const struct tl_tls *tls, gnutls_session_t session)
{
	gnutls_session_set_ptr(session, (void *)tls);
	if (tls->client_ca.data) {
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert2(session, &client_purpose, 1, 0);
	}
}

bool tl_tls_client_is_certified(const struct tl_tls *tls, gnutls_session_t session)
{
	unsigned int status = 0;

	if (!tls->client_ca.data) {
		return true;
	}
	return gnutls_certificate_verify_peers(session, &client_purpose, 1, &status) == 0 &&
	       status == 0;
}
