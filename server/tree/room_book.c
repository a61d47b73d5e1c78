#include "tree/room_book.h"

#include <stdlib.h>
#include <string.h>

/* Two rounds of what the nodes tell of their rooms, and something for the network. */
#define LEARN_US (UINT64_C(1500) * DIRECTORY_RENEW_MS)
#define SILENT_US (UINT64_C(1000) * DIRECTORY_NODE_TTL_MS)
#define FULL_US (UINT64_C(100) * 1000)
#define FORGET_US (UINT64_C(1000) * DIRECTORY_AWAY_MS)

struct known_room {
    struct slug_entry entry;
    struct lease lease;
    uint64_t heard_us;
};

void room_book_init(struct room_book *book)
{
    *book = (struct room_book){.since_us = UINT64_MAX};
    slug_table_init(&book->table, DIRECTORY_ROOMS_MAX);
}

void room_book_clear(struct room_book *book)
{
    slug_table_clear(&book->table);
}

/* How long nothing was heard of it, the time left out in which nothing could be. */
static uint64_t silence_us(const struct room_book *book, const struct known_room *room,
                           uint64_t now_us)
{
    uint64_t from_us = room->heard_us > book->since_us ? room->heard_us : book->since_us;
    return now_us > from_us ? now_us - from_us : 0;
}

/* Those who are away make way, the longest silent one first. Looked for at most ten times a second. */
static bool make_way(struct room_book *book, uint64_t now_us)
{
    if (book->full_us != 0 && now_us < book->full_us + FULL_US)
        return false;
    struct known_room *oldest = NULL;
    for (size_t i = 0; i < book->table.count; i++) {
        struct known_room *room = (struct known_room *)book->table.list[i];
        if (silence_us(book, room, now_us) > SILENT_US &&
            (oldest == NULL || room->heard_us < oldest->heard_us))
            oldest = room;
    }
    if (oldest != NULL)
        slug_table_remove(&book->table, oldest);
    return oldest != NULL;
}

static int add(struct room_book *book, const struct lease *lease, const char *slug, uint64_t now_us)
{
    void *made;
    int err = slug_table_add(&book->table, slug, sizeof(struct known_room), &made);
    if (err == ERR_FULL && make_way(book, now_us))
        err = slug_table_add(&book->table, slug, sizeof(struct known_room), &made);
    if (err == ERR_FULL)
        book->full_us = now_us;
    if (err != 0)
        return err;
    struct known_room *room = made;
    room->lease = *lease;
    room->heard_us = now_us;
    return 0;
}

int room_book_hear(struct room_book *book, const char *node, const struct directory_word_room *word,
                   uint64_t now_us)
{
    struct lease lease = {.fence = word->fence};
    memcpy(lease.node, node, strlen(node) + 1);
    struct known_room *room = slug_table_find(&book->table, word->slug);
    if (room == NULL)
        return word->is_released ? 0 : add(book, &lease, word->slug, now_us);
    bool is_same = strcmp(room->lease.node, node) == 0;
    if (word->is_released) {
        if (is_same && word->fence >= room->lease.fence)
            slug_table_remove(&book->table, room);
    } else if (is_same || lease_beats(&lease, &room->lease) ||
               silence_us(book, room, now_us) > SILENT_US) {
        room->lease = lease;
        room->heard_us = now_us;
    }
    return 0;
}

void room_book_expire(struct room_book *book, uint64_t since_us, uint64_t now_us)
{
    book->since_us = since_us;
    book->now_us = now_us;
    for (size_t i = book->table.count; i-- > 0;) {
        struct known_room *room = (struct known_room *)book->table.list[i];
        if (silence_us(book, room, now_us) > FORGET_US)
            slug_table_remove(&book->table, room);
    }
}

enum directory_answer room_book_find(const struct room_book *book, const char *slug,
                                     struct lease *out)
{
    const struct known_room *room = slug_table_find(&book->table, slug);
    if (room != NULL) {
        *out = room->lease;
        return silence_us(book, room, book->now_us) > SILENT_US ? DIRECTORY_AWAY : DIRECTORY_FOUND;
    }
    bool was_full = book->full_us != 0 && book->now_us - book->full_us < LEARN_US;
    bool has_listened = book->since_us != UINT64_MAX && book->now_us > book->since_us + LEARN_US;
    return has_listened && !was_full ? DIRECTORY_NONE : DIRECTORY_UNKNOWN;
}
