/* claim_book.h - the rooms that this node wants to be the origin of, and those that it is.
 *
 *     claim() -> WANTED --granted--> HELD --(another lease beats it)--> lost: gone, and the caller is told
 *                   \---(another node has it)---------------------------^
 *
 * It says which claims are due, as a batch for one run of the script in Redis, and takes the script's
 * answers. Fences are counted like Lamport's clocks: one more than the highest that was ever seen, here,
 * in a word, or in Redis, whichever is higher; so they grow even if Redis forgets.
 *
 * Owner    the directory
 * Thread   control; no clock. Callbacks run last: the book may be changed in them
 * Units    now_us: microseconds, monotonic, passed in
 * Errors   as named
 * Spec     directory.h
 */
#ifndef TREE_CLAIM_BOOK_H
#define TREE_CLAIM_BOOK_H

#include "tree/directory_word.h"
#include "tree/slug_table.h"

enum { CLAIM_BATCH_MAX = 32 };

struct claim_book_events {
    void *ctx;
    void (*on_claimed)(void *ctx, const char *slug, uint64_t fence);
    void (*on_lost)(void *ctx, const char *slug, const struct lease *winner);
};

struct claim_book {
    struct slug_table table;
    char self[NODE_ID_MAX + 1];
    uint64_t top_fence; /* the highest ever seen */
    uint64_t serial;    /* of the last batch */
    struct claim_book_events events;
};

struct claim_item {
    char slug[SLUG_MAX + 1];
    uint64_t fence; /* asked for */
    bool is_new;    /* else the node had the room under this fence */
};

struct claim_batch {
    uint64_t serial;
    unsigned count;
    struct claim_item items[CLAIM_BATCH_MAX];
};

/* What the script says of one item. */
struct claim_answer {
    enum { CLAIM_GRANTED, CLAIM_WAIT, CLAIM_HIGHER, CLAIM_TAKEN } kind;
    uint64_t top_fence; /* CLAIM_HIGHER: ask for more than this */
    struct lease owner; /* CLAIM_TAKEN */
};

void claim_book_init(struct claim_book *book, const char *self,
                     const struct claim_book_events *events);
void claim_book_clear(struct claim_book *book);
MUST_CHECK int claim_book_claim(struct claim_book *book, const char *slug, uint64_t fence);
/* The fence under which the room was held; 0: it was not. */
uint64_t claim_book_release(struct claim_book *book, const char *slug);
/* Whether the room is claimed at all; *fence: under which it is held, 0: it is not (yet). */
bool claim_book_find(const struct claim_book *book, const char *slug, uint64_t *fence);

/* The claims that are due, and not under way. count 0: none. */
void claim_book_due(struct claim_book *book, uint64_t now_us, struct claim_batch *out);
/* answers: one for each item; NULL: the batch was lost, all is due again. */
void claim_book_answer(struct claim_book *book, const struct claim_batch *batch,
                       const struct claim_answer *answers, uint64_t now_us);
/* All is due at once: Redis is there again. */
void claim_book_hurry(struct claim_book *book);
/* What another node says of itself. */
void claim_book_hear(struct claim_book *book, const char *slug, const struct lease *lease);
void claim_book_see_fence(struct claim_book *book, uint64_t fence);
/* Rooms held that the others were not told of for DIRECTORY_RENEW_MS: of them the next ones. 0: all were. */
unsigned claim_book_untold(struct claim_book *book, uint64_t now_us,
                           struct directory_word_room out[DIRECTORY_WORD_ROOMS_MAX]);

#endif
