#include "tree/redis_claims.h"
#include "tree/redis_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Any bytes of a server, read as answers to anything that is asked. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct cluster_key key = {{1, 2, 3}};
    static const struct claim_batch batch = {.count = 2, .items = {{.slug = "a"}, {.slug = "b"}}};
    struct claim_answer answers[CLAIM_BATCH_MAX];
    struct redis_reader *reader;
    struct redisReply *reply = NULL;
    struct slice text;
    char failure[REDIS_FAILURE_MAX];
    uint64_t bad = 0;
    if (bytes > REDIS_ANSWER_MAX || redis_reader_create(&reader) != 0)
        return 0;
    int err = redis_reader_feed(reader, slice_of(data, bytes));
    while (err == 0 && (err = redis_reader_next(reader, &reply)) == 0 && reply != NULL) {
        if (redis_claims_parse(answers, &batch, &key, reply, &bad) == 0 &&
            answers[0].top_fence > FENCE_MAX)
            abort();
        if (redis_reply_is_subscribed(reply, "c") && redis_reply_word(reply, "c", &text))
            abort();
        (void)redis_reply_failure(reply, failure);
        redis_reply_free(reply);
    }
    redis_reader_destroy(reader);
    return 0;
}
