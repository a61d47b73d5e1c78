#include "tree/trust.h"

#include "base/random.h"

#include <string.h>

enum {
    VERSION = 1,
    /* A label, and of each side the length of its id, the id and its nonce. */
    LABEL_MAX = 16,
    TRANSCRIPT_MAX = LABEL_MAX + 2 * (1 + NODE_ID_MAX + TRUST_NONCE_BYTES),
};

static const char *const proof_labels[] = {"caller proves", "called proves"};
static const char *const seal_labels[] = {"caller seals", "called seals"};

static enum trust_role other_of(const struct trust *trust)
{
    return trust->role == TRUST_CALLER ? TRUST_CALLED : TRUST_CALLER;
}

static int broken(struct trust *trust, int err)
{
    trust->state = TRUST_BROKEN;
    explicit_bzero(&trust->cluster, sizeof(trust->cluster));
    explicit_bzero(trust->seals, sizeof(trust->seals));
    return err;
}

/* ---- what is proved ---- */

static void write_transcript(const struct trust *trust, const char *label, struct writer *out)
{
    writer_u8(out, (uint8_t)strlen(label));
    writer_text(out, label);
    for (unsigned role = 0; role < 2; role++) {
        writer_u8(out, (uint8_t)strlen(trust->ids[role]));
        writer_text(out, trust->ids[role]);
        writer_bytes(out, slice_of(trust->nonces[role], TRUST_NONCE_BYTES));
    }
}

static int prove(const struct trust *trust, enum trust_role who, uint8_t out[CLUSTER_MAC_BYTES])
{
    uint8_t bytes[TRANSCRIPT_MAX];
    struct writer transcript = writer_of(bytes, sizeof(bytes));
    write_transcript(trust, proof_labels[who], &transcript);
    return transcript.full ? ERR_FULL
                           : cluster_mac(&trust->cluster, writer_slice(&transcript), out);
}

static int make_seals(struct trust *trust)
{
    int err = 0;
    for (unsigned role = 0; role < 2 && err == 0; role++) {
        uint8_t bytes[TRANSCRIPT_MAX];
        struct writer transcript = writer_of(bytes, sizeof(bytes));
        write_transcript(trust, seal_labels[role], &transcript);
        err = transcript.full ? ERR_FULL
                              : cluster_key_derive(&trust->seals[role], &trust->cluster,
                                                   writer_slice(&transcript));
    }
    explicit_bzero(&trust->cluster, sizeof(trust->cluster));
    trust->state = TRUST_PROVED;
    return err;
}

/* ---- the greeting ---- */

void trust_begin(struct trust *out, enum trust_role role, const struct cluster_key *key,
                 const char *id)
{
    *out = (struct trust){.role = role, .cluster = *key};
    size_t chars = strnlen(id, NODE_ID_MAX);
    memcpy(out->ids[role], id, chars);
    random_bytes(out->nonces[role], TRUST_NONCE_BYTES);
}

void trust_clear(struct trust *trust)
{
    explicit_bzero(trust, sizeof(*trust));
    trust->state = TRUST_BROKEN;
}

static void write_greeting(const struct trust *trust, struct writer *out)
{
    const char *id = trust->ids[trust->role];
    writer_u8(out, VERSION);
    writer_u8(out, (uint8_t)strlen(id));
    writer_text(out, id);
    writer_bytes(out, slice_of(trust->nonces[trust->role], TRUST_NONCE_BYTES));
}

/* One that has our own id is ourselves, or our own words sent back. */
static int read_greeting(struct trust *trust, struct cursor *c)
{
    enum trust_role other = other_of(trust);
    char *id = trust->ids[other];
    uint8_t version = cursor_u8(c);
    struct slice name = cursor_slice(c, cursor_u8(c));
    cursor_copy(c, trust->nonces[other], TRUST_NONCE_BYTES);
    if (c->bad || version != VERSION || name.bytes == 0 || name.bytes > NODE_ID_MAX)
        return ERR_PROTO;
    memcpy(id, name.data, name.bytes);
    id[name.bytes] = '\0';
    bool is_whole = strlen(id) == name.bytes && node_id_is_valid(id);
    return is_whole && strcmp(id, trust->ids[trust->role]) != 0 ? 0 : ERR_PROTO;
}

static int read_proof(const struct trust *trust, struct cursor *c)
{
    uint8_t told[CLUSTER_MAC_BYTES], right[CLUSTER_MAC_BYTES];
    cursor_copy(c, told, sizeof(told));
    if (c->bad || cursor_left(c) > 0)
        return ERR_PROTO;
    int err = prove(trust, other_of(trust), right);
    if (err == 0 && !cluster_mac_equal(told, right))
        err = ERR_AUTH;
    return err;
}

static int write_proof(const struct trust *trust, struct writer *out)
{
    uint8_t proof[CLUSTER_MAC_BYTES];
    int err = prove(trust, trust->role, proof);
    if (err == 0)
        writer_bytes(out, slice_of(proof, sizeof(proof)));
    return err == 0 && out->full ? ERR_FULL : err;
}

int trust_greet(struct trust *trust, struct writer *out)
{
    if (trust->role != TRUST_CALLER || trust->state != TRUST_BEGUN)
        return ERR_BADSTATE;
    write_greeting(trust, out);
    trust->state = TRUST_GREETED;
    return out->full ? broken(trust, ERR_FULL) : 0;
}

/* The called one answers the first message with the same, and its proof. */
static int take_call(struct trust *trust, struct cursor *c, struct writer *out)
{
    int err = read_greeting(trust, c);
    if (err == 0 && cursor_left(c) > 0)
        err = ERR_PROTO;
    if (err != 0)
        return err;
    write_greeting(trust, out);
    trust->state = TRUST_GREETED;
    return write_proof(trust, out);
}

static int take_answer(struct trust *trust, struct cursor *c, struct writer *out)
{
    int err = read_greeting(trust, c);
    if (err == 0)
        err = read_proof(trust, c);
    if (err == 0)
        err = write_proof(trust, out);
    return err == 0 ? make_seals(trust) : err;
}

static int take_proof(struct trust *trust, struct cursor *c)
{
    int err = read_proof(trust, c);
    return err == 0 ? make_seals(trust) : err;
}

int trust_take(struct trust *trust, struct slice message, struct writer *out)
{
    struct cursor c = cursor_of(message);
    int err = ERR_BADSTATE;
    if (trust->role == TRUST_CALLED && trust->state == TRUST_BEGUN)
        err = take_call(trust, &c, out);
    else if (trust->role == TRUST_CALLER && trust->state == TRUST_GREETED)
        err = take_answer(trust, &c, out);
    else if (trust->state == TRUST_GREETED)
        err = take_proof(trust, &c);
    return err == 0 ? 0 : broken(trust, err);
}

const char *trust_other(const struct trust *trust)
{
    return trust->ids[other_of(trust)];
}

/* ---- words ---- */

int trust_seal(struct trust *trust, struct slice word, struct writer *out)
{
    uint8_t mac[CLUSTER_MAC_BYTES];
    size_t from = out->at;
    if (trust->state != TRUST_PROVED)
        return ERR_BADSTATE;
    writer_u64(out, trust->said[trust->role]);
    writer_bytes(out, word);
    if (out->full)
        return broken(trust, ERR_FULL);
    int err =
        cluster_mac(&trust->seals[trust->role], slice_of(out->data + from, out->at - from), mac);
    writer_bytes(out, slice_of(mac, sizeof(mac)));
    if (err != 0 || out->full)
        return broken(trust, err != 0 ? err : ERR_FULL);
    trust->said[trust->role]++;
    return 0;
}

int trust_open(struct trust *trust, struct slice sealed, struct slice *word)
{
    enum trust_role other = other_of(trust);
    uint8_t right[CLUSTER_MAC_BYTES], told[CLUSTER_MAC_BYTES];
    if (trust->state != TRUST_PROVED)
        return ERR_BADSTATE;
    if (sealed.bytes < TRUST_SEAL_BYTES)
        return broken(trust, ERR_PROTO);
    struct cursor c = cursor_of(sealed);
    uint64_t number = cursor_u64(&c);
    *word = cursor_slice(&c, sealed.bytes - TRUST_SEAL_BYTES);
    cursor_copy(&c, told, sizeof(told));
    int err = cluster_mac(&trust->seals[other], slice_of(sealed.data, sealed.bytes - sizeof(told)),
                          right);
    if (err == 0 && (!cluster_mac_equal(told, right) || number != trust->said[other]))
        err = ERR_AUTH;
    if (err != 0)
        return broken(trust, err);
    trust->said[other]++;
    return 0;
}
