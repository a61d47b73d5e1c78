#include "tree/node_book.h"

#include "telemetry/log.h"

#include <string.h>

void node_book_init(struct node_book *book, const struct node_view *self, uint64_t boot)
{
    *book = (struct node_book){.count = 1, .views = {*self}, .seen = {{.boot = boot}}};
}

void node_book_announce(struct node_book *book, const struct node_view *view)
{
    struct node_view own = *view;
    const struct node_view *known = &book->views[0];
    memcpy(own.id, known->id, sizeof(own.id));
    memcpy(own.url, known->url, sizeof(own.url));
    memcpy(own.region, known->region, sizeof(own.region));
    book->views[0] = own;
}

size_t node_book_find(const struct node_book *book, const char *id)
{
    for (size_t i = 0; i < book->count; i++)
        if (strcmp(book->views[i].id, id) == 0)
            return i;
    return DIRECTORY_NODES_MAX;
}

static void forget(struct node_book *book, size_t at, const char *why)
{
    log_info("directory.node_gone", "node=%s why=%s", book->views[at].id, why);
    book->count--;
    book->views[at] = book->views[book->count];
    book->seen[at] = book->seen[book->count];
}

static int add(struct node_book *book, const struct directory_word *word, uint64_t now_us)
{
    if (word->kind != DIRECTORY_WORD_NODE)
        return ERR_AGAIN;
    if (book->count == DIRECTORY_NODES_MAX)
        return ERR_FULL;
    book->views[book->count] = word->node;
    book->seen[book->count] = (struct node_seen){word->boot, word->count, now_us};
    book->count++;
    log_info("directory.node", "node=%s", word->sender);
    return 0;
}

int node_book_hear(struct node_book *book, const struct directory_word *word, uint64_t now_us)
{
    size_t at = node_book_find(book, word->sender);
    if (at == DIRECTORY_NODES_MAX)
        return add(book, word, now_us);
    struct node_seen *seen = &book->seen[at];
    bool is_new_boot = seen->boot != word->boot;
    if (is_new_boot ? word->kind != DIRECTORY_WORD_NODE : word->count <= seen->count)
        return ERR_AGAIN;
    *seen = (struct node_seen){word->boot, word->count, now_us};
    if (word->kind == DIRECTORY_WORD_NODE)
        book->views[at] = word->node;
    else if (word->kind == DIRECTORY_WORD_BYE)
        forget(book, at, "bye");
    return 0;
}

void node_book_expire(struct node_book *book, uint64_t since_us, uint64_t now_us)
{
    if (since_us == UINT64_MAX)
        return;
    for (size_t i = book->count; i-- > 1;) {
        uint64_t heard_us = book->seen[i].seen_us;
        if (heard_us < since_us)
            heard_us = since_us;
        if (now_us > heard_us + DIRECTORY_NODE_TTL_MS * UINT64_C(1000))
            forget(book, i, "silent");
    }
}
