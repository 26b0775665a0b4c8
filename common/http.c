/* SPDX-License-Identifier: BSD-2-Clause */
#include "http.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { SPARE_FILES = 64, OPTIONS_MAX = 4 };

/* --- options -------------------------------------------------------------------- */

int tl_http_check(const struct tl_http_options *o, struct tl_listen_address *address)
{
	const char *problem = 0;

	if (tl_listen_parse(o->listen, address) < 0) {
		tl_log_err("--listen '%s': not ADDR:PORT or [ADDR]:PORT, in numbers", o->listen);
		return -EINVAL;
	}
	if (!o->cert != !o->key) {
		problem = "--cert-file and --key-file go together";
	} else if (o->client_ca && !o->cert) {
		problem = "--client-ca-file needs --cert-file and --key-file";
	}
	if (problem) {
		tl_log_err("%s", problem);
		return -EINVAL;
	}
	return 0;
}

/* --- opening --------------------------------------------------------------------- */

/* A connection is a descriptor; what is allowed at all is enough or is said. */
static void raise_file_limit(uint64_t connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted) {
		return;
	}
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted) {
		tl_log_warn("only %llu files may be open: not room for --max-connections %llu",
			    (unsigned long long)limit.rlim_cur, (unsigned long long)connections);
	}
}

/* A descriptor that tells of SIGHUP, which no thread gets otherwise. */
static int open_hangup(struct tl_http *http)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, 0);
	http->hangup_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return http->hangup_fd < 0 ? -errno : 0;
}

void tl_http_init(struct tl_http *http)
{
	*http = (struct tl_http){.listen_fd = -1, .hangup_fd = -1};
}

int tl_http_open(struct tl_http *http, const struct tl_http_options *o,
		 const struct tl_listen_address *address)
{
	int err = 0;

	http->options = o;
	http->address = *address;
	raise_file_limit(o->max_connections);
	if (o->token_file) {
		err = tl_auth_open(&http->auth, o->token_file);
	}
	if (err == 0 && o->cert) {
		err = tl_tls_open(&http->tls, o->cert, o->key, o->client_ca);
	}
	if (err == 0) {
		err = tl_listen_open(&http->address, &http->listen_fd);
	}
	return err == 0 ? open_hangup(http) : err;
}

/* --- libmicrohttpd ----------------------------------------------------------------- */

static void log_line(void *context, const char *format, va_list arguments)
{
	char line[512];

	(void)context;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	tl_log_debug("http: %s", line);
}

/* MHD cannot go on: neither can we. What was answered is safe. */
static void on_panic(void *context, const char *file, unsigned int line, const char *reason)
{
	(void)context;
	tl_log_err("libmicrohttpd: %s:%u: %s", file, line, reason ? reason : "?");
	abort();
}

static void add_tls(struct MHD_OptionItem *o, const struct tl_tls *tls)
{
	if (tls) {
		*o++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
					       (void *)tl_tls_retrieve};
		*o++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
					       (void *)tl_tls_priorities};
		if (tl_tls_client_ca(tls)) {
			*o++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
						       (void *)tl_tls_client_ca(tls)};
		}
	}
	*o = (struct MHD_OptionItem){MHD_OPTION_END, 0, 0};
}

int tl_http_start(struct tl_http *http, const struct tl_http_handler *handler)
{
	const struct tl_http_options *o = http->options;
	struct MHD_OptionItem more[OPTIONS_MAX];
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			     (http->tls ? MHD_USE_TLS : 0);

	http->visitors = (struct tl_visitors){.deadline_ns = o->deadline_ns, .tls = http->tls};
	add_tls(more, http->tls);
	MHD_set_panic_func(on_panic, 0);
	http->daemon = MHD_start_daemon(
		flags, 0, 0, 0, handler->on_request, handler->context, MHD_OPTION_EXTERNAL_LOGGER,
		log_line, (void *)0, MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)o->max_connections,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)o->max_per_address,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)(o->timeout_ns / TL_SECOND_NS),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, handler->head_bytes,
		MHD_OPTION_NOTIFY_COMPLETED, handler->on_answered, handler->context,
		MHD_OPTION_NOTIFY_CONNECTION, tl_visitors_notify, &http->visitors,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_ARRAY, more, MHD_OPTION_END);
	if (!http->daemon) {
		tl_log_err("cannot start the HTTP server");
		return -EIO;
	}
	http->listen_fd = -1;
	return 0;
}

int tl_http_fd(const struct tl_http *http)
{
	return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int tl_http_wait_ms(const struct tl_http *http, int most_ms)
{
	MHD_UNSIGNED_LONG_LONG left_ms;

	if (MHD_get_timeout(http->daemon, &left_ms) == MHD_YES &&
	    left_ms < (MHD_UNSIGNED_LONG_LONG)most_ms) {
		return (int)left_ms;
	}
	return most_ms;
}

int tl_http_step(struct tl_http *http)
{
	if (MHD_run(http->daemon) != MHD_YES) {
		return -EIO;
	}
	tl_visitors_tend(&http->visitors, tl_clock_mono_ns());
	return 0;
}

bool tl_http_take_hangup(struct tl_http *http)
{
	struct signalfd_siginfo info;

	if (read(http->hangup_fd, &info, sizeof(info)) != sizeof(info)) {
		return false;
	}
	if (http->auth) {
		tl_auth_reload(http->auth);
	}
	if (http->tls) {
		tl_tls_reload(http->tls);
	}
	return true;
}

/* --- who comes in -------------------------------------------------------------------- */

bool tl_http_is_certified(const struct tl_http *http, struct MHD_Connection *connection)
{
	if (!http->tls) {
		return true;
	}
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return tl_tls_client_is_certified(http->tls, info->tls_session);
}

bool tl_http_is_ours(const struct tl_http *http, struct MHD_Connection *connection)
{
	return !http->address.is_loopback ||
	       tl_listen_host_is_ours(&http->address, &http->options->hosts,
				      MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
								  MHD_HTTP_HEADER_HOST));
}

/* --- closing ------------------------------------------------------------------------- */

void tl_http_quiesce(struct tl_http *http)
{
	int fd = MHD_quiesce_daemon(http->daemon);

	if (fd >= 0) {
		close(fd);
	}
}

void tl_http_stop(struct tl_http *http)
{
	if (http->daemon) {
		MHD_stop_daemon(http->daemon);
		http->daemon = 0;
	}
}

void tl_http_close(struct tl_http *http)
{
	tl_http_stop(http);
	tl_auth_close(http->auth);
	tl_tls_close(http->tls);
	if (http->listen_fd >= 0) {
		close(http->listen_fd);
	}
	if (http->hangup_fd >= 0) {
		close(http->hangup_fd);
	}
	tl_http_init(http);
}
