#include "signalling/put_off.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { TICKET_RETRY_S = 5 };

#define HEAD                                                                                       \
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: %u\r\nContent-Type: %s\r\n"                  \
    "Content-Length: %zu\r\nCache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n"         \
    "Connection: close\r\n\r\n%s"

static const char page[] =
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content=\"width=device-width, initial-scale=1\">"
    "<meta name=color-scheme content=\"light dark\"><meta http-equiv=refresh content=%u>"
    "<title>One moment</title>"
    "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:20vh auto;"
    "padding:0 1rem}</style>"
    "<p>Very many come at this moment. This page opens by itself in a few seconds."
    "<p lang=de>Gerade kommen sehr viele. Diese Seite öffnet sich in wenigen Sekunden von selbst.";

static const char problem[] =
    "{\"status\":503,\"title\":\"Service Unavailable\",\"code\":\"overload\","
    "\"detail\":\"Very many ask at this moment. Ask again with this ticket: it keeps your turn.\","
    "\"ticket\":\"%s\"}";

static void write_answer(char out[PUT_OFF_BYTES], unsigned retry_s, const char *type,
                         const char *body)
{
    int chars = snprintf(out, PUT_OFF_BYTES, HEAD, retry_s, type, strlen(body), body);
    assert(chars > 0 && chars < PUT_OFF_BYTES);
    (void)chars;
}

void put_off_page(char out[PUT_OFF_BYTES], uint32_t dice)
{
    char body[sizeof(page)];
    unsigned retry_s = PUT_OFF_PAGE_MIN_S + dice % (PUT_OFF_PAGE_MAX_S - PUT_OFF_PAGE_MIN_S + 1);
    (void)snprintf(body, sizeof(body), page, retry_s);
    write_answer(out, retry_s, "text/html; charset=utf-8", body);
}

void put_off_with_ticket(char out[PUT_OFF_BYTES], const char ticket[TICKET_CHARS + 1])
{
    char body[sizeof(problem) + TICKET_CHARS];
    (void)snprintf(body, sizeof(body), problem, ticket);
    write_answer(out, TICKET_RETRY_S, "application/problem+json", body);
}
