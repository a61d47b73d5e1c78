#include "signalling/texts.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(LWS_PRE <= TEXT_PRE_BYTES, "libwebsockets writes its frame header in front");

struct text *text_of(json_t *object)
{
    if (object == NULL)
        return NULL;
    size_t bytes = json_dumpb(object, NULL, 0, JSON_COMPACT);
    struct text *text = bytes > 0 ? malloc(sizeof(*text) + TEXT_PRE_BYTES + bytes) : NULL;
    if (text != NULL) {
        text->refs = 1;
        text->bytes = json_dumpb(object, (char *)text->data + TEXT_PRE_BYTES, bytes, JSON_COMPACT);
    }
    json_decref(object);
    return text;
}

struct text *text_ref(struct text *text)
{
    text->refs++;
    return text;
}

void text_unref(struct text *text)
{
    if (text != NULL && --text->refs == 0)
        free(text);
}

json_t *texts_string(const char *raw)
{
    json_t *string = json_string(raw);
    if (string != NULL)
        return string;
    char plain[512];
    snprintf(plain, sizeof(plain), "%s", raw);
    for (char *p = plain; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    return json_string(plain);
}

/* Starts {"type": type, "ref": ref}. */
static json_t *message(const char *type, const char *ref)
{
    json_t *object = json_pack("{s:s}", "type", type);
    if (object != NULL && ref[0] != '\0')
        json_object_set_new(object, "ref", texts_string(ref));
    return object;
}

struct text *text_error(const char *ref, const char *code, const char *message_text,
                        const char *allowed)
{
    json_t *object = message("error", ref);
    json_object_set_new(object, "code", json_string(code));
    json_object_set_new(object, "message", texts_string(message_text));
    if (allowed[0] != '\0')
        json_object_set_new(object, "allowed", texts_string(allowed));
    return text_of(object);
}

struct text *text_answer(const char *ref, const char *sdp, const char *ticket)
{
    json_t *object = message("answer", ref);
    json_object_set_new(object, "sdp", json_string(sdp));
    if (ticket[0] != '\0')
        json_object_set_new(object, "ticket", json_string(ticket));
    return text_of(object);
}

struct text *text_refused(const char *ref, const char *reason, const char *message_text,
                          uint32_t retry_after_ms, const char *name, json_t *value)
{
    json_t *object = message("refused", ref);
    if (value != NULL)
        json_object_set_new(object, name, value);
    json_object_set_new(object, "reason", json_string(reason));
    json_object_set_new(object, "message", texts_string(message_text));
    if (retry_after_ms > 0)
        json_object_set_new(object, "retry_after_ms", json_integer(retry_after_ms));
    return text_of(object);
}

struct text *text_media(const char *state, const char *cause)
{
    json_t *object = message("media", "");
    json_object_set_new(object, "state", json_string(state));
    if (cause[0] != '\0')
        json_object_set_new(object, "cause", texts_string(cause));
    return text_of(object);
}

struct text *text_bye(const char *reason, uint32_t retry_after_ms)
{
    json_t *object = message("bye", "");
    json_object_set_new(object, "reason", json_string(reason));
    if (retry_after_ms > 0)
        json_object_set_new(object, "retry_after_ms", json_integer(retry_after_ms));
    return text_of(object);
}
