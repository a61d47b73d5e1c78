/* way_line.c - what a listener asks of the line: a place, or a seat at last; and gives up. The events
 * of its requests come by way_whep.c. */
#include "base/clock.h"
#include "rehearse/door_internal.h"

#include <stdio.h>

void line_ask(struct visit *visit)
{
    visit->request = VISIT_CHECK_IN;
    if (!way_connect(visit, NODES_HOME, visit->door->line_path, "POST"))
        way_fail(visit, NULL);
}

void line_leave(struct visit *visit)
{
    if (!visit->gives_up || visit->wsi != NULL)
        return;
    visit->request = VISIT_GIVE_UP;
    if (!way_connect(visit, NODES_HOME, visit->door->line_path, "DELETE"))
        visit->gives_up = false; /* the server will miss it */
}

int line_add_bearer(const struct visit *visit, struct lws *wsi, unsigned char **at,
                    unsigned char *stop)
{
    char bearer[LINE_TICKET_MAX + 16];
    if (visit->ticket[0] == '\0')
        return 0;
    int chars = snprintf(bearer, sizeof(bearer), "Bearer %s", visit->ticket);
    return lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION,
                                        (const unsigned char *)bearer, chars, at, stop) != 0
               ? -1
               : 0;
}

int line_add_headers(const struct visit *visit, struct lws *wsi, unsigned char **at,
                     unsigned char *stop)
{
    static const unsigned char none[] = "0";
    if (visit->request == VISIT_CHECK_IN &&
        lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, none, 1, at, stop) != 0)
        return -1;
    return line_add_bearer(visit, wsi, at, stop);
}

void line_complete(struct visit *visit)
{
    struct line_word word;
    uint32_t again_ms = visit->retry_after_us == VISIT_NEVER
                            ? LINE_AGAIN_NEVER
                            : (uint32_t)(visit->retry_after_us / 1000);
    int err =
        line_word_read(&word, visit->status, again_ms, visit->incoming, visit->incoming_bytes);
    if (err == 0)
        visit_on_line(visit, &word, clock_now_us());
    else
        way_refuse(visit, visit->status, NULL, visit->retry_after_us);
    visit->request = VISIT_NO_REQUEST;
    way_drop_incoming(visit);
}
