/* texts.h - JSON on its way out: a counted, immutable text with room in front for libwebsockets' framing.
 *
 * Owner    shared; each holder has a reference
 * Thread   control (the count is not atomic)
 * Units    bytes
 * Errors   NULL when memory is exhausted; text_unref(NULL) is fine
 * Spec     include/rostrum/protocol.schema.json, $defs/server
 */
#ifndef SIGNALLING_TEXTS_H
#define SIGNALLING_TEXTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_PRE_BYTES = 32 /* LWS_PRE is 16; asserted in texts.c */ };

struct text {
    unsigned refs;
    size_t bytes;
    unsigned char data[]; /* TEXT_PRE_BYTES of room, then `bytes` bytes */
};

/* Takes the object (NULL is fine: gives NULL). Allocates with one reference. */
struct text *text_of(json_t *object);
struct text *text_ref(struct text *text);
void text_unref(struct text *text);

/* A JSON string of what may not be whole UTF-8 (cut, or quoted from a stranger). Never NULL but for memory. */
json_t *texts_string(const char *raw);

/* Messages that need no room. `ref` "" is left out, and so are empty or zero optional fields. Allocate. */
struct text *text_error(const char *ref, const char *code, const char *message,
                        const char *allowed);
struct text *text_answer(const char *ref, const char *sdp, const char *ticket);
struct text *text_refused(const char *ref, const char *reason, const char *message,
                          uint32_t retry_after_ms, const char *name,
                          json_t *value); /* a further field; takes value; NULL: none */
struct text *text_media(const char *state, const char *cause);
struct text *text_bye(const char *reason, uint32_t retry_after_ms);

#endif
