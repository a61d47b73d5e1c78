/* node_book.h - the nodes that this one has heard of, itself first.
 *
 *     unheard --node--> there --(bye, or nothing for DIRECTORY_NODE_TTL_MS while up)--> unheard
 *
 * A node is believed once it said who it is (DIRECTORY_WORD_NODE), and then only what it says in
 * order: its numbers grow, and start anew with each start of its process (`boot`).
 *
 * Owner    the directory
 * Thread   control; no clock
 * Units    now_us: microseconds, monotonic, passed in
 * Errors   as named
 * Spec     none
 */
#ifndef TREE_NODE_BOOK_H
#define TREE_NODE_BOOK_H

#include "tree/directory.h"
#include "tree/directory_word.h"

struct node_seen {
    uint64_t boot, count;
    uint64_t seen_us;
};

struct node_book {
    size_t count;                                /* 1.. */
    struct node_view views[DIRECTORY_NODES_MAX]; /* dense; [0] is this node */
    struct node_seen seen[DIRECTORY_NODES_MAX];
};

void node_book_init(struct node_book *book, const struct node_view *self, uint64_t boot);
void node_book_announce(struct node_book *book, const struct node_view *view);
/* Any word of another node. ERR_AGAIN: not to be believed (repeated, or nobody knows its sender);
 * ERR_FULL: one node too many. */
MUST_CHECK int node_book_hear(struct node_book *book, const struct directory_word *word,
                              uint64_t now_us);
/* Forgets who is silent. since_us: since then one could have heard; UINT64_MAX: one cannot. */
void node_book_expire(struct node_book *book, uint64_t since_us, uint64_t now_us);
/* DIRECTORY_NODES_MAX: not there. */
size_t node_book_find(const struct node_book *book, const char *id);

#endif
