#include "signalling/refusals.h"

#include "signalling/views.h"

enum { RETRY_AFTER_MS = 5000 };

const char *refusal_word(enum refusal_reason reason)
{
    switch (reason) {
    case REFUSAL_NONE:
        break;
    case REFUSAL_BAD_SDP:
        return "bad_sdp";
    case REFUSAL_BANNED:
        return "banned";
    case REFUSAL_ELSEWHERE:
        return "elsewhere";
    case REFUSAL_LINE:
        return "line";
    case REFUSAL_FULL:
        return "full";
    case REFUSAL_TOO_MANY_HERE:
        return "too_many_here";
    case REFUSAL_NOT_OPEN:
        return "not_open";
    case REFUSAL_OVER:
        return "over";
    case REFUSAL_TOO_MANY_HOSTS:
        return "too_many_hosts";
    case REFUSAL_CONSENT_FIRST:
        return "consent_first";
    case REFUSAL_OVERLOAD:
        return "overload";
    case REFUSAL_CLOSING:
        return "closing";
    }
    return "internal";
}

static unsigned status_of(int err, enum refusal_reason reason)
{
    switch (reason) {
    case REFUSAL_NONE:
        break;
    case REFUSAL_BAD_SDP:
        return err == ERR_UNSUPPORTED ? 422 : 400;
    case REFUSAL_ELSEWHERE:
        return 307;
    case REFUSAL_BANNED:
    case REFUSAL_CONSENT_FIRST:
        return 403;
    case REFUSAL_NOT_OPEN:
    case REFUSAL_OVER:
    case REFUSAL_TOO_MANY_HOSTS:
        return 409;
    case REFUSAL_TOO_MANY_HERE:
        return 429;
    case REFUSAL_LINE:
    case REFUSAL_FULL:
    case REFUSAL_OVERLOAD:
    case REFUSAL_CLOSING:
        return 503;
    }
    return 500;
}

/* A place in line, for players that can do more with it than to come again. */
static json_t *line_of(const struct refusal *refusal)
{
    if (refusal->reason != REFUSAL_LINE)
        return NULL;
    return json_pack("{s:o, s:I}", "line", view_line(&refusal->standing), "retry_after_ms",
                     (json_int_t)refusal->retry_after_ms);
}

void reply_refusal(struct request *request, int err, const struct refusal *refusal)
{
    unsigned status = status_of(err, refusal->reason);
    uint32_t retry_after_ms = refusal->retry_after_ms;
    if (retry_after_ms == 0 && status == 503)
        retry_after_ms = RETRY_AFTER_MS;
    if (refusal->reason == REFUSAL_ELSEWHERE)
        reply_header(request, "Location", "%s%s", refusal->elsewhere.url, request->path);
    if (retry_after_ms > 0)
        reply_header(request, "Retry-After", "%u", (unsigned)((retry_after_ms + 999) / 1000));
    reply_problem_with(request, status, refusal_word(refusal->reason), refusal->allowed,
                       refusal->message[0] != '\0' ? refusal->message : "The connection failed.",
                       line_of(refusal));
}
