#include "tree/directory_word.h"

#include "rostrum/cursor.h"

#include <stdio.h>
#include <string.h>

enum { VERSION = 1, LEASE_TEXT_MAX = LEASE_CHARS_MAX + SLUG_MAX + 2 };

static const char magic[3] = {'R', 'S', 'T'};

/* ---- texts ---- */

bool topic_is_valid(const char *topic)
{
    return strcmp(topic, DIRECTORY_TOPIC_NODES) == 0 || slug_is_valid(topic);
}

/* A text with its length in front; a zero byte makes it bad. */
static void read_text(struct cursor *c, char *out, size_t chars_max)
{
    struct slice text = cursor_slice(c, cursor_u8(c));
    if (text.bytes > chars_max || (text.bytes > 0 && memchr(text.data, '\0', text.bytes) != NULL)) {
        c->bad = true;
        return;
    }
    if (text.bytes > 0)
        memcpy(out, text.data, text.bytes);
    out[text.bytes] = '\0';
}

static void write_text(struct writer *w, const char *text)
{
    writer_u8(w, (uint8_t)strlen(text));
    writer_text(w, text);
}

/* ---- one kind each ---- */

bool node_view_is_valid(const struct node_view *node)
{
    return node_id_is_valid(node->id) && node_url_is_valid(node->url) &&
           node_region_is_valid(node->region);
}

static bool read_node(struct cursor *c, const char *sender, struct node_view *out)
{
    memcpy(out->id, sender, sizeof(out->id));
    read_text(c, out->url, NODE_URL_MAX);
    read_text(c, out->region, NODE_REGION_MAX);
    out->seats = cursor_u32(c);
    out->seats_free = cursor_u32(c);
    out->joins_per_s = cursor_u32(c);
    out->egress_bps = cursor_u64(c);
    out->egress_max_bps = cursor_u64(c);
    out->load_permille = cursor_u32(c);
    uint8_t is_draining = cursor_u8(c);
    out->is_draining = is_draining == 1;
    return !c->bad && is_draining <= 1 && node_view_is_valid(out);
}

static void write_node(struct writer *w, const struct node_view *node)
{
    write_text(w, node->url);
    write_text(w, node->region);
    writer_u32(w, node->seats);
    writer_u32(w, node->seats_free);
    writer_u32(w, node->joins_per_s);
    writer_u64(w, node->egress_bps);
    writer_u64(w, node->egress_max_bps);
    writer_u32(w, node->load_permille);
    writer_u8(w, node->is_draining ? 1 : 0);
}

static bool room_is_valid(const struct directory_word_room *room)
{
    return slug_is_valid(room->slug) && room->fence >= 1 && room->fence <= FENCE_MAX;
}

static bool read_rooms(struct cursor *c, struct directory_word *out)
{
    out->rooms.count = cursor_u8(c);
    if (out->rooms.count < 1 || out->rooms.count > DIRECTORY_WORD_ROOMS_MAX)
        return false;
    for (unsigned i = 0; i < out->rooms.count; i++) {
        struct directory_word_room *room = &out->rooms.list[i];
        read_text(c, room->slug, SLUG_MAX);
        room->fence = cursor_u64(c);
        uint8_t is_released = cursor_u8(c);
        room->is_released = is_released == 1;
        if (c->bad || is_released > 1 || !room_is_valid(room))
            return false;
    }
    return true;
}

static void write_rooms(struct writer *w, const struct directory_word *word)
{
    writer_u8(w, (uint8_t)word->rooms.count);
    for (unsigned i = 0; i < word->rooms.count; i++) {
        const struct directory_word_room *room = &word->rooms.list[i];
        write_text(w, room->slug);
        writer_u64(w, room->fence);
        writer_u8(w, room->is_released ? 1 : 0);
    }
}

static bool read_event(struct cursor *c, struct directory_word *out)
{
    read_text(c, out->event.topic, DIRECTORY_TOPIC_MAX);
    out->event.data = cursor_slice(c, cursor_u16(c));
    return !c->bad && topic_is_valid(out->event.topic) &&
           out->event.data.bytes <= DIRECTORY_EVENT_MAX;
}

static void write_event(struct writer *w, const struct directory_word *word)
{
    write_text(w, word->event.topic);
    writer_u16(w, (uint16_t)word->event.data.bytes);
    writer_bytes(w, word->event.data);
}

/* ---- the whole ---- */

static bool body_is_valid(const struct directory_word *word)
{
    switch (word->kind) {
    case DIRECTORY_WORD_NODE:
        return strcmp(word->node.id, word->sender) == 0 && node_view_is_valid(&word->node);
    case DIRECTORY_WORD_BYE:
        return true;
    case DIRECTORY_WORD_ROOMS:
        for (unsigned i = 0; i < word->rooms.count && i < DIRECTORY_WORD_ROOMS_MAX; i++)
            if (!room_is_valid(&word->rooms.list[i]))
                return false;
        return word->rooms.count >= 1 && word->rooms.count <= DIRECTORY_WORD_ROOMS_MAX;
    case DIRECTORY_WORD_EVENT:
        return topic_is_valid(word->event.topic) && word->event.data.bytes <= DIRECTORY_EVENT_MAX;
    }
    return false;
}

static bool read_body(struct cursor *c, struct directory_word *out)
{
    switch (out->kind) {
    case DIRECTORY_WORD_NODE:
        return read_node(c, out->sender, &out->node);
    case DIRECTORY_WORD_BYE:
        return true;
    case DIRECTORY_WORD_ROOMS:
        return read_rooms(c, out);
    case DIRECTORY_WORD_EVENT:
        return read_event(c, out);
    }
    return false;
}

int directory_word_parse(struct directory_word *out, const struct cluster_key *key,
                         struct slice bytes)
{
    struct cursor c = cursor_of(bytes);
    char start[sizeof(magic)];
    cursor_copy(&c, start, sizeof(start));
    uint8_t version = cursor_u8(&c);
    if (c.bad || memcmp(start, magic, sizeof(magic)) != 0 || version != VERSION ||
        bytes.bytes > DIRECTORY_WORD_BYTES_MAX || cursor_left(&c) <= CLUSTER_MAC_BYTES)
        return ERR_PROTO;
    size_t signed_bytes = bytes.bytes - CLUSTER_MAC_BYTES;
    uint8_t mac[CLUSTER_MAC_BYTES], given[CLUSTER_MAC_BYTES];
    struct cursor body = cursor_sub(&c, cursor_left(&c) - CLUSTER_MAC_BYTES);
    cursor_copy(&c, given, sizeof(given));
    int err = cluster_mac(key, slice_of(bytes.data, signed_bytes), mac);
    if (err != 0 || !cluster_mac_equal(mac, given))
        return err != 0 ? err : ERR_AUTH;
    struct directory_word word = {.kind = (enum directory_word_kind)cursor_u8(&body)};
    read_text(&body, word.sender, NODE_ID_MAX);
    word.boot = cursor_u64(&body);
    word.count = cursor_u64(&body);
    if (body.bad || word.count == 0 || !node_id_is_valid(word.sender))
        return ERR_PROTO;
    if (!read_body(&body, &word) || body.bad || cursor_left(&body) != 0)
        return ERR_PROTO;
    *out = word;
    return 0;
}

int directory_word_write(const struct directory_word *word, const struct cluster_key *key,
                         uint8_t out[DIRECTORY_WORD_BYTES_MAX], size_t *bytes)
{
    if (!node_id_is_valid(word->sender) || word->count == 0 || !body_is_valid(word))
        return ERR_INVAL;
    struct writer w = writer_of(out, DIRECTORY_WORD_BYTES_MAX);
    writer_bytes(&w, slice_of(magic, sizeof(magic)));
    writer_u8(&w, VERSION);
    writer_u8(&w, (uint8_t)word->kind);
    write_text(&w, word->sender);
    writer_u64(&w, word->boot);
    writer_u64(&w, word->count);
    if (word->kind == DIRECTORY_WORD_NODE)
        write_node(&w, &word->node);
    else if (word->kind == DIRECTORY_WORD_ROOMS)
        write_rooms(&w, word);
    else if (word->kind == DIRECTORY_WORD_EVENT)
        write_event(&w, word);
    uint8_t mac[CLUSTER_MAC_BYTES];
    int err = cluster_mac(key, writer_slice(&w), mac);
    if (err != 0)
        return err;
    writer_bytes(&w, slice_of(mac, sizeof(mac)));
    if (w.full)
        return ERR_INVAL;
    *bytes = w.at;
    return 0;
}

/* ---- leases ---- */

bool lease_beats(const struct lease *a, const struct lease *b)
{
    return a->fence != b->fence ? a->fence > b->fence : strcmp(a->node, b->node) < 0;
}

int lease_write(const struct lease *lease, const struct cluster_key *key, const char *slug,
                char out[LEASE_CHARS_MAX + 1])
{
    char text[LEASE_TEXT_MAX];
    uint8_t mac[CLUSTER_MAC_BYTES];
    if (lease->fence < 1 || lease->fence > FENCE_MAX || !node_id_is_valid(lease->node))
        return ERR_INVAL;
    int chars =
        snprintf(text, sizeof(text), "%llu %s", (unsigned long long)lease->fence, lease->node);
    memcpy(out, text, (size_t)chars + 1);
    /* The MAC is over the room's name, too: a lease copied to another room is worth nothing. */
    int more = snprintf(text + chars, sizeof(text) - (size_t)chars, " %s", slug);
    int err = cluster_mac(key, slice_of(text, (size_t)(chars + more)), mac);
    if (err != 0)
        return err;
    struct writer w = writer_of(out + chars, (size_t)(LEASE_CHARS_MAX + 1 - chars));
    writer_u8(&w, ' ');
    for (size_t i = 0; i < sizeof(mac); i++)
        writer_printf(&w, "%02x", mac[i]);
    return w.full ? ERR_INVAL : 0;
}

static bool read_fence(struct slice digits, uint64_t *out)
{
    struct cursor c = cursor_of(digits);
    uint64_t fence = 0;
    if (digits.bytes < 1 || digits.bytes > LEASE_FENCE_CHARS_MAX || digits.data[0] == '0')
        return false;
    while (cursor_left(&c) > 0) {
        uint8_t digit = cursor_u8(&c);
        if (digit < '0' || digit > '9')
            return false;
        fence = fence * 10 + (uint64_t)(digit - '0');
    }
    *out = fence;
    return fence <= FENCE_MAX;
}

int lease_parse(struct lease *out, const struct cluster_key *key, const char *slug,
                struct slice text)
{
    if (text.bytes > LEASE_CHARS_MAX)
        return ERR_PROTO;
    struct cursor c = cursor_of(text);
    struct lease lease = {.fence = 0};
    bool is_good = read_fence(cursor_until(&c, ' '), &lease.fence);
    struct slice node = cursor_until(&c, ' ');
    if (!is_good || node.bytes == 0 || node.bytes > NODE_ID_MAX ||
        memchr(node.data, '\0', node.bytes) != NULL)
        return ERR_PROTO;
    memcpy(lease.node, node.data, node.bytes);
    char expected[LEASE_CHARS_MAX + 1];
    if (lease_write(&lease, key, slug, expected) != 0)
        return ERR_PROTO;
    uint8_t given[2][CLUSTER_MAC_BYTES], wanted[2][CLUSTER_MAC_BYTES];
    size_t bytes = strlen(expected);
    if (text.bytes != bytes || cursor_left(&c) != sizeof(given))
        return ERR_PROTO;
    cursor_copy(&c, given, sizeof(given));
    memcpy(wanted, expected + bytes - sizeof(wanted), sizeof(wanted));
    if (!cluster_mac_equal(given[0], wanted[0]) || !cluster_mac_equal(given[1], wanted[1]))
        return ERR_AUTH;
    *out = lease;
    return 0;
}
