/* SPDX-License-Identifier: BSD-2-Clause */
#include "client.h"

#include <curl/curl.h>
#include <errno.h>

#include "client_http.h"
#include "client_top.h"
#include "clock.h"
#include "exit.h"
#include "log.h"
#include "mcp_stdio.h"
#include "privilege.h"
#include "service.h"

enum { TIMEOUT_S = 5 };

static bool is_stopping(void *context)
{
	(void)context;
	return tl_service_stopping();
}

static int get(void *context, const char *path, struct client_reply *reply)
{
	return client_http_get(context, path, reply);
}

static uint64_t now_ns(void *context)
{
	(void)context;
	return tl_clock_mono_ns();
}

static enum tl_exit run_mcp(struct client_http_config *config)
{
	struct client_http *http = 0;

	config->is_over = is_stopping;
	int err = client_http_open(&http, config);
	err = err < 0 ? err : tl_privilege_drop(0, TL_PRIVILEGE_KEEP_USER);
	if (err < 0) {
		client_http_close(http);
		return err == -EINVAL ? TL_EXIT_USAGE : TL_EXIT_FAILED;
	}
	const struct mcp_source source = {get, now_ns, http};
	err = mcp_stdio_run(&source);
	client_http_close(http);
	return err < 0 ? TL_EXIT_FAILED : TL_EXIT_OK;
}

static enum tl_exit run(const struct options *options)
{
	struct client_http_config config = {
		.url = options->url,
		.token_file = options->http.token_file,
		.ca_file = options->ca_file,
		.cert = options->http.cert,
		.key = options->http.key,
		.insecure = options->insecure,
		.timeout_ns = TIMEOUT_S * TL_SECOND_NS,
	};

	if (options->mcp) {
		return run_mcp(&config);
	}
	return options->top ? client_top_run(&config) : client_once_run(&config, options->json);
}

int client_run(const struct options *options)
{
	if (tl_service_open() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		tl_log_err("cannot start");
		return TL_EXIT_FAILED;
	}
	enum tl_exit code = run(options);
	curl_global_cleanup();
	return (int)code;
}
