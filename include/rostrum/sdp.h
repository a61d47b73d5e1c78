/* sdp.h - session descriptions: parse offers and answers, choose what we serve, write our own.
 *
 * Owner    values. Slices in sdp_session are borrowed from the parsed text; sdp_choice copies all
 * Thread   any
 * Units    ptime in ms, rates in Hz and bit/s
 * Errors   0 or a negative ERR_*; sdp_error says which line is wrong, why, and what is allowed
 * Spec     RFC 8866 (SDP), RFC 8839 (ICE), RFC 8842 (DTLS), RFC 8122 (fingerprint), RFC 9143
 * (BUNDLE), RFC 7587 (Opus), RFC 8829 (JSEP), RFC 8840 (trickle), RFC 9725 (WHIP)
 *
 * The way through: sdp_parse(offer) -> sdp_select() -> sdp_write_answer(). As a client:
 * sdp_write_offer() -> sdp_parse(answer) -> sdp_select().
 */
#ifndef ROSTRUM_SDP_H
#define ROSTRUM_SDP_H

#include "base/address.h"
#include "rostrum/cursor.h"
#include "rostrum/error.h"

enum {
    SDP_BYTES_MAX = 16384,
    SDP_LINES_MAX = 500, /* a browser with audio and video offers 200 to 300 */
    SDP_SECTIONS_MAX = 16,
    SDP_CODECS_MAX = 32,     /* of an audio section; others' codecs are not looked at */
    SDP_EXTMAPS_MAX = 32,    /* of an audio section */
    SDP_CANDIDATES_MAX = 32, /* usable ones per section; later ones are left out */
    SDP_MID_MAX = 32,
    SDP_UFRAG_MAX = 256,      /* RFC 8839 section 5.4: 4..256 ice-chars */
    SDP_PWD_MAX = 256,        /* RFC 8839 section 5.4: 22..256 ice-chars */
    SDP_FINGERPRINT_MAX = 64, /* bytes of a SHA-512 */
    SDP_ERROR_TEXT_MAX = 160
};

struct sdp_error {
    unsigned line; /* 1-based; 0: the text as a whole */
    char text[SDP_ERROR_TEXT_MAX];
};

enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_APPLICATION, SDP_OTHER };
enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE, SDP_HOLDCONN };
enum sdp_hash { SDP_HASH_NONE, SDP_SHA256, SDP_SHA384, SDP_SHA512, SDP_HASH_UNKNOWN };

struct sdp_fingerprint {
    enum sdp_hash hash; /* the strongest known one of several */
    uint8_t bytes;      /* 32, 48 or 64 */
    uint8_t digest[SDP_FINGERPRINT_MAX];
};

struct sdp_candidate {
    uint32_t priority;
    struct address address;
};

struct sdp_candidates {
    unsigned count; /* UDP, component 1, numeric address; mDNS names and TCP are skipped silently */
    struct sdp_candidate list[SDP_CANDIDATES_MAX];
};

struct sdp_codec {
    uint8_t payload_type; /* 0..127 */
    uint8_t channels;     /* 1 when not given */
    uint32_t clock_hz;
    struct slice name; /* as written; compare with slice_is_nocase() */
    struct slice fmtp; /* parameters behind the payload type; empty when absent */
    bool nack;         /* a=rtcp-fb:PT nack (or *) */
};

struct sdp_extmap {
    uint8_t id; /* 1..255 */
    struct slice uri;
};

/* What may stand at session level and is inherited by every section. */
struct sdp_transport {
    struct slice ufrag; /* empty when absent */
    struct slice pwd;
    struct sdp_fingerprint fingerprint;
    enum sdp_setup setup;
    bool has_direction;
    enum sdp_direction direction; /* SDP_SENDRECV when not given */
};

struct sdp_section {
    unsigned line; /* where its m= stands */
    enum sdp_kind kind;
    struct slice media;    /* "audio" */
    uint16_t port;         /* 0: rejected or bundle-only */
    struct slice protocol; /* "UDP/TLS/RTP/SAVPF" */
    struct slice formats;  /* "111 63 9" as written */
    struct slice mid;      /* empty when absent */
    struct sdp_transport transport;
    bool bundle_only;
    bool rtcp_mux;
    bool rtcp_rsize;
    bool end_of_candidates;
    bool has_ssrc;
    uint32_t ssrc;     /* the first one named */
    unsigned ptime_ms; /* 0: not given */
    struct slice msid;
    struct sdp_candidates candidates;
    unsigned codec_count; /* in the order of the m= line; audio sections only */
    struct sdp_codec codecs[SDP_CODECS_MAX];
    unsigned extmap_count; /* audio sections only */
    struct sdp_extmap extmaps[SDP_EXTMAPS_MAX];
};

/* About 52 KiB: keep it off small stacks. */
struct sdp_session {
    bool ice_lite;
    bool has_bundle;
    struct slice bundle; /* mids of the first BUNDLE group, as written; may name absent ones */
    struct sdp_transport transport;
    unsigned section_count;
    struct sdp_section sections[SDP_SECTIONS_MAX];
};

/* Borrows from text, which needs no terminating zero. Lines end in CRLF or LF. ERR_PROTO with
 * *error. */
MUST_CHECK int sdp_parse(struct sdp_session *out, struct slice text, struct sdp_error *error);

/* What the other side must be willing to do; or-ed. */
enum sdp_want { SDP_PEER_SENDS = 1, SDP_PEER_RECEIVES = 2 };

/* The one audio section we serve, copied out: a self-contained value. */
struct sdp_choice {
    unsigned section; /* index in the session */
    bool ice_lite;    /* the peer's, for our client role */
    char mid[SDP_MID_MAX + 1];
    char ufrag[SDP_UFRAG_MAX + 1];
    char pwd[SDP_PWD_MAX + 1];
    struct sdp_fingerprint fingerprint;
    enum sdp_setup setup;         /* SDP_ACTPASS, SDP_ACTIVE or SDP_PASSIVE */
    enum sdp_direction direction; /* the peer's */
    bool rtcp_rsize;
    uint8_t opus_payload_type;
    bool opus_stereo; /* the peer wishes to receive stereo (stereo=1) */
    bool opus_nack;
    bool has_red;
    bool red_first; /* the peer lists RED before Opus */
    uint8_t red_payload_type;
    uint8_t audio_level_id; /* header extension ids; 0: not offered */
    uint8_t mid_id;
    unsigned ptime_ms; /* 0: not given */
    bool has_ssrc;
    uint32_t ssrc;
    bool end_of_candidates;
    struct sdp_candidates candidates;
};

/* Chooses the first audio section that fits. want: SDP_PEER_SENDS | SDP_PEER_RECEIVES, or 0 for any
 * but inactive. ERR_UNSUPPORTED with *error: nothing that we can serve, the reason said. */
MUST_CHECK int sdp_select(const struct sdp_session *session, unsigned want, struct sdp_choice *out,
                          struct sdp_error *error);

/* Our side, in answers and offers. Pointers are borrowed for the call. */
struct sdp_local {
    uint64_t session_id; /* of the o= line; below 2^62 */
    enum sdp_direction direction;
    enum sdp_setup setup; /* answer: SDP_PASSIVE or SDP_ACTIVE; offer: SDP_ACTPASS as a rule */
    bool ice_lite;
    const char *ufrag;
    const char *pwd;
    struct sdp_fingerprint fingerprint;
    const struct address *candidates; /* first the one that simple clients shall take (IPv4) */
    size_t candidate_count;
    const char *cname; /* with ssrc and msid when we send; NULL when we do not */
    uint32_t ssrc;
    const char *stream_id; /* msid */
    const char *track_id;
    bool nack;      /* answer: only if offered */
    bool red;       /* answer: only if offered */
    bool red_first; /* ask the peer to send RED by listing it first */
    bool stereo;    /* the program is stereo; answer: written only if the offer has stereo=1 */
    unsigned max_average_bitrate_bps; /* asked of a sending peer, 6000..510000; 0: not asked */
};

/* Append the text to `out`; a terminating zero follows, not counted in out->at.
 * ERR_FULL, ERR_INVAL: out->at is as before. */
/* `choice` was selected from `offer`; its section is answered, all others get port 0. */
MUST_CHECK int sdp_write_answer(const struct sdp_session *offer, const struct sdp_choice *choice,
                                const struct sdp_local *local, struct writer *out);
/* One audio section, mid 0, Opus 111 and, if wanted, RED 63. */
MUST_CHECK int sdp_write_offer(const struct sdp_local *local, struct writer *out);
/* Our direction in answer to theirs, given what we are willing to do. */
enum sdp_direction sdp_answer_direction(enum sdp_direction offered, bool we_send, bool we_receive);
/* Our DTLS role in answer to theirs: passive whenever they may be the client. */
enum sdp_setup sdp_answer_setup(enum sdp_setup offered);

/* RFC 8840 section 9: a trickle fragment, as WHIP's PATCH carries it. */
struct sdpfrag {
    char ufrag[SDP_UFRAG_MAX + 1]; /* empty when absent */
    char pwd[SDP_PWD_MAX + 1];
    bool end_of_candidates;
    struct sdp_candidates candidates; /* of all sections: everything is bundled */
};

/* ERR_PROTO with *error. */
MUST_CHECK int sdpfrag_parse(struct sdpfrag *out, struct slice text, struct sdp_error *error);
/* Appends ufrag, pwd and the candidates under mid; for the answer to an ICE restart. ERR_FULL,
 * ERR_INVAL. */
MUST_CHECK int sdpfrag_write(const struct sdp_local *local, const char *mid, struct writer *out);
/* One candidate as a browser's icecandidate event gives it ("candidate:... typ host", with or without
 * "a="). ERR_AGAIN: well-formed but of no use to us (mDNS name, TCP, component 2). ERR_PROTO. */
MUST_CHECK int sdp_candidate_parse(struct sdp_candidate *out, struct slice text);

#endif
