/* health.c - for whoever watches over the process and routes people to it. */
#include "signalling/handlers.h"
#include "signalling/http.h"

static void say(struct request *request, unsigned status, const char *text)
{
    reply_header(request, "Cache-Control", "no-store");
    reply_lent(request, status, "text/plain; charset=utf-8", slice_text(text));
}

void handle_livez(struct request *request)
{
    say(request, 200, "ok\n");
}

void handle_readyz(struct request *request)
{
    if (request->signalling->closing)
        say(request, 503, "closing\n");
    else
        say(request, 200, "ok\n");
}
