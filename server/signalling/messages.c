#include "signalling/messages.h"

#include "signalling/strict_json.h"

#include <stdio.h>
#include <string.h>

enum {
    SDP_CHARS_MAX = 14336,
    WORDING_CHARS_MAX = 32,
    REF_CHARS_MAX = 32,
    REGION_CHARS_MAX = 32,
    FIELDS_MAX = 7,
};

static const char *const type_names[] = {"hello", "consent", "offer", "mute",
                                         "steer", "remove",  "leave", NULL};

/* In the order of enum message_type. */
static const char *const fields[][FIELDS_MAX] = {
    {"type", "ref", "room", "as", "token", "region", NULL},
    {"type", "ref", "wording", NULL},
    {"type", "ref", "sdp", NULL},
    {"type", "ref", "host", "muted", NULL},
    {"type", "ref", "action", NULL},
    {"type", "ref", "host", NULL},
    {"type", "ref", NULL},
};

static const char *const action_names[] = {"open", "live", "end", "cancel", NULL};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool slug_is_well_formed(const char *slug)
{
    unsigned chars = 0; /* hyphens stand between two of them and are not counted */
    for (const char *p = slug; *p != '\0'; p++) {
        if (is_name_char(*p))
            chars++;
        else if (*p != '-' || p == slug || !is_name_char(p[1]) || p[-1] == '-')
            return false;
    }
    return chars >= 1 && chars <= 63;
}

bool region_is_well_formed(const char *region)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t chars = strspn(region, allowed);
    return chars >= 1 && chars <= REGION_CHARS_MAX && region[chars] == '\0';
}

static int fail(struct message_problem *problem, const char *code, const char *text,
                const char *allowed)
{
    problem->code = code;
    snprintf(problem->text, sizeof(problem->text), "%s", text);
    snprintf(problem->allowed, sizeof(problem->allowed), "%s", allowed);
    return ERR_PROTO;
}

static int bad_field(struct message_problem *problem, const char *field, const char *allowed)
{
    char text[MESSAGE_TEXT_MAX];
    snprintf(text, sizeof(text), "The field '%s' is missing or not as it must be.", field);
    return fail(problem, "bad_field", text, allowed);
}

static const char *text_field(const json_t *object, const char *name, size_t chars_max)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value) || json_string_length(value) == 0)
        return NULL;
    return strict_json_chars(value) <= chars_max ? json_string_value(value) : NULL;
}

static int find(const char *const *names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++)
        if (name != NULL && strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static int read_ref(struct message *out, const json_t *object, struct message_problem *problem)
{
    const json_t *ref = json_object_get(object, "ref");
    if (ref == NULL)
        return 0;
    if (!json_is_string(ref) || strict_json_chars(ref) > REF_CHARS_MAX)
        return bad_field(problem, "ref", "a string of at most 32 characters");
    snprintf(out->ref, sizeof(out->ref), "%s", json_string_value(ref));
    return 0;
}

static int read_host(struct message *out, const json_t *object, struct message_problem *problem)
{
    json_int_t host;
    if (!strict_json_integer(json_object_get(object, "host"), &host) || host < 1 ||
        host > INT32_MAX)
        return bad_field(problem, "host", "a host's number of the roster, 1 to 2147483647");
    out->host = (uint32_t)host;
    out->has_host = true;
    return 0;
}

static int read_hello(struct message *out, const json_t *object, struct message_problem *problem)
{
    out->room = text_field(object, "room", 128);
    if (out->room == NULL || !slug_is_well_formed(out->room))
        return bad_field(problem, "room",
                         "a room's short name: a-z, 0-9, single hyphens between them");
    const char *as = text_field(object, "as", 16);
    if (as == NULL || (strcmp(as, "host") != 0 && strcmp(as, "listener") != 0))
        return bad_field(problem, "as", "'listener' or 'host'");
    out->as_host = strcmp(as, "host") == 0;
    const json_t *token = json_object_get(object, "token");
    if (token != NULL && !json_is_string(token))
        return bad_field(problem, "token", "the invitation's token, a string");
    out->token = json_string_value(token);
    const json_t *region = json_object_get(object, "region");
    out->region = json_string_value(region);
    if (region != NULL && (out->region == NULL || !region_is_well_formed(out->region)))
        return bad_field(problem, "region", "1 to 32 letters, digits and '-'");
    if (out->as_host && out->token == NULL)
        return bad_field(problem, "token", "the invitation's token, which a host must send");
    return 0;
}

static int read_offer(struct message *out, const json_t *object, struct message_problem *problem)
{
    const char *sdp = text_field(object, "sdp", SDP_CHARS_MAX);
    if (sdp == NULL)
        return bad_field(problem, "sdp", "an SDP offer of 1 to 14336 characters");
    out->sdp = slice_text(sdp);
    return 0;
}

static int read_mute(struct message *out, const json_t *object, struct message_problem *problem)
{
    const json_t *muted = json_object_get(object, "muted");
    if (!json_is_boolean(muted))
        return bad_field(problem, "muted", "true or false");
    out->muted = json_is_true(muted);
    return json_object_get(object, "host") != NULL ? read_host(out, object, problem) : 0;
}

static int read_body(struct message *out, const json_t *object, struct message_problem *problem)
{
    switch (out->type) {
    case MESSAGE_HELLO:
        return read_hello(out, object, problem);
    case MESSAGE_CONSENT:
        out->wording = text_field(object, "wording", WORDING_CHARS_MAX);
        if (out->wording == NULL)
            return bad_field(problem, "wording", "the name of the wording in `welcome`");
        return 0;
    case MESSAGE_OFFER:
        return read_offer(out, object, problem);
    case MESSAGE_MUTE:
        return read_mute(out, object, problem);
    case MESSAGE_STEER:
        out->action = text_field(object, "action", 16);
        if (find(action_names, out->action) < 0)
            return bad_field(problem, "action", "open, live, end or cancel");
        return 0;
    case MESSAGE_REMOVE:
        return read_host(out, object, problem);
    case MESSAGE_LEAVE:
        return 0;
    }
    return ERR_INVAL;
}

int message_parse(struct message *out, struct slice text, struct message_problem *problem)
{
    *out = (struct message){0};
    *problem = (struct message_problem){.code = "bad_json"};
    char reason[STRICT_JSON_PROBLEM_MAX];
    json_t *object;
    if (strict_json_read(&object, text, reason) != 0)
        return fail(problem, "bad_json", reason,
                    "one JSON object per message, at most 16384 bytes");
    out->object = object;
    int err = read_ref(out, object, problem);
    if (err != 0)
        return err;
    char allowed[MESSAGE_TEXT_MAX];
    int type = find(type_names, json_string_value(json_object_get(object, "type")));
    if (type < 0) {
        strict_json_list(allowed, sizeof(allowed), type_names);
        return fail(problem, "unknown_type", "The field 'type' names no message that we know.",
                    allowed);
    }
    out->type = (enum message_type)type;
    const char *unknown = strict_json_unknown_field(object, fields[type]);
    if (unknown != NULL) {
        char sentence[MESSAGE_TEXT_MAX];
        snprintf(sentence, sizeof(sentence), "A '%s' has no field '%.64s'.", type_names[type],
                 unknown);
        strict_json_list(allowed, sizeof(allowed), fields[type]);
        return fail(problem, "unknown_field", sentence, allowed);
    }
    return read_body(out, object, problem);
}

void message_clear(struct message *message)
{
    json_decref(message->object);
    *message = (struct message){0};
}
