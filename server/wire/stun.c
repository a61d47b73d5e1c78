#include "stun_internal.h"

#include <openssl/crypto.h>

void stun_digest(struct slice message, uint16_t length, struct slice key, uint8_t out[DIGEST_BYTES])
{
    struct cursor c = cursor_of(message);
    struct slice type = cursor_slice(&c, 2);
    cursor_skip(&c, 2);
    const uint8_t length_bytes[2] = {(uint8_t)(length >> 8), (uint8_t)length};
    const struct slice parts[] = {type, slice_of(length_bytes, sizeof(length_bytes)),
                                  cursor_rest(&c)};
    struct hmac_sha1_key prepared;
    hmac_sha1_key_init(&prepared, key);
    hmac_sha1(&prepared, parts, sizeof(parts) / sizeof(parts[0]), out);
    explicit_bzero(&prepared, sizeof(prepared));
}

uint32_t stun_crc(struct slice message)
{
    /* remainders of four bits, polynomial 0xEDB88320: small enough to stay in the cache */
    static const uint32_t table[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
        0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
        0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
    };
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < message.bytes; i++) {
        crc ^= message.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc ^ 0xFFFFFFFFu ^ FINGERPRINT_XOR;
}

void stun_xor_address(struct address *address, const uint8_t txid[STUN_TXID_BYTES])
{
    uint8_t mask[16] = {STUN_COOKIE >> 24, STUN_COOKIE >> 16 & 0xFF, STUN_COOKIE >> 8 & 0xFF,
                        STUN_COOKIE & 0xFF};
    memcpy(mask + 4, txid, STUN_TXID_BYTES);
    bool ipv4 = address_is_ipv4(address);
    size_t first = ipv4 ? 12 : 0;
    for (size_t i = first; i < sizeof(address->ip); i++)
        address->ip[i] ^= mask[i - first];
    address->port ^= STUN_COOKIE >> 16;
}

bool stun_is(struct slice packet)
{
    struct cursor c = cursor_of(packet);
    uint16_t type = cursor_u16(&c);
    uint16_t length = cursor_u16(&c);
    uint32_t cookie = cursor_u32(&c);
    cursor_skip(&c, STUN_TXID_BYTES);
    return !c.bad && type < 0x4000 && length % 4 == 0 && cookie == STUN_COOKIE;
}

static int parse_address(struct address *out, struct cursor value)
{
    cursor_skip(&value, 1);
    uint8_t family = cursor_u8(&value);
    struct address address = {.port = cursor_u16(&value)};
    if (family == FAMILY_IPV4) {
        address.ip[10] = address.ip[11] = 0xFF;
        cursor_copy(&value, address.ip + 12, 4);
    } else if (family == FAMILY_IPV6) {
        cursor_copy(&value, address.ip, 16);
    } else {
        return ERR_PROTO;
    }
    if (value.bad || cursor_left(&value) != 0)
        return ERR_PROTO;
    *out = address;
    return 0;
}

static int parse_error_code(uint16_t *out, struct cursor value)
{
    cursor_skip(&value, 2);
    unsigned hundreds = cursor_u8(&value) & 7u;
    unsigned rest = cursor_u8(&value);
    if (value.bad || hundreds < 3 || hundreds > 6 || rest > 99)
        return ERR_PROTO;
    *out = (uint16_t)(hundreds * 100 + rest);
    return 0;
}

static int parse_tie_breaker(bool *has, uint64_t *out, struct cursor value)
{
    *out = cursor_u64(&value);
    *has = true;
    return value.bad || cursor_left(&value) != 0 ? ERR_PROTO : 0;
}

static int parse_mapped(struct stun_msg *msg, struct cursor value, bool xored)
{
    struct address address;
    if (parse_address(&address, value) != 0)
        return ERR_PROTO;
    if (xored)
        stun_xor_address(&address, msg->txid);
    else if (msg->has_mapped)
        return 0; /* the xored one is the better one */
    msg->has_mapped = true;
    msg->mapped = address;
    return 0;
}

static int parse_username(struct stun_msg *msg, struct cursor value)
{
    struct slice username = cursor_rest(&value);
    if (username.bytes > STUN_USERNAME_MAX)
        return ERR_PROTO;
    if (msg->username.bytes == 0) /* of repeated ones the first counts, RFC 8489 section 14 */
        msg->username = username;
    return 0;
}

static int parse_priority(struct stun_msg *msg, struct cursor value)
{
    msg->priority = cursor_u32(&value);
    msg->has_priority = true;
    return value.bad || cursor_left(&value) != 0 ? ERR_PROTO : 0;
}

static void note_unknown(struct stun_msg *msg, uint16_t type)
{
    if (type < ATTR_OPTIONAL && msg->unknown_count < STUN_UNKNOWN_MAX)
        msg->unknown[msg->unknown_count++] = type;
}

static int parse_value(struct stun_msg *msg, uint16_t type, struct cursor value)
{
    switch (type) {
    case ATTR_USERNAME:
        return parse_username(msg, value);
    case ATTR_PRIORITY:
        return parse_priority(msg, value);
    case ATTR_USE_CANDIDATE:
        msg->use_candidate = true;
        return cursor_left(&value) == 0 ? 0 : ERR_PROTO;
    case ATTR_ICE_CONTROLLING:
        return parse_tie_breaker(&msg->has_controlling, &msg->tie_breaker, value);
    case ATTR_ICE_CONTROLLED:
        return parse_tie_breaker(&msg->has_controlled, &msg->tie_breaker, value);
    case ATTR_MAPPED_ADDRESS:
        return parse_mapped(msg, value, false);
    case ATTR_XOR_MAPPED_ADDRESS:
        return parse_mapped(msg, value, true);
    case ATTR_ERROR_CODE:
        return parse_error_code(&msg->error_code, value);
    case ATTR_MESSAGE_INTEGRITY:
        msg->has_integrity = true;
        return cursor_left(&value) == DIGEST_BYTES ? 0 : ERR_PROTO;
    case ATTR_UNKNOWN_ATTRIBUTES:
    case ATTR_REALM:
    case ATTR_NONCE:
        return 0; /* known, of no use with short-term credentials */
    default:
        note_unknown(msg, type);
        return 0;
    }
}

/* `body` covers the attributes; each starts at STUN_HEADER_BYTES + body->at of the packet. */
static int parse_attribute(struct stun_msg *msg, struct cursor *body)
{
    size_t starts_at = STUN_HEADER_BYTES + body->at;
    bool behind_integrity = msg->has_integrity;
    uint16_t type = cursor_u16(body);
    uint16_t bytes = cursor_u16(body);
    struct cursor value = cursor_sub(body, bytes);
    cursor_skip(body, (4u - bytes % 4u) % 4u); /* RFC 8489 section 14: padded to 4 bytes */
    if (body->bad || msg->has_fingerprint)
        return ERR_PROTO; /* FINGERPRINT is the last one */
    if (type == ATTR_FINGERPRINT) {
        msg->has_fingerprint = true;
        return bytes == FINGERPRINT_BYTES - ATTR_HEADER_BYTES ? 0 : ERR_PROTO;
    }
    if (behind_integrity)
        return 0; /* RFC 8489 section 14.5: not authenticated, so ignored */
    if (type == ATTR_MESSAGE_INTEGRITY)
        msg->integrity_at = starts_at;
    return parse_value(msg, type, value);
}

int stun_parse(struct stun_msg *out, struct slice packet)
{
    if (!stun_is(packet))
        return ERR_PROTO;
    struct cursor c = cursor_of(packet);
    struct stun_msg msg = {0};
    unsigned type = cursor_u16(&c);
    size_t body_bytes = cursor_u16(&c);
    cursor_skip(&c, 4);
    cursor_copy(&c, msg.txid, sizeof(msg.txid));
    struct cursor body = cursor_sub(&c, body_bytes);
    if (c.bad || cursor_left(&c) != 0)
        return ERR_PROTO;
    /* RFC 8489 section 5: class bits 4 and 8 lie between the bits of the method */
    msg.class = (enum stun_class)((type >> 4 & 1u) | (type >> 7 & 2u));
    msg.method = (uint16_t)((type & 0xFu) | (type >> 1 & 0x70u) | (type >> 2 & 0xF80u));
    for (unsigned i = 0; cursor_left(&body) > 0; i++)
        if (i == STUN_ATTRIBUTES_MAX || parse_attribute(&msg, &body) != 0)
            return ERR_PROTO;
    *out = msg;
    return 0;
}

int stun_check_integrity(const struct stun_msg *msg, struct slice packet, struct slice key)
{
    if (!msg->has_integrity || key.bytes == 0)
        return ERR_AUTH;
    uint8_t expected[DIGEST_BYTES];
    uint8_t given[DIGEST_BYTES];
    struct cursor c = cursor_of(packet);
    struct slice covered = cursor_slice(&c, msg->integrity_at);
    cursor_skip(&c, ATTR_HEADER_BYTES);
    cursor_copy(&c, given, sizeof(given));
    if (c.bad)
        return ERR_AUTH;
    /* RFC 8489 section 14.5: the length counts up to the end of MESSAGE-INTEGRITY */
    size_t length = msg->integrity_at + ATTR_HEADER_BYTES + DIGEST_BYTES - STUN_HEADER_BYTES;
    stun_digest(covered, (uint16_t)length, key, expected);
    return CRYPTO_memcmp(expected, given, sizeof(expected)) == 0 ? 0 : ERR_AUTH;
}

int stun_check_fingerprint(const struct stun_msg *msg, struct slice packet)
{
    if (!msg->has_fingerprint || packet.bytes < STUN_HEADER_BYTES + FINGERPRINT_BYTES)
        return ERR_PROTO;
    struct cursor c = cursor_of(packet);
    struct slice covered = cursor_slice(&c, packet.bytes - FINGERPRINT_BYTES);
    cursor_skip(&c, ATTR_HEADER_BYTES);
    return cursor_u32(&c) == stun_crc(covered) ? 0 : ERR_PROTO;
}

int stun_split_username(struct slice username, struct slice *ours, struct slice *theirs)
{
    struct cursor c = cursor_of(username);
    struct slice first = cursor_until(&c, ':');
    struct slice second = cursor_rest(&c);
    if (first.bytes == 0 || second.bytes == 0)
        return ERR_PROTO;
    *ours = first;
    *theirs = second;
    return 0;
}
