/* slabs.h - small blocks for threads that take very many of them for a moment.
 *
 * The C library keeps freed blocks per thread, seven of each size. After a storm of handshakes each
 * of them holds a page that could go back, in each worker. Here a page holds blocks of one size and
 * one thread; when the last of them is freed it goes back to the system, but for a few.
 *
 * Threads that did not enter, and blocks above SLAB_BLOCK_MAX, are served by malloc().
 *
 * Owner    the process; a page belongs to the thread that took it
 * Thread   slabs_startup(): control, before any other call. The rest: any; a block may be freed by
 *          another thread than the one that took it
 * Units    bytes
 * Errors   NULL when there is no memory
 * Spec     malloc(3), for what blocks are like
 */
#ifndef BASE_SLABS_H
#define BASE_SLABS_H

#include <stdbool.h>
#include <stddef.h>

enum { SLAB_BLOCK_MAX = 1024 };

/* Reserves addresses. False: there are none; everything is served by malloc(). */
bool slabs_startup(void);
/* From now on the calling thread's small blocks lie in pages of its own. */
void slabs_enter(void);
/* Before it ends. What it has not freed stays valid. */
void slabs_leave(void);

void *slabs_malloc(size_t bytes);
void *slabs_realloc(void *block, size_t bytes);
void slabs_free(void *block); /* of these functions or of malloc(); NULL is fine */

/* Pages that all threads hold, those that are kept included. */
size_t slabs_page_count(void);

#endif
