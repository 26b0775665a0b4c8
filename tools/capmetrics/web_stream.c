/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that go on. One with nothing to say is suspended: libmicrohttpd would ask it
 * again and again. It does not look at suspended connections either: that their clients
 * have gone is found by web_wake.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "web_private.h"

enum { BLOCK = 16 << 10 };

struct web_flow {
	struct web_flow *next;
	struct web_flow **link; /* what points to it */
	struct web *web;
	struct MHD_Connection *connection;
	const struct web_stream *stream;
	void *state;
	int fd;
	bool is_suspended;
	bool has_gone;
};

static ssize_t read_flow(void *context, uint64_t position, char *to, size_t room)
{
	struct web_flow *f = context;

	(void)position;
	if (f->web->closing || f->has_gone) {
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	size_t got = f->stream->read(f->state, to, room);
	if (got == 0) {
		f->is_suspended = true;
		MHD_suspend_connection(f->connection);
	}
	return (ssize_t)got;
}

static void close_flow(void *context)
{
	struct web_flow *f = context;

	*f->link = f->next;
	if (f->next) {
		f->next->link = f->link;
	}
	f->web->counts.streams--;
	f->stream->close(f->state);
	free(f);
}

static struct web_flow *open_flow(struct web *web, struct MHD_Connection *connection,
				  const struct web_stream *stream, void *state)
{
	struct web_flow *f = calloc(1, sizeof(*f));

	if (!f) {
		stream->close(state);
		return 0;
	}
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*f = (struct web_flow){.next = web->flows,
			       .link = &web->flows,
			       .web = web,
			       .connection = connection,
			       .stream = stream,
			       .state = state,
			       .fd = info->connect_fd};
	if (f->next) {
		f->next->link = &f->next;
	}
	web->flows = f;
	web->counts.streams++;
	return f;
}

struct MHD_Response *web_stream_response(struct web *web, struct MHD_Connection *connection,
					 const struct web_stream *stream, void *state)
{
	struct web_flow *f = open_flow(web, connection, stream, state);

	if (!f) {
		return 0;
	}
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
									  read_flow, f, close_flow);
	if (!response) {
		close_flow(f);
	}
	return response;
}

static bool has_gone(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void web_wake(struct web *web)
{
	for (struct web_flow *f = web->flows; f; f = f->next) {
		if (f->is_suspended) {
			f->has_gone = has_gone(f->fd);
			f->is_suspended = false;
			MHD_resume_connection(f->connection);
		}
	}
}
