#include "base/slabs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    PAGE_BYTES = 4096,
    PAGES_MAX = 1 << 17, /* 512 MiB of addresses: three storms of 2500 handshakes */
    STEP_BYTES = 16,
    CLASSES = SLAB_BLOCK_MAX / STEP_BYTES,
    OWNERS_MAX = 64,
    KEPT_MAX = 32, /* empty pages of a thread that wait for its next handshake */
    WORD_BITS = 64,
};

/* A freed block. */
struct block {
    struct block *next;
};

/* The beginning of a page. */
struct page {
    struct owner *owner;
    struct page *next, *previous; /* among those of its class with a free block */
    struct block *free;
    uint16_t class, used, fresh, blocks; /* fresh: blocks that were never taken */
    _Alignas(STEP_BYTES) uint8_t memory[];
};

/* A thread's. Another thread may only push to `returned`. */
struct owner {
    bool is_taken;
    struct page *open[CLASSES]; /* pages with a free block */
    struct page *kept;          /* empty ones */
    unsigned kept_count;
    _Atomic(struct block *) returned; /* blocks that others freed */
};

static uint8_t *range; /* NULL: not started */
static struct owner owners[OWNERS_MAX];
static _Thread_local struct owner *own;

/* What all threads share: which pages of the range are taken. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t taken[PAGES_MAX / WORD_BITS];
static size_t first_word; /* no page before it is free */
static size_t page_count;

bool slabs_startup(void)
{
    if (range)
        return true;
    void *memory = mmap(NULL, (size_t)PAGES_MAX * PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    (void)madvise(memory, (size_t)PAGES_MAX * PAGE_BYTES, MADV_NOHUGEPAGE);
    range = memory;
    return true;
}

void slabs_enter(void)
{
    (void)pthread_mutex_lock(&lock);
    for (unsigned i = 0; range && !own && i < OWNERS_MAX; i++)
        if (!owners[i].is_taken)
            own = &owners[i];
    if (own)
        own->is_taken = true;
    (void)pthread_mutex_unlock(&lock);
}

void slabs_leave(void)
{
    (void)pthread_mutex_lock(&lock);
    if (own)
        own->is_taken = false;
    own = NULL;
    (void)pthread_mutex_unlock(&lock);
}

size_t slabs_page_count(void)
{
    (void)pthread_mutex_lock(&lock);
    size_t count = page_count;
    (void)pthread_mutex_unlock(&lock);
    return count;
}

/* ---- pages ---- */

static struct page *take_page(void)
{
    struct page *page = NULL;
    (void)pthread_mutex_lock(&lock);
    while (first_word < PAGES_MAX / WORD_BITS && taken[first_word] == UINT64_MAX)
        first_word++;
    if (first_word < PAGES_MAX / WORD_BITS) {
        unsigned bit = (unsigned)__builtin_ctzll(~taken[first_word]);
        taken[first_word] |= UINT64_C(1) << bit;
        page_count++;
        page = (struct page *)(void *)(range + (first_word * WORD_BITS + bit) * PAGE_BYTES);
    }
    (void)pthread_mutex_unlock(&lock);
    return page;
}

static void give_page(struct page *page)
{
    (void)madvise(page, PAGE_BYTES, MADV_DONTNEED);
    size_t at = (size_t)((uint8_t *)page - range) / PAGE_BYTES;
    (void)pthread_mutex_lock(&lock);
    taken[at / WORD_BITS] &= ~(UINT64_C(1) << at % WORD_BITS);
    if (at / WORD_BITS < first_word)
        first_word = at / WORD_BITS;
    page_count--;
    (void)pthread_mutex_unlock(&lock);
}

static void open_page(struct owner *owner, struct page *page)
{
    page->previous = NULL;
    page->next = owner->open[page->class];
    if (page->next)
        page->next->previous = page;
    owner->open[page->class] = page;
}

static void close_page(struct owner *owner, struct page *page)
{
    if (page->previous)
        page->previous->next = page->next;
    else
        owner->open[page->class] = page->next;
    if (page->next)
        page->next->previous = page->previous;
}

static size_t block_bytes(unsigned class)
{
    return ((size_t) class + 1) * STEP_BYTES;
}

static struct page *new_page(struct owner *owner, unsigned class)
{
    struct page *page = owner->kept;
    if (page) {
        owner->kept = page->next;
        owner->kept_count--;
    } else {
        page = take_page();
        if (!page)
            return NULL;
    }
    uint16_t blocks = (uint16_t)((PAGE_BYTES - sizeof(*page)) / block_bytes(class));
    *page =
        (struct page){.owner = owner, .class = (uint16_t) class, .fresh = blocks, .blocks = blocks};
    open_page(owner, page);
    return page;
}

static void put_away(struct owner *owner, struct page *page)
{
    close_page(owner, page);
    if (owner->kept_count >= KEPT_MAX) {
        give_page(page);
        return;
    }
    page->next = owner->kept;
    owner->kept = page;
    owner->kept_count++;
}

/* ---- blocks ---- */

static bool is_ours(const void *block)
{
    return range && (uintptr_t)block - (uintptr_t)range < (size_t)PAGES_MAX * PAGE_BYTES;
}

static struct page *page_of(void *block)
{
    return (struct page *)(void *)(range + ((size_t)((uint8_t *)block - range) &
                                            ~(size_t)(PAGE_BYTES - 1)));
}

static bool is_full(const struct page *page)
{
    return page->used == page->blocks;
}

static void put_back(struct owner *owner, struct block *block)
{
    struct page *page = page_of(block);
    bool was_full = is_full(page);
    block->next = page->free;
    page->free = block;
    page->used--;
    if (was_full)
        open_page(owner, page);
    if (page->used == 0)
        put_away(owner, page);
}

/* Of what others freed: before a page is taken, so that it cannot pile up. */
static void take_returned(struct owner *owner)
{
    struct block *block = atomic_exchange_explicit(&owner->returned, NULL, memory_order_acquire);
    while (block) {
        struct block *next = block->next;
        put_back(owner, block);
        block = next;
    }
}

static void *take_block(struct owner *owner, unsigned class)
{
    struct page *page = owner->open[class];
    if (!page) {
        take_returned(owner);
        page = owner->open[class];
    }
    if (!page)
        page = new_page(owner, class);
    if (!page)
        return NULL;
    void *block = page->free;
    if (block)
        page->free = page->free->next;
    else
        block = page->memory + (size_t)(page->blocks - page->fresh--) * block_bytes(class);
    page->used++;
    if (is_full(page))
        close_page(owner, page);
    return block;
}

void *slabs_malloc(size_t bytes)
{
    struct owner *owner = own;
    if (!owner || bytes > SLAB_BLOCK_MAX || bytes == 0)
        return malloc(bytes);
    void *block = take_block(owner, (unsigned)((bytes - 1) / STEP_BYTES));
    return block ? block : malloc(bytes);
}

void slabs_free(void *memory)
{
    if (!is_ours(memory)) {
        free(memory);
        return;
    }
    struct block *block = memory;
    struct owner *owner = page_of(memory)->owner;
    if (owner == own) {
        put_back(owner, block);
        return;
    }
    block->next = atomic_load_explicit(&owner->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&owner->returned, &block->next, block,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

void *slabs_realloc(void *block, size_t bytes)
{
    if (!block)
        return slabs_malloc(bytes);
    if (!is_ours(block))
        return realloc(block, bytes);
    size_t had_bytes = block_bytes(page_of(block)->class);
    if (bytes > 0 && bytes <= had_bytes)
        return block;
    void *moved = bytes > 0 ? slabs_malloc(bytes) : NULL;
    if (moved)
        memcpy(moved, block, had_bytes);
    if (moved || bytes == 0)
        slabs_free(block);
    return moved;
}
