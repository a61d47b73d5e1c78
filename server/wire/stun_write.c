#include "stun_internal.h"

/* RFC 8489 section 5, the inverse of the split in stun_parse() */
static uint16_t type_of(enum stun_class class)
{
    return (uint16_t)(STUN_BINDING | ((unsigned)class & 1u) << 4 | ((unsigned)class & 2u) << 7);
}

static void write_padding(struct writer *w, size_t bytes)
{
    writer_zeros(w, (4 - bytes % 4) % 4);
}

static void write_address(struct writer *w, const struct address *mapped,
                          const uint8_t txid[STUN_TXID_BYTES])
{
    struct address xored = *mapped;
    bool ipv4 = address_is_ipv4(mapped);
    stun_xor_address(&xored, txid);
    writer_u16(w, ATTR_XOR_MAPPED_ADDRESS);
    writer_u16(w, ipv4 ? 8 : 20);
    writer_u8(w, 0);
    writer_u8(w, ipv4 ? FAMILY_IPV4 : FAMILY_IPV6);
    writer_u16(w, xored.port);
    writer_bytes(w, ipv4 ? slice_of(xored.ip + 12, 4) : slice_of(xored.ip, 16));
}

static void begin(struct writer *w, enum stun_class class, const uint8_t txid[STUN_TXID_BYTES])
{
    writer_u16(w, type_of(class));
    writer_u16(w, 0); /* patched by finish() */
    writer_u32(w, STUN_COOKIE);
    writer_bytes(w, slice_of(txid, STUN_TXID_BYTES));
}

static struct slice message_since(const struct writer *w, size_t start)
{
    return slice_of(w->data + start, w->at - start);
}

/* Adds integrity (unless the key is empty) and fingerprint; takes everything back when they do not
 * fit. */
static int finish(struct writer *w, size_t start, struct slice key)
{
    if (key.bytes > 0 && !w->full) {
        uint8_t digest[DIGEST_BYTES];
        size_t length = w->at - start + ATTR_HEADER_BYTES + DIGEST_BYTES - STUN_HEADER_BYTES;
        stun_digest(message_since(w, start), (uint16_t)length, key, digest);
        writer_u16(w, ATTR_MESSAGE_INTEGRITY);
        writer_u16(w, DIGEST_BYTES);
        writer_bytes(w, slice_of(digest, sizeof(digest)));
    }
    if (!w->full) {
        size_t length = w->at - start + FINGERPRINT_BYTES - STUN_HEADER_BYTES;
        writer_patch_u16(w, start + 2, (uint16_t)length);
        uint32_t crc = stun_crc(message_since(w, start));
        writer_u16(w, ATTR_FINGERPRINT);
        writer_u16(w, FINGERPRINT_BYTES - ATTR_HEADER_BYTES);
        writer_u32(w, crc);
    }
    if (!w->full)
        return 0;
    w->at = start;
    return ERR_FULL;
}

int stun_write_request(const struct stun_request *request, struct slice key, struct writer *out)
{
    if (request->username.bytes == 0 || request->username.bytes > STUN_USERNAME_MAX ||
        key.bytes == 0)
        return ERR_INVAL;
    size_t start = out->at;
    begin(out, STUN_REQUEST, request->txid);
    writer_u16(out, ATTR_USERNAME);
    writer_u16(out, (uint16_t)request->username.bytes);
    writer_bytes(out, request->username);
    write_padding(out, request->username.bytes);
    writer_u16(out, request->controlling ? ATTR_ICE_CONTROLLING : ATTR_ICE_CONTROLLED);
    writer_u16(out, 8);
    writer_u64(out, request->tie_breaker);
    if (request->priority > 0) {
        writer_u16(out, ATTR_PRIORITY);
        writer_u16(out, 4);
        writer_u32(out, request->priority);
    }
    if (request->use_candidate) {
        writer_u16(out, ATTR_USE_CANDIDATE);
        writer_u16(out, 0);
    }
    return finish(out, start, key);
}

int stun_write_success(const uint8_t txid[STUN_TXID_BYTES], const struct address *mapped,
                       struct slice key, struct writer *out)
{
    if (key.bytes == 0)
        return ERR_INVAL;
    size_t start = out->at;
    begin(out, STUN_SUCCESS, txid);
    write_address(out, mapped, txid);
    return finish(out, start, key);
}

/* RFC 8489 section 14.8 */
static const char *reason_of(enum stun_code code)
{
    switch (code) {
    case STUN_BAD_REQUEST:
        return "Bad Request";
    case STUN_UNAUTHENTICATED:
        return "Unauthenticated";
    case STUN_UNKNOWN_ATTRIBUTE:
        return "Unknown Attribute";
    case STUN_ROLE_CONFLICT:
        return "Role Conflict";
    case STUN_SERVER_ERROR:
        return "Server Error";
    }
    return "";
}

int stun_write_error(const struct stun_msg *request, enum stun_code code, struct slice key,
                     struct writer *out)
{
    struct slice reason = slice_text(reason_of(code));
    if (reason.bytes == 0)
        return ERR_INVAL;
    size_t start = out->at;
    begin(out, STUN_ERROR, request->txid);
    writer_u16(out, ATTR_ERROR_CODE);
    writer_u16(out, (uint16_t)(4 + reason.bytes));
    writer_u16(out, 0);
    writer_u8(out, (uint8_t)(code / 100));
    writer_u8(out, (uint8_t)(code % 100));
    writer_bytes(out, reason);
    write_padding(out, reason.bytes);
    if (code == STUN_UNKNOWN_ATTRIBUTE) {
        writer_u16(out, ATTR_UNKNOWN_ATTRIBUTES);
        writer_u16(out, (uint16_t)(2 * request->unknown_count));
        for (unsigned i = 0; i < request->unknown_count; i++)
            writer_u16(out, request->unknown[i]);
        write_padding(out, (size_t)2 * request->unknown_count);
    }
    return finish(out, start, key);
}
