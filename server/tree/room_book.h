/* room_book.h - which other node has which room, as those nodes say.
 *
 *     unknown --rooms--> found --(nothing for DIRECTORY_NODE_TTL_MS while up)--> away
 *         ^                 \--(released)--> unknown        (DIRECTORY_AWAY_MS)--> unknown
 *
 * Of two who say that they have a room the one whose lease beats the other's counts (lease_beats()), unless
 * that one is away.
 *
 * Owner    the directory
 * Thread   control; no clock
 * Units    now_us: microseconds, monotonic, passed in
 * Errors   as named
 * Spec     none
 */
#ifndef TREE_ROOM_BOOK_H
#define TREE_ROOM_BOOK_H

#include "tree/directory_word.h"
#include "tree/slug_table.h"

struct room_book {
    struct slug_table table;
    uint64_t since_us; /* since then one could have heard; UINT64_MAX: one cannot */
    uint64_t now_us;   /* of the last room_book_expire() */
    uint64_t full_us;  /* when a room was left out last; 0: never */
};

void room_book_init(struct room_book *book);
void room_book_clear(struct room_book *book);
/* ERR_FULL: one room too many, and nobody is away. ERR_NOMEM. */
MUST_CHECK int room_book_hear(struct room_book *book, const char *node,
                              const struct directory_word_room *room, uint64_t now_us);
void room_book_expire(struct room_book *book, uint64_t since_us, uint64_t now_us);
/* FOUND, AWAY, NONE or UNKNOWN. */
enum directory_answer room_book_find(const struct room_book *book, const char *slug,
                                     struct lease *out);

#endif
