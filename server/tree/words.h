/* words.h - what two nodes say to each other over a link, about one room at a time.
 *
 *     every word   kind(8)  slug: length(8)...  then of each kind:
 *     REPORT   region: length(8)...  seats(32) seats_free(32) joins_per_s(32) egress_bps(64)
 *              egress_max_bps(64) load_permille(32) is_draining(8)  grant(32) seats(32) seated(32)
 *              connected(32) hearing(32) turned_away(64) place(32) level(8) parent: length(8)...
 *              children(32) is_hearing(8)
 *     LEAVE    nothing
 *     ROOM     state(8) mode(8) stereo(8) start_ms(64) live_ms(64) ended_ms(64) json: length(16)...
 *     NEWS     kind(8) json: length(16)...
 *     PLACE    number(32) level(8) count(8), of each: id: length(8)... url: length(8)...
 *     GRANT    number(32) seats(32) takes_newcomers(8)
 *     OVER     reason(8)
 *     OFFER    ask(32) level(8) ufrag: length(8)... pwd: length(8)... fingerprint(256)
 *     ANSWER   ask(32) ufrag: length(8)... pwd: length(8)... fingerprint(256) ssrc(32) opus_type(8)
 *              red_type(8) count(8), of each: address(128) port(16)
 *     DECLINE  ask(32) reason(8)
 *     BYE      ask(32)
 *     BAN      network(64) is_lifted(8)
 *
 * Who knows the secret may still be broken: each field is checked, nothing may be missing or too much, and
 * what is read is exactly what word_write() would write.
 *
 * Owner    values; slices are lent from the bytes that were read, or by who writes
 * Thread   any; no allocation
 * Units    numbers in network byte order; times are wall clock, 0: none
 * Errors   as named
 * Spec     none
 */
#ifndef TREE_WORDS_H
#define TREE_WORDS_H

#include "base/address.h"
#include "base/mode.h"
#include "base/slug.h"
#include "rostrum/cursor.h"
#include "rostrum/error.h"
#include "tree/node.h"
#include "tree/placement.h"

enum {
    WORD_ROOM_JSON_MAX = 32000,
    WORD_NEWS_JSON_MAX = 60000,
    WORD_BYTES_MAX = 1 + 1 + SLUG_MAX + 1 + 2 + WORD_NEWS_JSON_MAX, /* the longest: news */
    WORD_CANDIDATES_MAX = 16,
    WORD_FINGERPRINT_BYTES = 32, /* SHA-256 */
    WORD_UFRAG_MIN = 4,          /* RFC 8839 section 5.4, as the next */
    WORD_PWD_MIN = 22,
    WORD_LEVEL_NONE = 0xFF,
};

enum word_kind {
    WORD_REPORT =
        1,        /* relay to origin, every second and at each change; the first one: it wants to */
    WORD_LEAVE,   /* relay to origin: carries the room no more */
    WORD_ROOM,    /* origin to relay: the room as listeners see it */
    WORD_NEWS,    /* origin to relay: a message for all listeners */
    WORD_PLACE,   /* origin to relay: its parents, the first to be used */
    WORD_GRANT,   /* origin to relay: its block of seats */
    WORD_OVER,    /* origin to relay: let go of the room */
    WORD_OFFER,   /* relay to parent: feed me */
    WORD_ANSWER,  /* parent to relay */
    WORD_DECLINE, /* parent to relay */
    WORD_BYE,     /* either: that media connection ends */
    WORD_BAN,     /* origin to relay: a network is excluded, or no longer */
};

/* Of a kind other than OTHER only the latest counts. */
enum word_news { WORD_NEWS_AUDIENCE = 1, WORD_NEWS_OTHER };

enum word_over { WORD_OVER_NOT_ORIGIN = 1, WORD_OVER_NOT_WANTED };

enum word_decline {
    WORD_DECLINE_NOT_CARRIED = 1,
    WORD_DECLINE_FULL,
    WORD_DECLINE_LEVEL, /* the asker's is not above ours */
    WORD_DECLINE_NOT_HEARING,
    WORD_DECLINE_BUSY,
    WORD_DECLINE_DRAINING,
};

struct word_report {
    struct node_view view; /* id and url are "": the link and the directory have them */
    uint32_t grant;        /* number of the last GRANT applied; 0: none */
    uint32_t seats;        /* the block in force: what it will not exceed */
    uint32_t seated, connected, hearing; /* of this room, here, without relays */
    uint64_t turned_away;
    uint32_t place;               /* number of the last PLACE applied; 0: none */
    uint8_t level;                /* 1..TREE_DEPTH_MAX; WORD_LEVEL_NONE */
    char parent[NODE_ID_MAX + 1]; /* "": none */
    uint32_t children;
    bool is_hearing;
};

struct word_room {
    uint8_t state;  /* enum room_state, which this folder does not know: the reader checks it */
    enum mode mode; /* what the room asks for */
    bool is_stereo;
    int64_t start_ms, live_ms, ended_ms; /* 0 or more */
    struct slice json;                   /* `welcome.room`; 1..WORD_ROOM_JSON_MAX bytes of UTF-8 */
};

struct word_message {
    enum word_news kind;
    struct slice json; /* 1..WORD_NEWS_JSON_MAX bytes of UTF-8 */
};

struct word_parent {
    char id[NODE_ID_MAX + 1];
    char url[NODE_URL_MAX + 1];
};

struct word_place {
    uint32_t number;
    uint8_t level;  /* 1..TREE_DEPTH_MAX */
    unsigned count; /* 1..TREE_PARENTS_MAX */
    struct word_parent parents[TREE_PARENTS_MAX];
};

struct word_grant {
    uint32_t number, seats;
    bool takes_newcomers;
};

struct word_offer {
    uint32_t ask;            /* number of this try */
    uint8_t level;           /* the asker's, 1..TREE_DEPTH_MAX */
    struct slice ufrag, pwd; /* at least WORD_UFRAG_MIN and WORD_PWD_MIN ice-chars, at most 255 */
    uint8_t fingerprint[WORD_FINGERPRINT_BYTES];
};

struct word_answer {
    uint32_t ask;
    struct slice ufrag, pwd; /* as in the offer */
    uint8_t fingerprint[WORD_FINGERPRINT_BYTES];
    uint32_t ssrc;
    uint8_t opus_type, red_type;                    /* at most 127; red_type 0: no RED */
    unsigned candidate_count;                       /* 1..WORD_CANDIDATES_MAX */
    struct address candidates[WORD_CANDIDATES_MAX]; /* no port is 0 */
};

/* All of them are told before the first ROOM over a link, and begin with one that lifts all. */
struct word_ban {
    uint64_t network; /* address_network(); 0, and lifted: all of them are */
    bool is_lifted;
};

struct word {
    enum word_kind kind;
    char slug[SLUG_MAX + 1];
    union {
        struct word_report report;
        struct word_room room;
        struct word_message news;
        struct word_place place;
        struct word_grant grant;
        enum word_over over;
        struct word_offer offer;
        struct word_answer answer;
        struct {
            uint32_t ask;
            enum word_decline reason;
        } decline;
        struct {
            uint32_t ask;
        } bye;
        struct word_ban ban;
    };
};

/* Appends. ERR_FULL: no room. ERR_INVAL: a field out of its range. Nothing is written then. */
MUST_CHECK int word_write(struct writer *out, const struct word *word);
/* ERR_PROTO: not exactly one word as above. */
MUST_CHECK int word_read(struct word *out, struct slice bytes);
/* "report", "leave", ...; lends a constant. */
const char *word_kind_name(enum word_kind kind);

#endif
