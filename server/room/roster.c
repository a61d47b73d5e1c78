/* The invited: tokens, roles, presence, mutes, consent. */
#include "room/room_internal.h"

#include "base/clock.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_CHARACTERS_MAX = 80 };

static const char CONSENT_WORDING[] = "2026-11";

static const char CONSENT_TEXT_EN[] =
    "This conversation is broadcast live and recorded from the moment the room goes live. The "
    "recording, with your voice and your name, is published on this page right after the end, and "
    "can be downloaded by anyone. The host of this room can withdraw the publication. I agree to "
    "be "
    "recorded.";

static const char CONSENT_TEXT_DE[] =
    "Dieses Gespräch wird live übertragen und aufgezeichnet, sobald der Raum auf Sendung geht. Die "
    "Aufzeichnung wird mit Stimme und Name gleich nach dem Ende auf dieser Seite veröffentlicht "
    "und "
    "kann von allen heruntergeladen werden. Wer diesen Raum leitet, kann die Veröffentlichung "
    "zurückziehen. Ich bin mit der Aufzeichnung einverstanden.";

const char *consent_wording(void)
{
    return CONSENT_WORDING;
}

const char *consent_text(const char *language)
{
    return strcmp(language, "de") == 0 ? CONSENT_TEXT_DE : CONSENT_TEXT_EN;
}

struct host_private *room_private(struct room *room, uint32_t host)
{
    return host >= 1 && host <= room->host_count ? &room->hosts[host - 1] : NULL;
}

static int append_host(struct room *room, const struct invitation_record *record)
{
    unsigned count = room->host_count + 1;
    struct roster_entry *roster = reallocarray(room->roster, count, sizeof(*roster));
    if (roster == NULL)
        return ERR_NOMEM;
    room->roster = roster;
    struct host_private *hosts = reallocarray(room->hosts, count, sizeof(*hosts));
    if (hosts == NULL)
        return ERR_NOMEM;
    room->hosts = hosts;
    struct roster_entry *entry = &room->roster[room->host_count];
    *entry = (struct roster_entry){
        .host = record->host, .role = record->role, .revoked = record->revoked};
    (void)snprintf(entry->name, sizeof(entry->name), "%s", record->name);
    struct host_private *host = &room->hosts[room->host_count];
    *host = (struct host_private){.invitation = record->id, .created_ms = record->created_ms};
    memcpy(host->token.bytes, record->token_hash, sizeof(host->token.bytes));
    room->host_count = count;
    return 0;
}

/* Numbers may be missing: a full disk kept them from being written. Nobody has their tokens. */
int room_load_invitation(struct room *room, const struct invitation_record *record)
{
    if (record->host <= room->host_count || record->host > ROOM_HOSTS_MAX)
        return ERR_DAMAGED;
    int err = 0;
    while (err == 0 && record->host > room->host_count + 1) {
        struct invitation_record missing = {.host = room->host_count + 1, .revoked = true};
        err = append_host(room, &missing);
    }
    return err == 0 ? append_host(room, record) : err;
}

static struct invitation_record invitation_of(const struct room *room, uint32_t host)
{
    const struct roster_entry *entry = &room->roster[host - 1];
    const struct host_private *private = &room->hosts[host - 1];
    struct invitation_record record = {.id = private->invitation,
                                       .room = room->record.id,
                                       .host = host,
                                       .role = entry->role,
                                       .revoked = entry->revoked,
                                       .created_ms = private->created_ms};
    (void)snprintf(record.name, sizeof(record.name), "%s", entry->name);
    memcpy(record.token_hash, private->token.bytes, sizeof(record.token_hash));
    return record;
}

void room_save_invitation(struct room *room, uint32_t host)
{
    struct invitation_record record = invitation_of(room, host);
    int err =
        store_put_invitation(room->rooms->deps.store, &record, STORE_FULL, room_on_saved, room);
    room_on_saved(room, err);
}

static bool name_is_valid(const char *name)
{
    size_t characters = 0;
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7F)
            return false;
        characters += (*at & 0xC0) != 0x80;
    }
    return characters >= 1 && characters <= NAME_CHARACTERS_MAX && strlen(name) <= STORE_NAME_MAX;
}

static int check_invitation(const struct room *room, const char *name,
                            char problem[ROOM_PROBLEM_MAX])
{
    if (!name_is_valid(name)) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX,
                       "A name must have 1 to 80 characters and no control characters.");
        return ERR_INVAL;
    }
    if (room->record.state >= ROOM_ENDED) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX,
                       "The room is %s; hosts are invited before or while it is live.",
                       room_state_name(room->record.state));
        return ERR_BADSTATE;
    }
    if (room->host_count >= ROOM_HOSTS_MAX) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX, "A room can have at most %d invitations.",
                       ROOM_HOSTS_MAX);
        return ERR_FULL;
    }
    return 0;
}

int room_invite(struct room *room, const char *name, enum role role, char token[TOKEN_CHARS + 1],
                uint32_t *host, char problem[ROOM_PROBLEM_MAX])
{
    int err = check_invitation(room, name, problem);
    if (err != 0)
        return err;
    struct rooms *rooms = room->rooms;
    struct invitation_record record = {.id = rooms->last_invitation + 1,
                                       .room = room->record.id,
                                       .host = room->host_count + 1,
                                       .role = role,
                                       .created_ms = clock_wall_ms()};
    (void)snprintf(record.name, sizeof(record.name), "%s", name);
    token_make(token);
    struct token_hash hash = token_hash(token);
    memcpy(record.token_hash, hash.bytes, sizeof(record.token_hash));
    err = append_host(room, &record);
    if (err == 0) {
        err = store_put_invitation(rooms->deps.store, &record, STORE_NORMAL, room_on_saved, room);
        if (err != 0)
            room->host_count--;
    }
    if (err != 0) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX, "The server cannot take an invitation now: %s.",
                       error_name(err));
        return err;
    }
    rooms->last_invitation = record.id;
    if (room_is_recording(room) &&
        recorder_name_stem(rooms->deps.recorder, room->recording.id, record.host, name) != 0)
        log_warn("recording.unnamed_stem", "room=%s host=%u", room->record.slug, record.host);
    room_event(room, record.host, "host.invited", role_name(role));
    *host = record.host;
    room_tell_roster(room);
    room_tell(room);
    return 0;
}

int room_revoke(struct room *room, uint32_t host, store_done *done, void *ctx)
{
    struct host_private *private = room_private(room, host);
    if (private == NULL)
        return ERR_NOENT;
    struct roster_entry *entry = &room->roster[host - 1];
    entry->revoked = true;
    struct invitation_record record = invitation_of(room, host);
    struct store *store = room->rooms->deps.store;
    struct saving *saving = done != NULL ? saving_new(room, done, ctx) : NULL;
    int err = ERR_NOMEM;
    if (saving != NULL)
        err = store_put_invitation(store, &record, STORE_FULL, saving_done, saving);
    else if (done == NULL)
        err = store_put_invitation(store, &record, STORE_FULL, room_on_saved, room);
    if (err != 0) {
        free(saving);
        entry->revoked = false;
        return err;
    }
    room_event(room, host, "host.revoked", "");
    room_end_host(room, host, "removed");
    struct rooms_observer *observer = &room->rooms->observer;
    if (observer->on_revoked != NULL)
        observer->on_revoked(observer->ctx, room, host);
    room_tell_roster(room);
    room_tell(room);
    return 0;
}

int room_find_host(const struct room *room, const char *token, uint32_t *host)
{
    if (!token_is_well_formed(token))
        return ERR_AUTH;
    struct token_hash hash = token_hash(token);
    for (unsigned i = 0; i < room->host_count; i++) {
        if (!token_hash_equal(&hash, &room->hosts[i].token))
            continue;
        *host = i + 1;
        return room->roster[i].revoked ? ERR_BADSTATE : 0;
    }
    return ERR_AUTH;
}

bool room_may_steer(const struct room *room, uint32_t host)
{
    const struct roster_entry *entry = room_host(room, host);
    return entry != NULL && !entry->revoked && entry->role != ROLE_SPEAKER;
}

int room_mute(struct room *room, uint32_t by, uint32_t host, bool muted)
{
    if (room_private(room, host) == NULL || room->roster[host - 1].revoked)
        return ERR_NOENT;
    struct roster_entry *entry = &room->roster[host - 1];
    bool *muted_self = &room->hosts[host - 1].muted_self;
    bool steers = by == 0 || room_may_steer(room, by);
    if (by != host && !steers)
        return ERR_AUTH;
    bool stays = by == host && !muted && entry->muted_by_moderator && !steers;
    if (by == host)
        *muted_self = muted;
    if (by != host || (!muted && steers))
        entry->muted_by_moderator = muted;
    entry->muted = *muted_self || entry->muted_by_moderator;
    if (stays)
        return ERR_AUTH;
    room_tell_roster(room);
    if (room->hosts[host - 1].on_stage == NULL)
        return 0; /* the stage is told when this host enters */
    return stage_set_muted(room->rooms->deps.stage, room->record.id, host, entry->muted);
}

void room_host_appears(struct room *room, uint32_t host)
{
    struct host_private *private = room_private(room, host);
    if (private == NULL)
        return;
    private->pages++;
    room->roster[host - 1].present = true;
    room_tell_roster(room);
}

void room_host_leaves(struct room *room, uint32_t host)
{
    struct host_private *private = room_private(room, host);
    if (private == NULL || private->pages == 0)
        return;
    private->pages--;
    room->roster[host - 1].present = private->pages > 0;
    room_tell_roster(room);
}

/* ---- consent ---- */

struct agreement {
    struct room *room;
    uint32_t host;
    store_done *done;
    void *ctx;
};

static void on_agreement_synced(void *ctx, int err)
{
    struct agreement *agreement = ctx;
    if (err == 0) {
        agreement->room->roster[agreement->host - 1].agreed = true;
        room_event(agreement->room, agreement->host, "host.agreed", consent_wording());
        room_tell_roster(agreement->room);
    }
    if (agreement->done != NULL)
        agreement->done(agreement->ctx, err);
    free(agreement);
}

int room_agree(struct room *room, uint32_t host, const char *wording, store_done *done, void *ctx)
{
    struct host_private *private = room_private(room, host);
    if (private == NULL || strcmp(wording, consent_wording()) != 0)
        return ERR_INVAL;
    struct agreement *agreement = malloc(sizeof(*agreement));
    if (agreement == NULL)
        return ERR_NOMEM;
    *agreement = (struct agreement){room, host, done, ctx};
    /* Both languages are stored: they say the same, and which one was shown is the page's affair.
     */
    char text[sizeof(CONSENT_TEXT_EN) + sizeof(CONSENT_TEXT_DE)];
    (void)snprintf(text, sizeof(text), "%s\n%s", CONSENT_TEXT_EN, CONSENT_TEXT_DE);
    struct consent_record record = {
        .invitation = private->invitation, .text = text, .given_ms = clock_wall_ms()};
    (void)snprintf(record.wording, sizeof(record.wording), "%s", wording);
    int err = store_put_consent(room->rooms->deps.store, &record, on_agreement_synced, agreement);
    if (err != 0)
        free(agreement);
    return err;
}
