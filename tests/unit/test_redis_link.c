/* A server that is no Redis, or an evil one: the link says so and tries again, with little memory. */
#include "redis_house.h"

#include "tree/redis_link.h"
#include "tree/redis_reader.h"

/* ---- the reader alone ---- */

static int feed(struct redis_reader *reader, const char *text, size_t bytes)
{
    struct redisReply *reply = NULL;
    int err = redis_reader_feed(reader, slice_of(text, bytes));
    while (err == 0) {
        err = redis_reader_next(reader, &reply);
        if (err != 0 || reply == NULL)
            break;
        redis_reply_free(reply);
    }
    return err;
}

static void test_no_answer_makes_the_reader_grow(void **state)
{
    (void)state;
    static const char *const evil[] = {
        "*2000000000\r\n", "*65\r\n", "*-7\r\n", "$-7\r\n",       "$99999999999999999999\r\n",
        "hello\r\n",       "\r\n",    "%1\r\n",  "*1\r\n*65\r\n", ">3\r\n$7\r\nmessage\r\n",
    };
    for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
        struct redis_reader *reader;
        assert_int_equal(redis_reader_create(&reader), 0);
        int err = feed(reader, evil[i], strlen(evil[i]));
        if (err != ERR_PROTO && strcmp(evil[i], "$-7\r\n") != 0)
            fail_msg("%s should be refused", evil[i]);
        redis_reader_destroy(reader);
    }
}

static void test_an_answer_of_any_shape_ends_at_its_bound(void **state)
{
    (void)state;
    char list[REDIS_ELEMENTS_MAX * 4 + 8];
    size_t at = (size_t)snprintf(list, sizeof(list), "*64\r\n");
    for (unsigned i = 0; i < REDIS_ELEMENTS_MAX; i++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, ":1\r\n");
    const char *const starts[] = {"*64\r\n", "*64\r\n*64\r\n*64\r\n*64\r\n*64\r\n",
                                  "$500000000\r\n"};
    const char *const endless[] = {"*64\r\n", list, "aaaaaaaa"};
    for (size_t i = 0; i < 3; i++) {
        struct redis_reader *reader;
        size_t fed = strlen(starts[i]);
        assert_int_equal(redis_reader_create(&reader), 0);
        int err = feed(reader, starts[i], fed);
        for (; err == 0 && fed < 4 * REDIS_ANSWER_MAX; fed += strlen(endless[i]))
            err = feed(reader, endless[i], strlen(endless[i]));
        if (err != ERR_PROTO || fed > REDIS_ANSWER_MAX + sizeof(list))
            fail_msg("%zu: %d after %zu bytes", i, err, fed);
        redis_reader_destroy(reader);
    }
}

static void test_only_the_first_word_of_a_failure_is_shown(void **state)
{
    (void)state;
    static const char text[] =
        "-ERR unknown command 'AUTH', with args beginning with: 'opensesame'\r\n";
    struct redis_reader *reader;
    struct redisReply *reply;
    char failure[REDIS_FAILURE_MAX];
    assert_int_equal(redis_reader_create(&reader), 0);
    assert_int_equal(redis_reader_feed(reader, slice_text(text)), 0);
    assert_int_equal(redis_reader_next(reader, &reply), 0);
    assert_true(redis_reply_failure(reply, failure));
    assert_string_equal(failure, "ERR");
    redis_reply_free(reply);
    redis_reader_destroy(reader);
}

/* ---- the link against a server of ours ---- */

struct fake {
    struct house house;
    uv_pipe_t listener;
    uv_pipe_t *ends[HOUSE_PIPES_MAX];
    unsigned accepted;
    const char *says; /* to everybody, as soon as they are there */
    bool floods;      /* says it again and again */
    struct redis_link *link;
    unsigned ready, down, replies, nothings, words;
    char why[64];
};

static void fake_wrote(uv_write_t *request, int status)
{
    struct fake *fake = ((uv_stream_t *)request->handle)->data;
    uv_stream_t *end = request->handle;
    free(request);
    if (status != 0 || !fake->floods || uv_is_closing((uv_handle_t *)end))
        return;
    uv_write_t *again = malloc(sizeof(*again));
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)fake->says, (unsigned)strlen(fake->says));
    assert_non_null(again);
    if (uv_write(again, end, &buffer, 1, fake_wrote) != 0)
        free(again);
}

static void fake_accept(uv_stream_t *listener, int status)
{
    struct fake *fake = listener->data;
    assert_int_equal(status, 0);
    assert_true(fake->accepted < HOUSE_PIPES_MAX);
    uv_pipe_t *end = calloc(1, sizeof(*end));
    uv_write_t *request = malloc(sizeof(*request));
    assert_non_null(end);
    assert_non_null(request);
    assert_int_equal(uv_pipe_init(&fake->house.loop, end, 0), 0);
    end->data = fake;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)end), 0);
    fake->ends[fake->accepted++] = end;
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)fake->says, (unsigned)strlen(fake->says));
    if (uv_write(request, (uv_stream_t *)end, &buffer, 1, fake_wrote) != 0)
        free(request);
}

static void on_ready(void *ctx)
{
    ((struct fake *)ctx)->ready++;
}

static void on_down(void *ctx, const char *why)
{
    struct fake *fake = ctx;
    fake->down++;
    (void)snprintf(fake->why, sizeof(fake->why), "%s", why);
}

static void on_reply(void *ctx, void *request, const struct redisReply *reply)
{
    struct fake *fake = ctx;
    (void)request;
    fake->replies += reply != NULL;
    fake->nothings += reply == NULL;
}

static void on_word(void *ctx, struct slice word)
{
    (void)word;
    ((struct fake *)ctx)->words++;
}

static void fake_begin(struct fake *fake, const char *says, const char *channel)
{
    struct redis_url url = {.port = 0};
    *fake = (struct fake){.says = says};
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(url.path, sizeof(url.path), "/tmp/rostrum-fake-%d", (int)getpid());
    (void)unlink(url.path);
    assert_int_equal(uv_loop_init(&fake->house.loop), 0);
    assert_int_equal(uv_timer_init(&fake->house.loop, &fake->house.beat), 0);
    assert_int_equal(uv_timer_start(&fake->house.beat, house_beat, 10, 10), 0);
    assert_int_equal(uv_pipe_init(&fake->house.loop, &fake->listener, 0), 0);
    fake->listener.data = fake;
    assert_int_equal(uv_pipe_bind(&fake->listener, url.path), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&fake->listener, 16, fake_accept), 0);
    struct redis_link_params params = {.loop = &fake->house.loop,
                                       .url = &url,
                                       .channel = channel,
                                       .ctx = fake,
                                       .on_ready = on_ready,
                                       .on_down = on_down,
                                       .on_reply = on_reply,
                                       .on_word = on_word};
    assert_int_equal(redis_link_create(&fake->link, &params), 0);
}

static void free_end(uv_handle_t *handle)
{
    free(handle);
}

static void fake_end(struct fake *fake)
{
    fake->floods = false;
    redis_link_destroy(fake->link);
    for (unsigned i = 0; i < fake->accepted; i++)
        uv_close((uv_handle_t *)fake->ends[i], free_end);
    uv_close((uv_handle_t *)&fake->listener, NULL);
    uv_close((uv_handle_t *)&fake->house.beat, NULL);
    (void)uv_run(&fake->house.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fake->house.loop), 0);
}

#define FAKE_UNTIL(fake, condition)                                                                \
    do {                                                                                           \
        uint64_t until_us = clock_now_us() + HOUSE_PATIENCE_MS * 1000u;                            \
        while (!(condition)) {                                                                     \
            if (clock_now_us() > until_us)                                                         \
                fail_msg("not soon: %s", #condition);                                              \
            redis_link_tick((fake)->link, clock_now_us());                                         \
            (void)uv_run(&(fake)->house.loop, UV_RUN_ONCE);                                        \
        }                                                                                          \
    } while (0)

static void test_what_is_no_redis_is_tried_again(void **state)
{
    (void)state;
    static struct fake fake;
    static const char *const says[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n",
                                       "-NOAUTH x\r\n", "*1\r\n:1\r\n", "$-1\r\n"};
    for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
        fake_begin(&fake, says[i], i % 2 == 0 ? NULL : "c");
        FAKE_UNTIL(&fake, fake.accepted >= 3);
        assert_int_equal(fake.ready, 0);
        assert_false(redis_link_is_ready(fake.link));
        FAKE_UNTIL(&fake, redis_link_problem(fake.link)[0] != '\0');
        fake_end(&fake);
    }
}

static void test_an_answer_that_nobody_asked_for_ends_the_connection(void **state)
{
    (void)state;
    static struct fake fake;
    fake_begin(&fake, "+PONG\r\n+OK\r\n", NULL);
    FAKE_UNTIL(&fake, fake.down == 1);
    assert_int_equal(fake.ready, 1);
    assert_string_equal(fake.why, "no_redis");
    fake_end(&fake);
    fake_begin(&fake,
               "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n:1\r\n:1\r\n",
               "c");
    FAKE_UNTIL(&fake, fake.down == 1);
    assert_int_equal(fake.ready, 1);
    assert_int_equal(fake.words, 0);
    fake_end(&fake);
}

static void test_a_request_without_an_answer_is_given_up(void **state)
{
    (void)state;
    static struct fake fake;
    const struct slice ping = slice_text("PING");
    fake_begin(&fake, "+PONG\r\n", NULL);
    assert_int_equal(redis_link_send(fake.link, 1, &ping, NULL), ERR_AGAIN);
    FAKE_UNTIL(&fake, fake.ready == 1);
    for (unsigned i = 0; i < REDIS_REQUESTS_MAX; i++)
        assert_int_equal(redis_link_send(fake.link, 1, &ping, NULL), 0);
    assert_int_equal(redis_link_send(fake.link, 1, &ping, NULL), ERR_FULL);
    FAKE_UNTIL(&fake, fake.down == 1);
    assert_string_equal(fake.why, "no_answer");
    assert_int_equal(fake.nothings, REDIS_REQUESTS_MAX);
    FAKE_UNTIL(&fake, fake.ready == 2);
    fake_end(&fake);
}

static void test_a_flood_of_words_does_not_take_the_loop(void **state)
{
    (void)state;
    static struct fake fake;
    static char flood[64 * 1024];
    static const char word[] = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\nabc\r\n";
    size_t at =
        (size_t)snprintf(flood, sizeof(flood), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    while (at + sizeof(word) < sizeof(flood)) {
        memcpy(flood + at, word, sizeof(word));
        at += sizeof(word) - 1;
    }
    fake_begin(&fake, flood, "c");
    FAKE_UNTIL(&fake, fake.ready == 1);
    FAKE_UNTIL(&fake, fake.words > 100);
    fake.says = word; /* and on and on, between two ticks */
    fake.floods = true;
    unsigned before = fake.words;
    redis_link_tick(fake.link, clock_now_us());
    for (unsigned turns = 0; turns < 200000; turns++)
        (void)uv_run(&fake.house.loop, UV_RUN_NOWAIT);
    assert_true((fake.words - before) * (sizeof(word) - 1) < REDIS_READ_MAX + 64 * 1024);
    fake_end(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_answer_makes_the_reader_grow),
        cmocka_unit_test(test_an_answer_of_any_shape_ends_at_its_bound),
        cmocka_unit_test(test_only_the_first_word_of_a_failure_is_shown),
        cmocka_unit_test(test_what_is_no_redis_is_tried_again),
        cmocka_unit_test(test_an_answer_that_nobody_asked_for_ends_the_connection),
        cmocka_unit_test(test_a_request_without_an_answer_is_given_up),
        cmocka_unit_test(test_a_flood_of_words_does_not_take_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
