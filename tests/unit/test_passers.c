#include "rehearse/passers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TICKET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_"

static struct passers *passers;
static struct passers_params params;

static int listen_here(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(here);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&here, sizeof(here)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &bytes), 0);
    assert_int_equal(address_parse(&params.address, "127.0.0.1"), 0);
    params.address.port = ntohs(here.sin_port);
    params.host = "here";
    params.slug = "drill";
    params.per_s = 20;
    params.at_once = 4;
    return fd;
}

/* The next request, up to its empty line. */
static void expect_request(int fd, const char *wanted)
{
    char text[1024] = "";
    size_t used = 0;
    while (strstr(text, "\r\n\r\n") == NULL && used < sizeof(text) - 1) {
        ssize_t bytes = recv(fd, text + used, sizeof(text) - 1 - used, 0);
        assert_true(bytes > 0);
        used += (size_t)bytes;
        text[used] = '\0';
    }
    assert_string_equal(text, wanted);
}

static void reply(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static const char ask[] = "POST /api/v1/rooms/drill/line HTTP/1.1\r\nHost: here\r\n"
                          "Content-Length: 0\r\n\r\n";

static uint32_t reason(const struct tally_reasons *reasons, const char *name)
{
    for (unsigned i = 0; i < reasons->used; i++)
        if (strcmp(reasons->list[i].name, name) == 0)
            return reasons->list[i].count;
    return 0;
}

static const struct passers_count *stop(int listener)
{
    passers_end(passers);
    assert_int_equal(close(listener), 0);
    passers_stop(passers);
    const struct passers_count *count = passers_count(passers);
    assert_int_equal(count->asks.asked, count->asks.answered + count->asks.unanswered);
    assert_int_equal(count->asks.newcomers, count->asks.asked);
    assert_int_equal(count->due, count->asks.asked + count->not_offered);
    return count;
}

static void test_a_seat_is_given_up_on_the_same_connection(void **state)
{
    (void)state;
    int listener = listen_here();
    assert_int_equal(passers_create(&passers, &params), 0);
    int fd = accept(listener, NULL, NULL);
    expect_request(fd, ask);
    reply(fd, "HTTP/1.1 200 OK\r\nContent-Length: 96\r\n\r\n{\"answer\":\"seat\",");
    reply(fd, "\"ticket\":\"" TICKET "\",\"hold_ms\":10000}");
    expect_request(fd, "DELETE /api/v1/rooms/drill/line HTTP/1.1\r\nHost: here\r\n"
                       "Authorization: Bearer " TICKET "\r\n\r\n");
    reply(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    const struct passers_count *count = stop(listener);
    assert_int_equal(count->asks.answered, 1);
    assert_int_equal(count->given_up, 1);
    assert_int_equal(count->kept, 0);
    assert_int_equal(close(fd), 0);
    passers_destroy(passers);
}

static void test_a_no_is_an_answer_and_has_its_word(void **state)
{
    (void)state;
    int listener = listen_here();
    assert_int_equal(passers_create(&passers, &params), 0);
    int fd = accept(listener, NULL, NULL);
    expect_request(fd, ask);
    reply(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 15\r\n\r\n{\"code\":\"busy\"}");
    int other = accept(listener, NULL, NULL);
    expect_request(other, ask);
    reply(other, "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n");
    int third = accept(listener, NULL, NULL);
    expect_request(third, ask);
    reply(third, "good evening\r\n");
    char byte;
    assert_int_equal(recv(third, &byte, 1, 0), 0); /* it has gone */
    const struct passers_count *count = stop(listener);
    assert_int_equal(count->asks.answered, 2);
    assert_int_equal(reason(&count->refusals, "busy"), 1);
    assert_int_equal(reason(&count->refusals, "HTTP 429"), 1);
    assert_int_equal(reason(&count->no_answer, "nonsense in the answer"), 1);
    assert_int_equal(count->given_up + count->kept, 0);
    assert_int_equal(close(fd) | close(other) | close(third), 0);
    passers_destroy(passers);
}

static void test_who_is_cut_off_has_no_answer(void **state)
{
    (void)state;
    int listener = listen_here();
    assert_int_equal(passers_create(&passers, &params), 0);
    int fd = accept(listener, NULL, NULL);
    expect_request(fd, ask);
    reply(fd, "HTTP/1.1 200 OK\r\nContent-Length: 96\r\n\r\n{\"answer\":");
    assert_int_equal(close(fd), 0);
    uint64_t late = 0, unanswered = 0;
    while (unanswered == 0)
        passers_look(passers, &late, &unanswered);
    const struct passers_count *count = stop(listener);
    assert_true(reason(&count->no_answer, "cut off before the answer") >= 1);
    assert_int_equal(count->asks.answered, 0);
    passers_destroy(passers);
}

static void test_who_finds_all_places_taken_is_not_offered_but_counted(void **state)
{
    (void)state;
    char byte;
    int listener = listen_here();
    params.per_s = 100;
    params.at_once = 1;
    assert_int_equal(passers_create(&passers, &params), 0);
    int fd = accept(listener, NULL, NULL);
    expect_request(fd, ask);
    passers_end(passers);
    reply(fd, "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    const struct passers_count *count = stop(listener);
    assert_true(count->asks.asked >= 1);
    assert_int_equal(count->not_offered, reason(&count->held_up, "too many under way") +
                                             reason(&count->held_up, "held up here"));
    assert_int_equal(close(fd), 0);
    passers_destroy(passers);
}

static void test_a_rate_of_nothing_is_refused(void **state)
{
    (void)state;
    (void)close(listen_here());
    params.per_s = 0;
    assert_int_equal(passers_create(&passers, &params), ERR_INVAL);
    params.per_s = 1;
    params.at_once = PASSERS_AT_ONCE_MAX + 1;
    assert_int_equal(passers_create(&passers, &params), ERR_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seat_is_given_up_on_the_same_connection),
        cmocka_unit_test(test_a_no_is_an_answer_and_has_its_word),
        cmocka_unit_test(test_who_is_cut_off_has_no_answer),
        cmocka_unit_test(test_who_finds_all_places_taken_is_not_offered_but_counted),
        cmocka_unit_test(test_a_rate_of_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
