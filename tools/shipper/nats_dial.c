/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#ifdef TL_HAVE_NATS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "nats_private.h"

enum {
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 5000,
};

/* With the sink's lock, which it releases. The link is gone after its last. */
static void link_release(struct nats_link *link)
{
	struct nats_sink *sink = link->sink;

	if (--link->refs > 0) {
		pthread_mutex_unlock(&sink->lock);
		return;
	}
	free(link);
	nats_sink_release(sink);
}

void nats_link_break(struct nats_link *link, enum sink_verdict verdict, const char *reason)
{
	struct nats_sink *sink = link->sink;

	link->broken = true;
	if (sink->link != link) {
		return;
	}
	sink->link = 0;
	nats_sink_answer_all(sink, verdict, reason);
	pthread_cond_broadcast(&sink->changed);
}

/* --- the library's callbacks ------------------------------------------------------- */

static void on_closed(natsConnection *connection, void *closure)
{
	struct nats_link *link = closure;

	(void)connection;
	pthread_mutex_lock(&link->sink->lock);
	nats_link_break(link, SINK_RETRY, "the connection was lost");
	link_release(link);
}

static void on_replies_end(void *closure)
{
	struct nats_link *link = closure;

	pthread_mutex_lock(&link->sink->lock);
	link_release(link);
}

static void on_error(natsConnection *connection, natsSubscription *sub, natsStatus err,
		     void *closure)
{
	struct nats_link *link = closure;
	char reason[SINK_REASON_LEN];

	(void)connection;
	(void)sub;
	bool forbidden = err == NATS_NOT_PERMITTED || err == NATS_CONNECTION_AUTH_FAILED;
	nats_say(reason, forbidden ? "not allowed" : "error", err);
	pthread_mutex_lock(&link->sink->lock);
	if (forbidden) {
		nats_link_break(link, SINK_FORBIDDEN, reason);
	}
	pthread_mutex_unlock(&link->sink->lock);
}

static void on_reply(natsConnection *connection, natsSubscription *sub, natsMsg *msg, void *closure)
{
	(void)connection;
	(void)sub;
	nats_sink_reply(closure, msg);
}

/* The servers of the cluster: where to go when this one is gone. Never to plain text elsewhere. */
static void on_servers(natsConnection *connection, void *closure)
{
	struct nats_link *link = closure;
	struct nats_sink *sink = link->sink;
	char **servers = 0;
	int count = 0;

	if (natsConnection_GetDiscoveredServers(connection, &servers, &count) != NATS_OK) {
		return;
	}
	pthread_mutex_lock(&sink->lock);
	sink->peers.count = sink->peers_given;
	for (int i = 0; i < count; i++) {
		const char *host = strstr(servers[i], "://");
		host = host ? host + 3 : servers[i];
		if (sink->tls || sink->config.insecure || peerlist_is_loopback(host)) {
			peerlist_add(&sink->peers, host, (unsigned int)strlen(host));
		}
	}
	pthread_mutex_unlock(&sink->lock);
	for (int i = 0; i < count; i++) {
		free(servers[i]);
	}
	free(servers);
}

/* --- connecting ---------------------------------------------------------------------- */

static natsStatus set_callbacks(natsOptions *options, struct nats_link *link)
{
	natsStatus s = natsOptions_SetClosedCB(options, on_closed, link);

	s = s ? s : natsOptions_SetErrorHandler(options, on_error, link);
	return s ? s : natsOptions_SetDiscoveredServersCB(options, on_servers, link);
}

/* Of a link that no callback will come for. */
static void link_free(struct nats_link *link)
{
	pthread_mutex_lock(&link->sink->lock);
	link->refs = 1;
	link_release(link);
}

/* References: the dialling thread's, and on_closed's. */
static struct nats_link *link_new(struct nats_sink *sink)
{
	struct nats_link *link = calloc(1, sizeof(*link));

	if (link) {
		link->sink = sink;
		link->refs = 2;
		pthread_mutex_lock(&sink->lock);
		sink->refs++;
		pthread_mutex_unlock(&sink->lock);
	}
	return link;
}

static natsStatus subscribe(struct nats_link *link)
{
	natsInbox *inbox = 0;
	char wildcard[sizeof(link->inbox) + 2];
	natsStatus s = natsInbox_Create(&inbox);

	if (s != NATS_OK) {
		return s;
	}
	snprintf(link->inbox, sizeof(link->inbox), "%s", inbox);
	natsInbox_Destroy(inbox);
	snprintf(wildcard, sizeof(wildcard), "%s.>", link->inbox);
	s = natsConnection_Subscribe(&link->replies, link->connection, wildcard, on_reply, link);
	if (s != NATS_OK) {
		return s;
	}
	pthread_mutex_lock(&link->sink->lock);
	link->refs++;
	pthread_mutex_unlock(&link->sink->lock);
	s = natsSubscription_SetOnCompleteCB(link->replies, on_replies_end, link);
	if (s != NATS_OK) {
		pthread_mutex_lock(&link->sink->lock);
		link_release(link);
	}
	return s;
}

/* What the callbacks that this brings about hold of the link, they release. */
static void link_close(struct nats_link *link)
{
	natsConnection_Destroy(link->connection);
	natsSubscription_Destroy(link->replies);
	pthread_mutex_lock(&link->sink->lock);
	link_release(link);
}

static void describe_servers(struct nats_sink *sink, char text[100])
{
	pthread_mutex_lock(&sink->lock);
	if (sink->peers.count == 1) {
		snprintf(text, 100, "%.80s", sink->peers.hosts[0]);
	} else {
		snprintf(text, 100, "%.60s and %u more", sink->peers.hosts[0],
			 sink->peers.count - 1);
	}
	pthread_mutex_unlock(&sink->lock);
}

static struct nats_link *connect_link(struct nats_sink *sink, enum sink_verdict *verdict,
				      char reason[SINK_REASON_LEN])
{
	natsOptions *options = 0;
	char servers[100];

	if (nats_dial_options(sink, &options, verdict, reason) < 0) {
		return 0;
	}
	struct nats_link *link = link_new(sink);
	natsStatus s = link ? set_callbacks(options, link) : NATS_NO_MEMORY;
	if (s == NATS_OK) {
		s = natsConnection_Connect(&link->connection, options);
	}
	natsOptions_Destroy(options);
	if (s == NATS_OK) {
		return link;
	}
	describe_servers(sink, servers);
	nats_say(reason, servers, s);
	*verdict = SINK_RETRY;
	if (s == NATS_CONNECTION_AUTH_FAILED) {
		*verdict = SINK_FORBIDDEN;
		token_refused(&sink->token);
	}
	if (link) {
		link_free(link);
	}
	return 0;
}

static struct nats_link *dial(struct nats_sink *sink, enum sink_verdict *verdict,
			      char reason[SINK_REASON_LEN])
{
	struct nats_link *link = connect_link(sink, verdict, reason);

	if (!link) {
		return 0;
	}
	on_servers(link->connection, link);
	natsStatus s = subscribe(link);
	if (s != NATS_OK) {
		nats_say(reason, "subscribing for answers", s);
		link_close(link);
		return 0;
	}
	return link;
}

static void say_connected(const struct nats_link *link)
{
	char url[PEERLIST_HOST_LEN + 16];

	if (natsConnection_GetConnectedUrl(link->connection, url, sizeof(url)) == NATS_OK) {
		tl_log_info("%s: connected to %s", link->sink->config.url, url);
	}
}

/* With the lock: until it is broken. True when it was of use. */
static bool stay_connected(struct nats_sink *sink, struct nats_link *link)
{
	if (!link->broken) {
		sink->link = link;
		pthread_cond_broadcast(&sink->changed);
	}
	while (!link->broken && !sink->stopping) {
		pthread_cond_wait(&sink->changed, &sink->lock);
	}
	if (sink->link == link) {
		sink->link = 0;
	}
	while (sink->publishing > 0) {
		pthread_cond_wait(&sink->changed, &sink->lock);
	}
	bool proven = link->proven;
	pthread_mutex_unlock(&sink->lock);
	link_close(link);
	pthread_mutex_lock(&sink->lock);
	return proven;
}

/* With the lock. Each try of the lane, which has a back-off of its own, is worth one of ours. */
static void back_off(struct nats_sink *sink, unsigned int *backoff_ms, unsigned int *seed)
{
	unsigned int half = *backoff_ms / 2;
	uint64_t now = tl_clock_mono_ns();
	uint64_t early = now + BACKOFF_MIN_MS / 2 * TL_MS_NS;
	uint64_t late = now + (half + (unsigned int)rand_r(seed) % (half + 1)) * TL_MS_NS;

	while (!sink->stopping && now < (sink->wanted ? early : late)) {
		tl_moncond_wait(&sink->changed, &sink->lock, sink->wanted ? early : late);
		now = tl_clock_mono_ns();
	}
	*backoff_ms = *backoff_ms * 2 < BACKOFF_MAX_MS ? *backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void *dial_loop(void *arg)
{
	struct nats_sink *sink = arg;
	unsigned int seed = (unsigned int)tl_clock_mono_ns() ^ (unsigned int)getpid();
	unsigned int backoff_ms = BACKOFF_MIN_MS;

	pthread_mutex_lock(&sink->lock);
	while (!sink->stopping) {
		char reason[SINK_REASON_LEN];
		enum sink_verdict verdict = SINK_RETRY;

		sink->wanted = false;
		pthread_mutex_unlock(&sink->lock);
		struct nats_link *link = dial(sink, &verdict, reason);
		if (link) {
			say_connected(link);
		}
		pthread_mutex_lock(&sink->lock);
		if (!link) {
			nats_sink_answer_all(sink, verdict, reason);
			pthread_cond_broadcast(&sink->changed);
		} else if (stay_connected(sink, link)) {
			backoff_ms = BACKOFF_MIN_MS;
		}
		back_off(sink, &backoff_ms, &seed);
	}
	pthread_cond_broadcast(&sink->changed);
	nats_sink_release(sink);
	return 0;
}

int nats_dial_start(struct nats_sink *sink)
{
	pthread_t thread;

	pthread_mutex_lock(&sink->lock);
	sink->refs++;
	int err = pthread_create(&thread, 0, dial_loop, sink);
	if (err != 0) {
		sink->refs--;
	} else {
		pthread_detach(thread);
	}
	pthread_mutex_unlock(&sink->lock);
	return -err;
}

#endif
