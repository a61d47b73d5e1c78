/* redis_reader.h - hiredis's parser of answers, with bounds: whatever a server sends, little memory is used
 * and nothing is asserted. (hiredis's own asynchronous layer ends the process on an answer that it does not
 * expect, and grows with the answer.)
 *
 * Owner    redis_link; one per connection
 * Thread   any one
 * Units    bytes
 * Errors   ERR_PROTO: no answer of a Redis, or beyond the bounds; the reader is of no more use. ERR_NOMEM
 * Spec     RESP2
 */
#ifndef TREE_REDIS_READER_H
#define TREE_REDIS_READER_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

enum {
    REDIS_ANSWER_MAX = 64 * 1024, /* bytes on the wire of one answer */
    REDIS_ELEMENTS_MAX = 64,      /* of one list in it */
};

struct redis_reader;
struct redisReply;

MUST_CHECK int redis_reader_create(struct redis_reader **out);
void redis_reader_destroy(struct redis_reader *reader); /* NULL is fine */
/* Takes bytes as they come, of at most REDIS_ANSWER_MAX. */
MUST_CHECK int redis_reader_feed(struct redis_reader *reader, struct slice bytes);
/* The next whole answer, or NULL when more bytes are needed; release with redis_reply_free(). */
MUST_CHECK int redis_reader_next(struct redis_reader *reader, struct redisReply **out);
void redis_reply_free(struct redisReply *reply);

/* Of a reply: whether it is a text, and which. */
bool redis_reply_text(const struct redisReply *reply, struct slice *out);
/* Whether it tells that this channel is subscribed to; whether it is a word of this channel, and which. */
bool redis_reply_is_subscribed(const struct redisReply *reply, const char *channel);
bool redis_reply_word(const struct redisReply *reply, const char *channel, struct slice *out);
/* Whether it is a status such as "OK". */
bool redis_reply_is(const struct redisReply *reply, const char *status);
/* The first word of a failure, such as "NOAUTH": what follows may repeat what was asked, with a password. */
enum { REDIS_FAILURE_MAX = 24 };
bool redis_reply_failure(const struct redisReply *reply, char out[REDIS_FAILURE_MAX]);

#endif
