/* loop_end.h - the end of a libuv loop of a program's own that libwebsockets uses, too.
 *
 * Owner    whoever owns the loop and the context
 * Thread   the loop's, which runs it no more
 * Units    none
 * Errors   none
 * Spec     none
 */
#ifndef CLI_LOOP_END_H
#define CLI_LOOP_END_H

#include <libwebsockets.h>
#include <uv.h>

/* Destroys the context (NULL: there is none), closes what is left on the loop, and the loop. context: where
 * lws_create_context() was told to keep its pointer, which turns NULL in here. The memory of handles stays whose it was. */
void loop_end(uv_loop_t *loop, struct lws_context **context);

#endif
