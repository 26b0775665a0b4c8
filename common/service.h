/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every long-running tool owes its supervisor: it stays in the
 * foreground, stops cleanly on SIGTERM and SIGINT, prints statistics on
 * SIGUSR1, looks at its --cut on SIGUSR2 if it has one, ignores SIGPIPE (EPIPE is an answer, not a
 * death), and says when it is ready: one newline to a given descriptor (the convention of s6), a
 * word to systemd.
 */
#ifndef TL_SERVICE_H
#define TL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Installs the handlers; call before the first thread. 0 or -errno. */
int tl_service_open(void);

/* True after SIGTERM, SIGINT or tl_service_stop. Safe from any thread. */
bool tl_service_stopping(void);
void tl_service_stop(void);

/* Monotonic time of the first such, 0 = none yet. */
uint64_t tl_service_stop_ns(void);

/* True once for each SIGUSR1 (several in a row may be told as one). */
bool tl_service_take_stats(void);

/* The same for SIGUSR2: what to do, common/handover.h. */
bool tl_service_take_cut(void);

/*
 * Readable (poll) while a signal was not yet noticed; tl_service_clear empties
 * it. Stays readable once stopping, so that every poll loop ends.
 */
int tl_service_fd(void);
void tl_service_clear(void);

/* Sleeps until a signal or the timeout; for loops with nothing else to wait for. */
void tl_service_wait(uint64_t timeout_ns);

/*
 * Writes a newline to `fd`, the --ready-fd, and closes it; 0 = no one asked. 0 or
 * -errno, logged: it alone here logs.
 *
 * Tells systemd as well, by READY=1 to the socket of NOTIFY_SOCKET, when that
 * is set. That nobody hears it there is no error: a variable that came down
 * from further up must not stop a capture. There is no STOPPING=1: who asked
 * us to stop knows, and from an engine below capladder it would be a lie about
 * the service.
 */
int tl_service_ready(int fd);

#endif
