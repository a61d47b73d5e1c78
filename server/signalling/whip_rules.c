#include "signalling/whip_rules.h"

#include <string.h>
#include <strings.h>

bool whip_type_is(const char *content_type, const char *wanted)
{
    size_t chars = strcspn(content_type, "; \t");
    return chars == strlen(wanted) && strncasecmp(content_type, wanted, chars) == 0;
}

/* Clients echo the tag; some leave the quotes out (ours has them), some print "*" in quotes. */
static bool tag_is(const char *if_match, const char *tag)
{
    size_t chars = strlen(tag);
    const char *p = if_match;
    bool quoted = *p == '"';
    p += quoted ? 1 : 0;
    return strncmp(p, tag, chars) == 0 && strcmp(p + chars, quoted ? "\"" : "") == 0;
}

enum whip_patch whip_patch_kind(const char *if_match, const char *tag, bool is_known_ufrag,
                                const struct sdpfrag *fragment)
{
    bool is_any = tag_is(if_match, "*");
    bool has_credentials = fragment->ufrag[0] != '\0' && fragment->pwd[0] != '\0';
    bool is_new = has_credentials && !is_known_ufrag;
    if (if_match[0] == '\0')
        return WHIP_TAG_MISSING;
    if (!is_any && !tag_is(if_match, tag))
        return WHIP_TAG_WRONG;
    if (is_new)
        return WHIP_RESTART;
    /* "*" is for restarts alone, and a fragment must say something. */
    bool says_nothing = fragment->ufrag[0] == '\0' && fragment->candidates.count == 0 &&
                        !fragment->end_of_candidates;
    return is_any || says_nothing ? WHIP_PATCH_UNKNOWN : WHIP_TRICKLE;
}
