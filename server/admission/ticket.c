#include "admission/ticket.h"

#include "admission/tokens.h"
#include "rostrum/cursor.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

_Static_assert(sizeof(struct ticket_key) == sizeof(struct token_hash), "a token's hash is the key");

enum {
    VERSION = 1,
    SIGNED_BYTES = 1 + 1 + 4 + 8 + 4 + 4,
    TAG_BYTES = 16,
    TICKET_BYTES = SIGNED_BYTES + TAG_BYTES,
    CHAR_BITS = 6,
};

_Static_assert(TICKET_CHARS == (TICKET_BYTES * 8 + CHAR_BITS - 1) / CHAR_BITS,
               "base64url without padding");

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void chars_write(struct writer *out, struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    uint32_t bits = 0;
    unsigned left_bits = 0; /* of `bits`, not written yet */
    while (cursor_left(&in) > 0) {
        bits = bits << 8 | cursor_u8(&in);
        left_bits += 8;
        for (; left_bits >= CHAR_BITS; left_bits -= CHAR_BITS)
            writer_u8(out, (uint8_t)alphabet[bits >> (left_bits - CHAR_BITS) & 63]);
    }
    if (left_bits > 0)
        writer_u8(out, (uint8_t)alphabet[bits << (CHAR_BITS - left_bits) & 63]);
}

/* False: another character, or bits behind the last byte, which would be a second text for the same
 * ticket. */
static bool chars_read(struct writer *out, struct slice text)
{
    struct cursor in = cursor_of(text);
    uint32_t bits = 0;
    unsigned left_bits = 0;
    while (cursor_left(&in) > 0) {
        const char *at = memchr(alphabet, cursor_u8(&in), sizeof(alphabet) - 1);
        if (!at)
            return false;
        bits = bits << CHAR_BITS | (uint32_t)(at - alphabet);
        left_bits += CHAR_BITS;
        if (left_bits >= 8) {
            left_bits -= 8;
            writer_u8(out, (uint8_t)(bits >> left_bits));
        }
    }
    return (bits & ((1u << left_bits) - 1)) == 0;
}

static int sign(const struct ticket_key *key, struct slice bytes, uint8_t tag[TAG_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (!HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), bytes.data, bytes.bytes, digest, NULL))
        return ERR_CRYPTO;
    memcpy(tag, digest, TAG_BYTES);
    return 0;
}

static bool is_sound(const struct ticket *ticket)
{
    return ticket->kind >= TICKET_PLACE && ticket->kind <= TICKET_ASKED &&
           (ticket->kind != TICKET_ASKED || ticket->room == 0) &&
           ticket->expires_s >= ticket->issued_s;
}

int ticket_key_load(struct ticket_key *out, const char *path)
{
    char token[TOKEN_CHARS + 1];
    int err = token_load_or_make(token, path);
    if (err != 0)
        return err;
    struct token_hash hash = token_hash(token);
    memcpy(out->bytes, hash.bytes, sizeof(out->bytes));
    OPENSSL_cleanse(token, sizeof(token));
    OPENSSL_cleanse(&hash, sizeof(hash));
    return 0;
}

int ticket_write(const struct ticket_key *key, const struct ticket *ticket,
                 char out[TICKET_CHARS + 1])
{
    if (!is_sound(ticket))
        return ERR_INVAL;
    uint8_t bytes[TICKET_BYTES];
    struct writer w = writer_of(bytes, sizeof(bytes));
    writer_u8(&w, VERSION);
    writer_u8(&w, (uint8_t)ticket->kind);
    writer_u32(&w, ticket->room);
    writer_u64(&w, ticket->number);
    writer_u32(&w, ticket->issued_s);
    writer_u32(&w, ticket->expires_s);
    uint8_t tag[TAG_BYTES];
    int err = sign(key, writer_slice(&w), tag);
    if (err != 0)
        return err;
    writer_bytes(&w, slice_of(tag, sizeof(tag)));

    struct writer chars = writer_of(out, TICKET_CHARS);
    chars_write(&chars, writer_slice(&w));
    out[TICKET_CHARS] = '\0';
    return 0;
}

int ticket_read(const struct ticket_key *key, struct slice text, uint64_t now_s, struct ticket *out)
{
    uint8_t bytes[TICKET_BYTES];
    struct writer w = writer_of(bytes, sizeof(bytes));
    if (text.bytes != TICKET_CHARS || !chars_read(&w, text))
        return ERR_PROTO;

    struct cursor c = cursor_of(writer_slice(&w));
    struct cursor body = cursor_sub(&c, SIGNED_BYTES);
    uint8_t version = cursor_u8(&body);
    struct ticket ticket = {.kind = (enum ticket_kind)cursor_u8(&body)};
    ticket.room = cursor_u32(&body);
    ticket.number = cursor_u64(&body);
    ticket.issued_s = cursor_u32(&body);
    ticket.expires_s = cursor_u32(&body);
    struct slice tag = cursor_rest(&c);
    if (body.bad || tag.bytes != TAG_BYTES || version != VERSION || !is_sound(&ticket))
        return ERR_PROTO;

    uint8_t right[TAG_BYTES];
    int err = sign(key, slice_of(bytes, SIGNED_BYTES), right);
    if (err != 0)
        return err;
    if (CRYPTO_memcmp(tag.data, right, sizeof(right)) != 0)
        return ERR_AUTH;
    if (now_s + TICKET_SKEW_S < ticket.issued_s ||
        now_s > (uint64_t)ticket.expires_s + TICKET_SKEW_S)
        return ERR_BADSTATE;
    *out = ticket;
    return 0;
}
