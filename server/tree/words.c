#include "tree/words.h"

#include "tree/identity.h"

#include <string.h>

enum { TYPE_MAX = 127 /* of RTP payload, RFC 3550 section 5.1 */ };

/* ---- texts ---- */

/* RFC 3629 section 4, without the zero byte. */
static bool is_utf8(struct slice text)
{
    struct cursor c = cursor_of(text);
    while (cursor_left(&c) > 0) {
        uint8_t first = cursor_u8(&c);
        unsigned more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        if (first == 0 || (first >= 0x80 && first < 0xC2) || first > 0xF4)
            return false;
        for (; more > 0; more--) {
            uint8_t next = cursor_u8(&c); /* past the end it is zero */
            if (next < least || next > most)
                return false;
            least = 0x80;
            most = 0xBF;
        }
    }
    return true;
}

static bool json_is_valid(struct slice json, size_t bytes_max)
{
    return json.bytes >= 1 && json.bytes <= bytes_max && is_utf8(json);
}

/* RFC 8839 section 5.4. */
static bool is_ice_text(struct slice text, size_t chars_min)
{
    struct cursor c = cursor_of(text);
    while (cursor_left(&c) > 0) {
        uint8_t at = cursor_u8(&c);
        bool is_letter = (at >= 'a' && at <= 'z') || (at >= 'A' && at <= 'Z');
        if (!is_letter && (at < '0' || at > '9') && at != '+' && at != '/')
            return false;
    }
    return text.bytes >= chars_min && text.bytes <= UINT8_MAX;
}

static bool ice_is_valid(struct slice ufrag, struct slice pwd)
{
    return is_ice_text(ufrag, WORD_UFRAG_MIN) && is_ice_text(pwd, WORD_PWD_MIN);
}

/* A text that is copied; a zero byte makes it bad. */
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

static struct slice read_short(struct cursor *c)
{
    return cursor_slice(c, cursor_u8(c));
}

static void write_short(struct writer *w, struct slice text)
{
    writer_u8(w, (uint8_t)text.bytes);
    writer_bytes(w, text);
}

static struct slice read_json(struct cursor *c)
{
    return cursor_slice(c, cursor_u16(c));
}

static void write_json(struct writer *w, struct slice json)
{
    writer_u16(w, (uint16_t)json.bytes);
    writer_bytes(w, json);
}

static bool read_flag(struct cursor *c)
{
    uint8_t flag = cursor_u8(c);
    c->bad = c->bad || flag > 1;
    return flag == 1;
}

static void write_flag(struct writer *w, bool flag)
{
    writer_u8(w, flag ? 1 : 0);
}

/* A time beyond what is valid becomes negative here, and is refused below. */
static int64_t read_ms(struct cursor *c)
{
    uint64_t ms = cursor_u64(c);
    return ms <= INT64_MAX ? (int64_t)ms : -1;
}

/* ---- what is in range: asked before writing and after reading ---- */

static bool level_is_valid(uint8_t level)
{
    return level >= 1 && level <= TREE_DEPTH_MAX;
}

static bool report_is_valid(const struct word_report *report)
{
    return node_region_is_valid(report->view.region) &&
           (level_is_valid(report->level) || report->level == WORD_LEVEL_NONE) &&
           (report->parent[0] == '\0' || node_id_is_valid(report->parent));
}

static bool room_is_valid(const struct word_room *room)
{
    return room->mode <= MODE_LIFEBOAT && room->start_ms >= 0 && room->live_ms >= 0 &&
           room->ended_ms >= 0 && json_is_valid(room->json, WORD_ROOM_JSON_MAX);
}

static bool news_are_valid(const struct word_message *news)
{
    return news->kind >= WORD_NEWS_AUDIENCE && news->kind <= WORD_NEWS_OTHER &&
           json_is_valid(news->json, WORD_NEWS_JSON_MAX);
}

static bool place_is_valid(const struct word_place *place)
{
    if (!level_is_valid(place->level) || place->count < 1 || place->count > TREE_PARENTS_MAX)
        return false;
    for (unsigned i = 0; i < place->count; i++)
        if (!node_id_is_valid(place->parents[i].id) || !node_url_is_valid(place->parents[i].url))
            return false;
    return true;
}

static bool answer_is_valid(const struct word_answer *answer)
{
    if (answer->candidate_count < 1 || answer->candidate_count > WORD_CANDIDATES_MAX)
        return false;
    for (unsigned i = 0; i < answer->candidate_count; i++)
        if (answer->candidates[i].port == 0)
            return false;
    return ice_is_valid(answer->ufrag, answer->pwd) && answer->opus_type <= TYPE_MAX &&
           answer->red_type <= TYPE_MAX;
}

static bool ban_is_valid(const struct word_ban *ban)
{
    char text[ADDRESS_NETWORK_TEXT_MAX];
    return ban->network == 0 ? ban->is_lifted : address_network_write(ban->network, text);
}

static bool body_is_valid(const struct word *word)
{
    switch (word->kind) {
    case WORD_REPORT:
        return report_is_valid(&word->report);
    case WORD_ROOM:
        return room_is_valid(&word->room);
    case WORD_NEWS:
        return news_are_valid(&word->news);
    case WORD_PLACE:
        return place_is_valid(&word->place);
    case WORD_OVER:
        return word->over >= WORD_OVER_NOT_ORIGIN && word->over <= WORD_OVER_NOT_WANTED;
    case WORD_OFFER:
        return level_is_valid(word->offer.level) &&
               ice_is_valid(word->offer.ufrag, word->offer.pwd);
    case WORD_ANSWER:
        return answer_is_valid(&word->answer);
    case WORD_DECLINE:
        return word->decline.reason >= WORD_DECLINE_NOT_CARRIED &&
               word->decline.reason <= WORD_DECLINE_DRAINING;
    case WORD_BAN:
        return ban_is_valid(&word->ban);
    case WORD_LEAVE:
    case WORD_GRANT:
    case WORD_BYE:
        return true;
    }
    return false;
}

/* ---- one kind each ---- */

static void read_report(struct cursor *c, struct word_report *out)
{
    read_text(c, out->view.region, NODE_REGION_MAX);
    out->view.seats = cursor_u32(c);
    out->view.seats_free = cursor_u32(c);
    out->view.joins_per_s = cursor_u32(c);
    out->view.egress_bps = cursor_u64(c);
    out->view.egress_max_bps = cursor_u64(c);
    out->view.load_permille = cursor_u32(c);
    out->view.is_draining = read_flag(c);
    out->grant = cursor_u32(c);
    out->seats = cursor_u32(c);
    out->seated = cursor_u32(c);
    out->connected = cursor_u32(c);
    out->hearing = cursor_u32(c);
    out->turned_away = cursor_u64(c);
    out->place = cursor_u32(c);
    out->level = cursor_u8(c);
    read_text(c, out->parent, NODE_ID_MAX);
    out->children = cursor_u32(c);
    out->is_hearing = read_flag(c);
}

static void write_report(struct writer *w, const struct word_report *report)
{
    write_text(w, report->view.region);
    writer_u32(w, report->view.seats);
    writer_u32(w, report->view.seats_free);
    writer_u32(w, report->view.joins_per_s);
    writer_u64(w, report->view.egress_bps);
    writer_u64(w, report->view.egress_max_bps);
    writer_u32(w, report->view.load_permille);
    write_flag(w, report->view.is_draining);
    writer_u32(w, report->grant);
    writer_u32(w, report->seats);
    writer_u32(w, report->seated);
    writer_u32(w, report->connected);
    writer_u32(w, report->hearing);
    writer_u64(w, report->turned_away);
    writer_u32(w, report->place);
    writer_u8(w, report->level);
    write_text(w, report->parent);
    writer_u32(w, report->children);
    write_flag(w, report->is_hearing);
}

static void read_room(struct cursor *c, struct word_room *out)
{
    out->state = cursor_u8(c);
    out->mode = (enum mode)cursor_u8(c);
    out->is_stereo = read_flag(c);
    out->start_ms = read_ms(c);
    out->live_ms = read_ms(c);
    out->ended_ms = read_ms(c);
    out->json = read_json(c);
}

static void write_room(struct writer *w, const struct word_room *room)
{
    writer_u8(w, room->state);
    writer_u8(w, (uint8_t)room->mode);
    write_flag(w, room->is_stereo);
    writer_u64(w, (uint64_t)room->start_ms);
    writer_u64(w, (uint64_t)room->live_ms);
    writer_u64(w, (uint64_t)room->ended_ms);
    write_json(w, room->json);
}

static void read_place(struct cursor *c, struct word_place *out)
{
    out->number = cursor_u32(c);
    out->level = cursor_u8(c);
    out->count = cursor_u8(c);
    for (unsigned i = 0; i < out->count && i < TREE_PARENTS_MAX; i++) {
        read_text(c, out->parents[i].id, NODE_ID_MAX);
        read_text(c, out->parents[i].url, NODE_URL_MAX);
    }
}

static void write_place(struct writer *w, const struct word_place *place)
{
    writer_u32(w, place->number);
    writer_u8(w, place->level);
    writer_u8(w, (uint8_t)place->count);
    for (unsigned i = 0; i < place->count; i++) {
        write_text(w, place->parents[i].id);
        write_text(w, place->parents[i].url);
    }
}

static void read_offer(struct cursor *c, struct word_offer *out)
{
    out->ask = cursor_u32(c);
    out->level = cursor_u8(c);
    out->ufrag = read_short(c);
    out->pwd = read_short(c);
    cursor_copy(c, out->fingerprint, sizeof(out->fingerprint));
}

static void write_offer(struct writer *w, const struct word_offer *offer)
{
    writer_u32(w, offer->ask);
    writer_u8(w, offer->level);
    write_short(w, offer->ufrag);
    write_short(w, offer->pwd);
    writer_bytes(w, slice_of(offer->fingerprint, sizeof(offer->fingerprint)));
}

static void read_answer(struct cursor *c, struct word_answer *out)
{
    out->ask = cursor_u32(c);
    out->ufrag = read_short(c);
    out->pwd = read_short(c);
    cursor_copy(c, out->fingerprint, sizeof(out->fingerprint));
    out->ssrc = cursor_u32(c);
    out->opus_type = cursor_u8(c);
    out->red_type = cursor_u8(c);
    out->candidate_count = cursor_u8(c);
    for (unsigned i = 0; i < out->candidate_count && i < WORD_CANDIDATES_MAX; i++) {
        cursor_copy(c, out->candidates[i].ip, sizeof(out->candidates[i].ip));
        out->candidates[i].port = cursor_u16(c);
    }
}

static void write_answer(struct writer *w, const struct word_answer *answer)
{
    writer_u32(w, answer->ask);
    write_short(w, answer->ufrag);
    write_short(w, answer->pwd);
    writer_bytes(w, slice_of(answer->fingerprint, sizeof(answer->fingerprint)));
    writer_u32(w, answer->ssrc);
    writer_u8(w, answer->opus_type);
    writer_u8(w, answer->red_type);
    writer_u8(w, (uint8_t)answer->candidate_count);
    for (unsigned i = 0; i < answer->candidate_count; i++) {
        writer_bytes(w, slice_of(answer->candidates[i].ip, sizeof(answer->candidates[i].ip)));
        writer_u16(w, answer->candidates[i].port);
    }
}

/* ---- the whole ---- */

static void read_body(struct cursor *c, struct word *out)
{
    switch (out->kind) {
    case WORD_REPORT:
        read_report(c, &out->report);
        return;
    case WORD_ROOM:
        read_room(c, &out->room);
        return;
    case WORD_NEWS:
        out->news.kind = (enum word_news)cursor_u8(c);
        out->news.json = read_json(c);
        return;
    case WORD_PLACE:
        read_place(c, &out->place);
        return;
    case WORD_GRANT:
        out->grant.number = cursor_u32(c);
        out->grant.seats = cursor_u32(c);
        out->grant.takes_newcomers = read_flag(c);
        return;
    case WORD_OVER:
        out->over = (enum word_over)cursor_u8(c);
        return;
    case WORD_OFFER:
        read_offer(c, &out->offer);
        return;
    case WORD_ANSWER:
        read_answer(c, &out->answer);
        return;
    case WORD_DECLINE:
        out->decline.ask = cursor_u32(c);
        out->decline.reason = (enum word_decline)cursor_u8(c);
        return;
    case WORD_BYE:
        out->bye.ask = cursor_u32(c);
        return;
    case WORD_BAN:
        out->ban.network = cursor_u64(c);
        out->ban.is_lifted = read_flag(c);
        return;
    case WORD_LEAVE:
        return;
    }
}

static void write_body(struct writer *w, const struct word *word)
{
    switch (word->kind) {
    case WORD_REPORT:
        write_report(w, &word->report);
        return;
    case WORD_ROOM:
        write_room(w, &word->room);
        return;
    case WORD_NEWS:
        writer_u8(w, (uint8_t)word->news.kind);
        write_json(w, word->news.json);
        return;
    case WORD_PLACE:
        write_place(w, &word->place);
        return;
    case WORD_GRANT:
        writer_u32(w, word->grant.number);
        writer_u32(w, word->grant.seats);
        write_flag(w, word->grant.takes_newcomers);
        return;
    case WORD_OVER:
        writer_u8(w, (uint8_t)word->over);
        return;
    case WORD_OFFER:
        write_offer(w, &word->offer);
        return;
    case WORD_ANSWER:
        write_answer(w, &word->answer);
        return;
    case WORD_DECLINE:
        writer_u32(w, word->decline.ask);
        writer_u8(w, (uint8_t)word->decline.reason);
        return;
    case WORD_BYE:
        writer_u32(w, word->bye.ask);
        return;
    case WORD_BAN:
        writer_u64(w, word->ban.network);
        write_flag(w, word->ban.is_lifted);
        return;
    case WORD_LEAVE:
        return;
    }
}

int word_read(struct word *out, struct slice bytes)
{
    struct cursor c = cursor_of(bytes);
    struct word word = {.kind = (enum word_kind)cursor_u8(&c)};
    read_text(&c, word.slug, SLUG_MAX);
    if (c.bad || bytes.bytes > WORD_BYTES_MAX || !slug_is_valid(word.slug))
        return ERR_PROTO;
    read_body(&c, &word);
    if (c.bad || cursor_left(&c) != 0 || !body_is_valid(&word))
        return ERR_PROTO;
    *out = word;
    return 0;
}

int word_write(struct writer *out, const struct word *word)
{
    if (!slug_is_valid(word->slug) || !body_is_valid(word))
        return ERR_INVAL;
    struct writer before = *out;
    writer_u8(out, (uint8_t)word->kind);
    write_text(out, word->slug);
    write_body(out, word);
    if (!out->full)
        return 0;
    *out = before;
    return ERR_FULL;
}

const char *word_kind_name(enum word_kind kind)
{
    static const char *const names[] = {
        [WORD_REPORT] = "report",   [WORD_LEAVE] = "leave", [WORD_ROOM] = "room",
        [WORD_NEWS] = "news",       [WORD_PLACE] = "place", [WORD_GRANT] = "grant",
        [WORD_OVER] = "over",       [WORD_OFFER] = "offer", [WORD_ANSWER] = "answer",
        [WORD_DECLINE] = "decline", [WORD_BYE] = "bye",     [WORD_BAN] = "ban",
    };
    return kind >= WORD_REPORT && kind <= WORD_BAN ? names[kind] : "unknown";
}
