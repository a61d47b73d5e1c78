/* stun.h - STUN binding messages as ICE uses them: parse, check, write.
 *
 * Owner    values; slices in stun_msg are borrowed from the packet
 * Thread   any
 * Units    bytes; error codes are numbers such as 487
 * Errors   0 or a negative ERR_*; outputs are written only on success
 * Spec     RFC 8489 (STUN), RFC 8445 section 7 (ICE attributes), RFC 5769 (test vectors)
 *
 * Tolerant on purpose: some senders leave out PRIORITY, ICE-CONTROLLING and XOR-MAPPED-ADDRESS, so
 * each has its has_ flag. Attributes behind MESSAGE-INTEGRITY are ignored, except FINGERPRINT.
 */
#ifndef ROSTRUM_STUN_H
#define ROSTRUM_STUN_H

#include "base/address.h"
#include "rostrum/cursor.h"
#include "rostrum/error.h"

enum {
    STUN_HEADER_BYTES = 20,   /* RFC 8489 section 5 */
    STUN_TXID_BYTES = 12,     /* RFC 8489 section 5 */
    STUN_USERNAME_MAX = 513,  /* RFC 8489 section 14.3: less than 509 bytes; 513 in RFC 5389 */
    STUN_UNKNOWN_MAX = 8,     /* unknown attributes that we report back at most */
    STUN_ATTRIBUTES_MAX = 32, /* more are an error: nobody needs them */
    STUN_MESSAGE_MAX = 1024,  /* longer than any message that we write */
    STUN_BINDING = 0x001      /* RFC 8489 section 18.2: the only method ICE uses */
};
#define STUN_COOKIE 0x2112A442u /* RFC 8489 section 5 */

/* RFC 8445 section 7.3.1.1, RFC 8489 section 14.8 */
enum stun_code {
    STUN_BAD_REQUEST = 400,
    STUN_UNAUTHENTICATED = 401,
    STUN_UNKNOWN_ATTRIBUTE = 420,
    STUN_ROLE_CONFLICT = 487,
    STUN_SERVER_ERROR = 500
};

/* RFC 8489 section 5: the two class bits */
enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

struct stun_msg {
    enum stun_class class;
    uint16_t method;
    uint8_t txid[STUN_TXID_BYTES];
    struct slice username; /* borrowed from the packet; empty when absent */
    bool use_candidate;
    bool has_priority;
    uint32_t priority;
    bool has_controlling;
    bool has_controlled;
    uint64_t tie_breaker; /* of either role attribute */
    bool has_mapped;
    struct address mapped;  /* XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS when only that is there */
    uint16_t error_code;    /* 300..699; 0 when absent */
    unsigned unknown_count; /* comprehension-required attributes that we do not know (first ones) */
    uint16_t unknown[STUN_UNKNOWN_MAX];
    bool has_integrity;
    size_t integrity_at;  /* offset of the MESSAGE-INTEGRITY attribute in the packet */
    bool has_fingerprint; /* always the last attribute; checked by stun_check_fingerprint() */
};

/* Quick look at header and cookie (RFC 8489 section 6.3): not yet a valid message. */
bool stun_is(struct slice packet);
/* Borrows from packet. ERR_PROTO: malformed. Unknown attributes are no error here: answer 420. */
MUST_CHECK int stun_parse(struct stun_msg *out, struct slice packet);
/* `packet` is what msg was parsed from, `key` the short-term password (as it stands: ice-chars need
 * no preparation). ERR_AUTH: absent or wrong. Compares in constant time. */
MUST_CHECK int stun_check_integrity(const struct stun_msg *msg, struct slice packet,
                                    struct slice key);
/* ERR_PROTO: absent or wrong. */
MUST_CHECK int stun_check_fingerprint(const struct stun_msg *msg, struct slice packet);
/* Splits "ours:theirs" of USERNAME (RFC 8445 section 7.2.2). ERR_PROTO: no colon, or an empty part.
 */
MUST_CHECK int stun_split_username(struct slice username, struct slice *ours, struct slice *theirs);

struct stun_request {
    uint8_t txid[STUN_TXID_BYTES];
    struct slice username; /* "theirs:ours", 1..STUN_USERNAME_MAX bytes */
    uint32_t priority;     /* 0 leaves the attribute out */
    bool controlling;      /* else controlled */
    uint64_t tie_breaker;
    bool use_candidate;
};

/* The writers append one message with MESSAGE-INTEGRITY and FINGERPRINT to `out`; its bytes are
 * those added to out->at. ERR_INVAL, ERR_FULL: out->at is as before. */
MUST_CHECK int stun_write_request(const struct stun_request *request, struct slice key,
                                  struct writer *out);
MUST_CHECK int stun_write_success(const uint8_t txid[STUN_TXID_BYTES], const struct address *mapped,
                                  struct slice key, struct writer *out);
/* `request` names the transaction and, for 420, the unknown attributes. An empty key leaves
 * MESSAGE-INTEGRITY out (400 and 401 come before anybody is known, RFC 8489 section 9.1.3). */
MUST_CHECK int stun_write_error(const struct stun_msg *request, enum stun_code code,
                                struct slice key, struct writer *out);

#endif
