/* put_off.h - what they hear who are put off before anybody has read what they asked.
 *
 *     a page        503 with a page that loads itself again, in English and German
 *     with ticket   503 with a problem (RFC 9457) and the ticket that keeps their turn
 *     all others    CLIENTS_COME_AGAIN
 *
 * Owner    the caller's buffer
 * Thread   any; pure
 * Units    seconds
 * Errors   none
 * Spec     RFC 9110 sections 10.2.3 and 15.6.4
 */
#ifndef SIGNALLING_PUT_OFF_H
#define SIGNALLING_PUT_OFF_H

#include "admission/ticket.h"

enum {
    PUT_OFF_BYTES = 1536,
    PUT_OFF_PAGE_MIN_S = 4, /* pages come again spread over so long */
    PUT_OFF_PAGE_MAX_S = 9,
};

/* Whole answers, as text. dice: any number, evenly distributed. */
void put_off_page(char out[PUT_OFF_BYTES], uint32_t dice);
void put_off_with_ticket(char out[PUT_OFF_BYTES], const char ticket[TICKET_CHARS + 1]);

#endif
