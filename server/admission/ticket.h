/* ticket.h - a short signed text that proves a seat, a place in line or a pass; nothing is kept here.
 *
 * Owner    values; wipe a key with explicit_bzero() when done
 * Thread   any
 * Units    number: see admission_new_number(); times: seconds since 1970 UTC, passed in
 * Errors   as named
 * Spec     HMAC-SHA-256 cut to 128 bits (RFC 2104 section 5), base64url (RFC 4648 section 5)
 */
#ifndef ADMISSION_TICKET_H
#define ADMISSION_TICKET_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

enum {
    TICKET_CHARS = 51,
    TICKET_KEY_BYTES = 32,
    TICKET_SKEW_S =
        60, /* clocks of two nodes, or of one before and after it was set, may differ so much */
};

struct ticket_key {
    uint8_t bytes[TICKET_KEY_BYTES];
};

enum ticket_kind {
    TICKET_PLACE = 1, /* stood in line */
    TICKET_SEAT = 2,  /* had a seat */
    TICKET_PASS = 3,  /* the owner's word for somebody invited */
    TICKET_ASKED = 4, /* was told to come again before anybody looked for which room: room 0 */
};
/* What every text of the last kind begins with, and none of another. */
#define TICKET_ASKED_BEGINS "AQQAAAAA"

struct ticket {
    enum ticket_kind kind;
    uint32_t room;
    uint64_t number; /* when the person first asked; identity and order in one */
    uint32_t issued_s;
    uint32_t expires_s; /* issued_s or later */
};

/* The key is the SHA-256 of a token that is read from path (0600), or made there. ERR_IO;
 * ERR_DAMAGED: something else is there, and it stays. */
MUST_CHECK int ticket_key_load(struct ticket_key *out, const char *path);
/* Writes TICKET_CHARS characters and a terminating zero. ERR_INVAL: a kind or times out of range.
 * ERR_CRYPTO. */
MUST_CHECK int ticket_write(const struct ticket_key *key, const struct ticket *ticket,
                            char out[TICKET_CHARS + 1]);
/* ERR_PROTO: no ticket at all. ERR_AUTH: not signed with this key. ERR_BADSTATE: signed, but expired or
 * not valid yet. ERR_CRYPTO. The caller compares kind and room with what is asked for. */
MUST_CHECK int ticket_read(const struct ticket_key *key, struct slice text, uint64_t now_s,
                           struct ticket *out);

#endif
