/* line_word.h - what a server says to somebody who asks for a seat: seat, place in line, or no.
 *
 * Owner    values
 * Thread   any; pure
 * Units    seconds and milliseconds, as in the protocol
 * Errors   ERR_PROTO: not what the contract says; nothing was written
 * Spec     protocol.schema.json ("line"); POST /api/v1/rooms/SLUG/line; RFC 9457
 */
#ifndef CLI_LINE_WORD_H
#define CLI_LINE_WORD_H

#include "rostrum/error.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINE_TICKET_MIN = 20, /* protocol.schema.json, "token" */
    LINE_TICKET_MAX = 128,
    LINE_WORD_CHARS = 40,
    LINE_URL_MAX = 255,
    LINE_REGION_MAX = 32,
    LINE_AGAIN_MAX_MS = 3600 * 1000, /* a longer wish is taken for this one */
};
#define LINE_AGAIN_NEVER UINT32_MAX

struct line_place {
    char ticket[LINE_TICKET_MAX + 1];
    uint32_t place, in_line; /* 1 is next */
    bool has_wait;
    uint32_t from_s, to_s;
};

/* The node to ask instead. */
struct line_node {
    char url[LINE_URL_MAX + 1];       /* "https://a.example": no path, query, fragment or user */
    char ticket[LINE_TICKET_MAX + 1]; /* "": the one that one has */
    char region[LINE_REGION_MAX + 1]; /* for its hello; "": none */
};

enum line_answer {
    LINE_SEAT,      /* held for hold_ms: ask with the ticket now */
    LINE_PLACE,     /* ask again after again_ms */
    LINE_ELSEWHERE, /* ask at `node` now */
    LINE_NO,        /* `word` says why; again_ms: when to try again, or LINE_AGAIN_NEVER */
};

struct line_word {
    enum line_answer answer;
    struct line_place place; /* of a seat, the ticket only; of a no, too, or "" */
    uint32_t again_ms, hold_ms;
    char word[LINE_WORD_CHARS];
    struct line_node node;
};

/* Copies `text` if it is a ticket; else out is "" and false is returned. NULL is fine. */
bool line_take_ticket(char out[LINE_TICKET_MAX + 1], const char *text);
/* The object "line" of a refusal. ERR_PROTO. */
MUST_CHECK int line_place_read(struct line_place *out, const json_t *line);
/* The object "elsewhere" of a refusal. ERR_PROTO: not what the contract says, its URL least of all. */
MUST_CHECK int line_node_read(struct line_node *out, const json_t *elsewhere);
/* A URL that line_node_read() would take, cut off an absolute one as in Location; path: lends what is
 * behind it, "/" at least. ERR_PROTO. */
MUST_CHECK int line_node_split(struct line_node *out, const char **path, const char *location);
/* "retry_after_ms" of any object; LINE_AGAIN_NEVER: it has none. */
uint32_t line_again_read(const json_t *object);
/* The body of an answer to POST .../line or to a WHEP offer, with its status and what stood in
 * Retry-After (LINE_AGAIN_NEVER: nothing). ERR_PROTO: not even a problem document. */
MUST_CHECK int line_word_read(struct line_word *out, unsigned status, uint32_t retry_after_ms,
                              const char *body, size_t bytes);

#endif
