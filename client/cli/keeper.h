/* keeper.h - what a listener received, put in order and kept as an Ogg Opus file.
 *
 * Packets wait up to KEEPER_HOLD packets for an earlier one (a retransmission may still come); what
 * never came is written as filler packets, so that time in the file is true.
 *
 * Owner    listen
 * Thread   one
 * Units    samples at 48 kHz
 * Errors   keeper_open: ERR_IO (told); a write that fails ends the keeping and is told once
 * Spec     RFC 7845
 */
#ifndef CLI_KEEPER_H
#define CLI_KEEPER_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdint.h>

enum { KEEPER_HOLD = 25 };

struct keeper;

MUST_CHECK int keeper_open(struct keeper **out, const char *path);
/* Copies. ext_seq counts on over wraps. */
void keeper_push(struct keeper *keeper, uint64_t ext_seq, uint32_t timestamp, struct slice opus);
/* The source starts anew (another connection): writes what waits; the next packet follows on. */
void keeper_restart(struct keeper *keeper);
/* Writes the rest and the end mark. NULL is fine. ERR_IO: the file is not whole. */
int keeper_close(struct keeper *keeper);

#endif
