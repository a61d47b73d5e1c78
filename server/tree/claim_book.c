#include "tree/claim_book.h"

#include <string.h>

enum { WAIT_US = 300 * 1000 };
#define RENEW_US (UINT64_C(1000) * DIRECTORY_RENEW_MS)

struct claim {
    struct slug_entry entry;
    uint64_t fence;       /* held under it; 0: not yet */
    uint64_t hint;        /* the caller's, or of a lease of ours that we did not know */
    uint64_t due_us;      /* when to ask Redis next; 0: at once */
    uint64_t told_us;     /* when the others were told; 0: never */
    uint64_t sent_serial; /* of the batch under way; 0: none */
};

void claim_book_init(struct claim_book *book, const char *self,
                     const struct claim_book_events *events)
{
    *book = (struct claim_book){.events = *events};
    memcpy(book->self, self, strlen(self) + 1);
    slug_table_init(&book->table, DIRECTORY_CLAIMS_MAX);
}

void claim_book_clear(struct claim_book *book)
{
    slug_table_clear(&book->table);
}

int claim_book_claim(struct claim_book *book, const char *slug, uint64_t fence)
{
    if (!slug_is_valid(slug) || fence > FENCE_MAX)
        return ERR_INVAL;
    if (slug_table_find(&book->table, slug) != NULL)
        return 0;
    void *made;
    int err = slug_table_add(&book->table, slug, sizeof(struct claim), &made);
    if (err != 0)
        return err == ERR_EXIST ? ERR_FULL : err;
    ((struct claim *)made)->hint = fence;
    claim_book_see_fence(book, fence);
    return 0;
}

uint64_t claim_book_release(struct claim_book *book, const char *slug)
{
    struct claim *claim = slug_table_find(&book->table, slug);
    if (claim == NULL)
        return 0;
    uint64_t fence = claim->fence;
    slug_table_remove(&book->table, claim);
    return fence;
}

bool claim_book_find(const struct claim_book *book, const char *slug, uint64_t *fence)
{
    const struct claim *claim = slug_table_find(&book->table, slug);
    *fence = claim != NULL ? claim->fence : 0;
    return claim != NULL;
}

void claim_book_see_fence(struct claim_book *book, uint64_t fence)
{
    if (fence > book->top_fence && fence <= FENCE_MAX)
        book->top_fence = fence;
}

static void ask(struct claim_book *book, struct claim *claim, struct claim_item *item)
{
    *item = (struct claim_item){.fence = claim->fence != 0 ? claim->fence : claim->hint};
    memcpy(item->slug, claim->entry.slug, sizeof(item->slug));
    item->is_new = item->fence == 0;
    if (item->is_new && book->top_fence < FENCE_MAX)
        book->top_fence++; /* no two rooms of a batch get the same */
    if (item->is_new)
        item->fence = book->top_fence;
}

void claim_book_due(struct claim_book *book, uint64_t now_us, struct claim_batch *out)
{
    *out = (struct claim_batch){.serial = book->serial + 1};
    for (size_t i = 0; i < book->table.count && out->count < CLAIM_BATCH_MAX; i++) {
        struct claim *claim = (struct claim *)book->table.list[i];
        if (claim->sent_serial != 0 || claim->due_us > now_us)
            continue;
        ask(book, claim, &out->items[out->count++]);
        claim->sent_serial = out->serial;
    }
    book->serial += out->count > 0;
}

static void lose(struct claim_book *book, struct claim *claim, const struct lease *winner)
{
    char slug[SLUG_MAX + 1];
    memcpy(slug, claim->entry.slug, sizeof(slug));
    slug_table_remove(&book->table, claim);
    book->events.on_lost(book->events.ctx, slug, winner);
}

static void grant(struct claim_book *book, struct claim *claim, uint64_t fence, uint64_t now_us)
{
    bool is_news = claim->fence != fence;
    claim->fence = fence;
    claim->due_us = now_us + RENEW_US;
    if (!is_news)
        return;
    claim->told_us = 0;
    char slug[SLUG_MAX + 1];
    memcpy(slug, claim->entry.slug, sizeof(slug));
    book->events.on_claimed(book->events.ctx, slug, fence);
}

/* The script refused. Its owner is who has the lease in Redis. */
static void take_refusal(struct claim_book *book, struct claim *claim,
                         const struct claim_item *item, const struct lease *owner, uint64_t now_us)
{
    struct lease asked = {.fence = item->fence};
    memcpy(asked.node, book->self, sizeof(asked.node));
    claim->due_us = now_us + WAIT_US;
    if (strcmp(owner->node, book->self) == 0) {
        /* Ours, under a higher fence than we knew: from before a restart. */
        claim->fence = 0;
        claim->hint = owner->fence;
        claim->due_us = now_us;
    } else if (item->is_new || lease_beats(owner, &asked)) {
        lose(book, claim, owner);
    }
}

static void take_answer(struct claim_book *book, struct claim *claim, const struct claim_item *item,
                        const struct claim_answer *answer, uint64_t now_us)
{
    switch (answer->kind) {
    case CLAIM_GRANTED:
        claim_book_see_fence(book, item->fence);
        grant(book, claim, item->fence, now_us);
        return;
    case CLAIM_WAIT:
        claim->due_us = now_us + WAIT_US;
        return;
    case CLAIM_HIGHER:
        if (answer->top_fence <= book->top_fence + FENCE_STEP_MAX) /* nobody signed it */
            claim_book_see_fence(book, answer->top_fence);
        claim->due_us = now_us;
        return;
    case CLAIM_TAKEN:
        claim_book_see_fence(book, answer->owner.fence);
        take_refusal(book, claim, item, &answer->owner, now_us);
        return;
    }
}

void claim_book_answer(struct claim_book *book, const struct claim_batch *batch,
                       const struct claim_answer *answers, uint64_t now_us)
{
    for (unsigned i = 0; i < batch->count; i++) {
        struct claim *claim = slug_table_find(&book->table, batch->items[i].slug);
        if (claim == NULL || claim->sent_serial != batch->serial)
            continue; /* released meanwhile, and perhaps claimed anew */
        claim->sent_serial = 0;
        claim->due_us = now_us;
        if (answers != NULL)
            take_answer(book, claim, &batch->items[i], &answers[i], now_us);
    }
}

void claim_book_hurry(struct claim_book *book)
{
    for (size_t i = 0; i < book->table.count; i++) {
        struct claim *claim = (struct claim *)book->table.list[i];
        claim->due_us = 0;
        claim->told_us = 0;
    }
}

void claim_book_hear(struct claim_book *book, const char *slug, const struct lease *lease)
{
    claim_book_see_fence(book, lease->fence);
    struct claim *claim = slug_table_find(&book->table, slug);
    if (claim == NULL || claim->fence == 0)
        return; /* Redis will answer the claim */
    struct lease own = {.fence = claim->fence};
    memcpy(own.node, book->self, sizeof(own.node));
    if (lease_beats(lease, &own))
        lose(book, claim, lease);
}

unsigned claim_book_untold(struct claim_book *book, uint64_t now_us,
                           struct directory_word_room out[DIRECTORY_WORD_ROOMS_MAX])
{
    unsigned count = 0;
    for (size_t i = 0; i < book->table.count && count < DIRECTORY_WORD_ROOMS_MAX; i++) {
        struct claim *claim = (struct claim *)book->table.list[i];
        if (claim->fence == 0 || (claim->told_us != 0 && now_us < claim->told_us + RENEW_US))
            continue;
        claim->told_us = now_us;
        out[count] = (struct directory_word_room){.fence = claim->fence};
        memcpy(out[count].slug, claim->entry.slug, sizeof(out[count].slug));
        count++;
    }
    return count;
}
