#include "sdp_internal.h"

enum {
    UFRAG_MIN = 4,      /* RFC 8839 section 5.4 */
    PWD_MIN = 22,       /* RFC 8839 section 5.4 */
    FOUNDATION_MAX = 32 /* RFC 8839 section 5.1 */
};

/* RFC 8839 section 5.1: ice-char */
static bool is_ice_chars(struct slice value)
{
    struct cursor c = cursor_of(value);
    while (cursor_left(&c) > 0) {
        uint8_t byte = cursor_u8(&c);
        bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        if (!letter && !(byte >= '0' && byte <= '9') && byte != '+' && byte != '/')
            return false;
    }
    return true;
}

int sdp_parse_ufrag(struct sdp_reader *reader, struct slice value, struct slice *out)
{
    if (value.bytes < UFRAG_MIN || value.bytes > SDP_UFRAG_MAX || !is_ice_chars(value))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "a=ice-ufrag must be %d to %d letters, digits, + or /", UFRAG_MIN,
                        SDP_UFRAG_MAX);
    *out = value;
    return 0;
}

int sdp_parse_pwd(struct sdp_reader *reader, struct slice value, struct slice *out)
{
    if (value.bytes < PWD_MIN || value.bytes > SDP_PWD_MAX || !is_ice_chars(value))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "a=ice-pwd must be %d to %d letters, digits, + or /", PWD_MIN, SDP_PWD_MAX);
    *out = value;
    return 0;
}

int sdp_parse_setup(struct sdp_reader *reader, struct slice value, enum sdp_setup *out)
{
    static const struct {
        const char *name;
        enum sdp_setup setup;
    } roles[] = {{"actpass", SDP_ACTPASS},
                 {"active", SDP_ACTIVE},
                 {"passive", SDP_PASSIVE},
                 {"holdconn", SDP_HOLDCONN}};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (slice_is_nocase(value, roles[i].name)) {
            *out = roles[i].setup;
            return 0;
        }
    }
    return sdp_fail(reader->error, ERR_PROTO, reader->line,
                    "a=setup:%s is not known; allowed are actpass, active and passive",
                    sdp_excerpt(value).text);
}

static unsigned hash_bytes(enum sdp_hash hash)
{
    switch (hash) {
    case SDP_SHA256:
        return 32;
    case SDP_SHA384:
        return 48;
    case SDP_SHA512:
        return 64;
    case SDP_HASH_NONE:
    case SDP_HASH_UNKNOWN:
        break;
    }
    return 0;
}

static enum sdp_hash hash_of(struct slice name)
{
    if (slice_is_nocase(name, "sha-256"))
        return SDP_SHA256;
    if (slice_is_nocase(name, "sha-384"))
        return SDP_SHA384;
    if (slice_is_nocase(name, "sha-512"))
        return SDP_SHA512;
    return SDP_HASH_UNKNOWN;
}

static bool parse_hex_digit(uint8_t byte, unsigned *out)
{
    if (byte >= '0' && byte <= '9')
        *out = byte - (unsigned)'0';
    else if (byte >= 'A' && byte <= 'F')
        *out = byte - (unsigned)'A' + 10;
    else if (byte >= 'a' && byte <= 'f')
        *out = byte - (unsigned)'a' + 10;
    else
        return false;
    return true;
}

/* RFC 8122 section 5: pairs of hex digits, a colon between two pairs */
static bool parse_digest(struct slice text, uint8_t *out, unsigned bytes)
{
    struct cursor c = cursor_of(text);
    for (unsigned i = 0; i < bytes; i++) {
        unsigned high;
        unsigned low;
        if (i > 0 && cursor_u8(&c) != ':')
            return false;
        if (!parse_hex_digit(cursor_u8(&c), &high) || !parse_hex_digit(cursor_u8(&c), &low))
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return !c.bad && cursor_left(&c) == 0;
}

int sdp_parse_fingerprint(struct sdp_reader *reader, struct slice value,
                          struct sdp_fingerprint *out)
{
    struct cursor c = cursor_of(value);
    enum sdp_hash hash = hash_of(sdp_word(&c));
    struct slice digest = sdp_word(&c);
    struct sdp_fingerprint found = {.hash = hash, .bytes = (uint8_t)hash_bytes(hash)};
    if (!sdp_is_token(digest))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "a=fingerprint must name a hash and give its bytes, such as "
                        "sha-256 AB:CD:...");
    if (hash == SDP_HASH_UNKNOWN) { /* may stand beside a known one: sdp_select() decides */
        if (out->hash == SDP_HASH_NONE)
            *out = found;
        return 0;
    }
    if (!parse_digest(digest, found.digest, found.bytes))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "a=fingerprint: this hash needs %u bytes as pairs of hex digits with "
                        "colons between them",
                        found.bytes);
    if (out->bytes < found.bytes)
        *out = found;
    return 0;
}

/* Numeric addresses only; a name (mDNS) would need a resolver and is of no use to us. */
static bool parse_numeric(struct slice word, uint64_t port, struct address *out)
{
    char text[ADDRESS_TEXT_MAX];
    if (word.bytes >= sizeof(text) || memchr(word.data, '[', word.bytes))
        return false;
    memcpy(text, word.data, word.bytes);
    text[word.bytes] = '\0';
    if (address_parse(out, text) != 0 || out->port != 0)
        return false;
    out->port = (uint16_t)port;
    return true;
}

static bool is_known_type(struct slice type)
{
    return slice_is_nocase(type, "host") || slice_is_nocase(type, "srflx") ||
           slice_is_nocase(type, "prflx") || slice_is_nocase(type, "relay");
}

/* RFC 8839 section 5.1: foundation component transport priority address port "typ" type … */
int sdp_candidate_parse(struct sdp_candidate *out, struct slice text)
{
    struct cursor c = cursor_of(text);
    struct slice name = cursor_until(&c, ':');
    if (!slice_is(name, "candidate") && !slice_is(name, "a=candidate"))
        return ERR_PROTO;
    struct slice foundation = sdp_word(&c);
    struct slice component_text = sdp_word(&c);
    struct slice transport = sdp_word(&c);
    struct slice priority_text = sdp_word(&c);
    struct slice address = sdp_word(&c);
    struct slice port_text = sdp_word(&c);
    struct slice typ = sdp_word(&c);
    struct slice type = sdp_word(&c);
    uint64_t component;
    uint64_t priority;
    uint64_t port;
    if (foundation.bytes == 0 || foundation.bytes > FOUNDATION_MAX || transport.bytes == 0 ||
        address.bytes == 0 || type.bytes == 0 || !slice_is_nocase(typ, "typ") ||
        !sdp_number(component_text, 256, &component) ||
        !sdp_number(priority_text, UINT32_MAX, &priority) ||
        !sdp_number(port_text, UINT16_MAX, &port))
        return ERR_PROTO;
    struct sdp_candidate found = {.priority = (uint32_t)priority};
    if (component != 1 || port == 0 || !slice_is_nocase(transport, "udp") || !is_known_type(type) ||
        !parse_numeric(address, port, &found.address))
        return ERR_AGAIN;
    *out = found;
    return 0;
}

int sdp_add_candidate(struct sdp_reader *reader, struct slice attribute, struct sdp_candidates *out)
{
    struct sdp_candidate candidate;
    int err = sdp_candidate_parse(&candidate, attribute);
    if (err == ERR_PROTO)
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "malformed candidate; it must read a=candidate:FOUNDATION COMPONENT udp "
                        "PRIORITY ADDRESS PORT typ TYPE");
    if (err == 0 && out->count < SDP_CANDIDATES_MAX)
        out->list[out->count++] = candidate;
    return 0;
}
