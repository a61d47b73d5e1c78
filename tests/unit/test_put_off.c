#include "signalling/put_off.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char answer[PUT_OFF_BYTES];

/* Its body, which is as long as it says. */
static const char *body_of(void)
{
    static const char field[] = "\r\nContent-Length: ";
    const char *length = strstr(answer, field), *body = strstr(answer, "\r\n\r\n");
    assert_int_equal(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(length);
    assert_non_null(body);
    assert_int_equal(strlen(body + 4), atoi(length + sizeof(field) - 1));
    return body + 4;
}

static void test_a_page_comes_again_by_itself_each_in_its_time(void **state)
{
    (void)state;
    unsigned seen[PUT_OFF_PAGE_MAX_S + 1] = {0};
    for (uint32_t dice = UINT32_MAX - 100; dice != 0; dice++) {
        char retry[64], refresh[64];
        put_off_page(answer, dice);
        const char *at = strstr(answer, "Retry-After: ");
        assert_non_null(at);
        int seconds = atoi(at + strlen("Retry-After: "));
        assert_in_range(seconds, PUT_OFF_PAGE_MIN_S, PUT_OFF_PAGE_MAX_S);
        seen[seconds]++;
        (void)snprintf(retry, sizeof(retry), "\r\nRetry-After: %d\r\n", seconds);
        (void)snprintf(refresh, sizeof(refresh), "<meta http-equiv=refresh content=%d>", seconds);
        assert_non_null(strstr(answer, retry));
        assert_non_null(strstr(body_of(), refresh));
    }
    for (unsigned i = PUT_OFF_PAGE_MIN_S; i <= PUT_OFF_PAGE_MAX_S; i++)
        assert_true(seen[i] > 0);
}

static void test_a_ticket_is_in_the_answer(void **state)
{
    (void)state;
    char ticket[TICKET_CHARS + 1];
    memset(ticket, 'x', TICKET_CHARS);
    ticket[TICKET_CHARS] = '\0';
    put_off_with_ticket(answer, ticket);
    assert_non_null(strstr(body_of(), ticket));
    assert_non_null(strstr(answer, "\r\nContent-Type: application/problem+json\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_comes_again_by_itself_each_in_its_time),
        cmocka_unit_test(test_a_ticket_is_in_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
