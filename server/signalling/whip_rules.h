/* whip_rules.h - what a WHIP or WHEP request means, decided from its fields alone. Pure.
 *
 * Owner    values
 * Thread   any
 * Units    none
 * Errors   none
 * Spec     RFC 9725 sections 4.3.1 to 4.3.3, 4.5; draft-ietf-wish-whep-03
 */
#ifndef SIGNALLING_WHIP_RULES_H
#define SIGNALLING_WHIP_RULES_H

#include "rostrum/sdp.h"

#include <stdbool.h>

/* True if the media type is `wanted`, whatever its parameters (";charset=utf-8") and case. */
bool whip_type_is(const char *content_type, const char *wanted);

enum whip_patch {
    WHIP_TRICKLE,       /* 204 */
    WHIP_RESTART,       /* 200 */
    WHIP_TAG_MISSING,   /* 428 */
    WHIP_TAG_WRONG,     /* 412 */
    WHIP_PATCH_UNKNOWN, /* 422 */
};

/* if_match: the field's value, "" when absent. tag: the present ICE session's, without quotes.
 * is_known_ufrag: the fragment's is the client's of that session. */
enum whip_patch whip_patch_kind(const char *if_match, const char *tag, bool is_known_ufrag,
                                const struct sdpfrag *fragment);

#endif
