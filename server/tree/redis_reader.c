#include "tree/redis_reader.h"

#include "rostrum/cursor.h"

#include <stdlib.h>

#include <hiredis/hiredis.h>

struct redis_reader {
    redisReader *parser; /* owned */
    size_t unfinished;   /* bytes since the last whole answer */
#if HIREDIS_MAJOR < 1
    redisReplyObjectFunctions functions;
#endif
};

/* hiredis sets memory aside for a list as soon as it reads how long it is to be. */
#if HIREDIS_MAJOR < 1
static void *(*make_list)(const redisReadTask *task, int elements);

static void *make_bounded_list(const redisReadTask *task, int elements)
{
    bool is_bounded = elements >= 0 && elements <= REDIS_ELEMENTS_MAX;
    return is_bounded ? make_list(task, elements) : NULL;
}

static void bound_lists(struct redis_reader *reader)
{
    reader->functions = *reader->parser->fn;
    make_list = reader->functions.createArray; /* the same for all readers */
    reader->functions.createArray = make_bounded_list;
    reader->parser->fn = &reader->functions;
}
#else
static void bound_lists(struct redis_reader *reader)
{
    reader->parser->maxelements = REDIS_ELEMENTS_MAX;
}
#endif

int redis_reader_create(struct redis_reader **out)
{
    struct redis_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return ERR_NOMEM;
    reader->parser = redisReaderCreate();
    if (reader->parser == NULL) {
        free(reader);
        return ERR_NOMEM;
    }
    bound_lists(reader);
    *out = reader;
    return 0;
}

void redis_reader_destroy(struct redis_reader *reader)
{
    if (reader == NULL)
        return;
    redisReaderFree(reader->parser);
    free(reader);
}

int redis_reader_feed(struct redis_reader *reader, struct slice bytes)
{
    reader->unfinished += bytes.bytes;
    if (redisReaderFeed(reader->parser, (const char *)bytes.data, bytes.bytes) != REDIS_OK)
        return ERR_NOMEM;
    return 0;
}

int redis_reader_next(struct redis_reader *reader, struct redisReply **out)
{
    void *reply = NULL;
    *out = NULL;
    if (redisReaderGetReply(reader->parser, &reply) != REDIS_OK)
        return ERR_PROTO;
    *out = reply;
    if (reply != NULL)
        reader->unfinished = reader->parser->len - reader->parser->pos;
    return reply == NULL && reader->unfinished > REDIS_ANSWER_MAX ? ERR_PROTO : 0;
}

void redis_reply_free(struct redisReply *reply)
{
    if (reply != NULL)
        freeReplyObject(reply);
}

bool redis_reply_text(const struct redisReply *reply, struct slice *out)
{
    if (reply == NULL || reply->type != REDIS_REPLY_STRING || reply->str == NULL)
        return false;
    *out = slice_of(reply->str, (size_t)reply->len);
    return true;
}

/* [kind, channel, something] */
static bool is_of_channel(const struct redisReply *reply, const char *kind, const char *channel)
{
    struct slice text;
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
           redis_reply_text(reply->element[0], &text) && slice_is(text, kind) &&
           redis_reply_text(reply->element[1], &text) && slice_is(text, channel);
}

bool redis_reply_is_subscribed(const struct redisReply *reply, const char *channel)
{
    return is_of_channel(reply, "subscribe", channel);
}

bool redis_reply_word(const struct redisReply *reply, const char *channel, struct slice *out)
{
    return is_of_channel(reply, "message", channel) && redis_reply_text(reply->element[2], out);
}

bool redis_reply_is(const struct redisReply *reply, const char *status)
{
    return reply != NULL && reply->type == REDIS_REPLY_STATUS &&
           slice_is(slice_of(reply->str, (size_t)reply->len), status);
}

bool redis_reply_failure(const struct redisReply *reply, char out[REDIS_FAILURE_MAX])
{
    if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
        return false;
    struct cursor c = cursor_of(slice_of(reply->str, (size_t)reply->len));
    struct slice word = cursor_until(&c, ' ');
    size_t chars = 0;
    for (struct cursor w = cursor_of(word); cursor_left(&w) > 0 && chars < REDIS_FAILURE_MAX - 1;) {
        uint8_t byte = cursor_u8(&w);
        out[chars++] = byte >= 'A' && byte <= 'Z' ? (char)byte : '_';
    }
    out[chars] = '\0';
    return true;
}
