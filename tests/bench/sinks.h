/* sinks.h - sockets that datagrams can be sent to and that nobody reads, in a process of their own.
 *
 * Owner    the bench program that opens them
 * Thread   one
 * Units    none
 * Errors   told on standard error; the function then returns false
 * Spec     udp(7)
 */
#ifndef BENCH_SINKS_H
#define BENCH_SINKS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

/* Starts a process that binds `count` UDP sockets in 127.0.0.0/8 and holds them until this process
 * ends. Writes where they are. Their buffers take a few datagrams and then the kernel drops, as it
 * does for a listener that a generator leaves unread. */
bool sinks_open(struct sockaddr_in *out, unsigned count);

#endif
