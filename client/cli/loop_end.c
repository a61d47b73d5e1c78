#include "loop_end.h"

enum { TURNS_MAX = 1000 };

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_end(uv_loop_t *loop, struct lws_context **context)
{
    if (*context != NULL)
        lws_context_destroy(*context);
    /* libuv closes its handles in the loop's next turns. The pointer turns NULL when that was all; without an open
     * socket to end it by, libwebsockets wants to be asked a second time. */
    for (unsigned i = 0; i < TURNS_MAX && *context != NULL; i++)
        (void)uv_run(loop, UV_RUN_NOWAIT);
    if (*context != NULL)
        lws_context_destroy(*context);
    uv_walk(loop, close_handle, NULL);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(loop);
}
