#include "signalling/views.h"

#include "base/clock.h"
#include "room/cluster.h"
#include "room/connection.h"
#include "signalling/texts.h"

#include <stdio.h>

enum { SAMPLES_PER_MS = 48 };

/* The strings come from our store and were checked as UTF-8 on their way in; texts_string() keeps one damaged
 * name from taking the whole message away. */
static void set_string(json_t *object, const char *name, const char *value)
{
    json_object_set_new(object, name, texts_string(value));
}

static void set_time(json_t *object, const char *name, int64_t wall_ms)
{
    if (wall_ms > 0)
        json_object_set_new(object, name, json_integer(wall_ms));
}

static json_t *view_publication(const struct room *room)
{
    const struct recording_record *recording = room_publication(room);
    if (recording == NULL)
        return NULL;
    char url[STORE_SLUG_MAX + 32];
    snprintf(url, sizeof(url), "/r/%s/recording.opus", room_record(room)->slug);
    return json_pack("{s:s, s:I, s:I}", "url", url, "bytes", (json_int_t)recording->bytes,
                     "duration_ms", (json_int_t)(recording->duration_samples / SAMPLES_PER_MS));
}

static void set_mode(json_t *view, const struct room *room)
{
    const char *cause = room_mode_cause(room);
    set_string(view, "mode", mode_name(room_mode(room)));
    if (cause[0] != '\0')
        set_string(view, "mode_cause", cause);
}

static void set_audience(json_t *view, const struct room *room)
{
    struct room_crowd crowd;
    room_crowd(room, &crowd);
    json_object_set_new(view, "hearing", json_integer(crowd.hearing));
    json_object_set_new(view, "connected", json_integer(crowd.connected));
    json_object_set_new(view, "in_line", json_integer(crowd.in_line));
    json_object_set_new(view, "turned_away", json_integer(crowd.turned_away));
    if (crowd.silent_nodes > 0)
        json_object_set_new(view, "at_least", json_true());
}

/* What the origin said, as it said it. */
static json_t *told(struct slice json)
{
    json_t *object =
        json.bytes > 0 ? json_loadb((const char *)json.data, json.bytes, 0, NULL) : NULL;
    return object != NULL ? object : json_object();
}

json_t *view_room(const struct room *room)
{
    if (room_is_relayed(room))
        return told(room_told_view(room));
    const struct room_record *record = room_record(room);
    json_t *view = json_object();
    set_string(view, "slug", record->slug);
    set_string(view, "title", record->title);
    set_string(view, "state", room_state_name(record->state));
    set_time(view, "start_ms", record->start_ms);
    set_time(view, "live_ms", record->live_ms);
    set_time(view, "ended_ms", record->ended_ms);
    json_object_set_new(view, "recording", json_boolean(room_is_recording(room)));
    json_object_set_new(view, "stereo", json_boolean(record->stereo));
    set_mode(view, room);
    if (room_record(room)->small_audience_seats > 0)
        json_object_set_new(view, "small_audience_seats",
                            json_integer(room_record(room)->small_audience_seats));
    json_t *names = json_array();
    unsigned count;
    const struct roster_entry *roster = room_roster(room, &count);
    for (unsigned i = 0; i < count; i++)
        if (!roster[i].revoked)
            json_array_append_new(names, texts_string(roster[i].name));
    json_object_set_new(view, "hosts", names);
    json_t *publication = view_publication(room);
    if (publication != NULL)
        json_object_set_new(view, "publication", publication);
    return view;
}

json_t *view_room_api(const struct room *room)
{
    const struct room_record *record = room_record(room);
    struct room_line line;
    room_line(room, &line);
    json_t *view = view_room(room);
    set_audience(view, room);
    json_object_set_new(view, "seats", json_integer(record->seats));
    json_object_set_new(view, "seats_now", json_integer(line.seats));
    json_object_set_new(view, "places_per_address", json_integer(record->places_per_address));
    set_string(view, "wanted_mode", mode_name(record->mode));
    return view;
}

json_t *view_elsewhere(const struct elsewhere *to)
{
    json_t *view = json_pack("{s:s}", "url", to->url);
    if (to->ticket[0] != '\0')
        set_string(view, "ticket", to->ticket);
    if (to->region[0] != '\0')
        set_string(view, "region", to->region);
    return view;
}

json_t *view_line(const struct line_standing *standing)
{
    json_t *view = json_pack("{s:s, s:I, s:I}", "ticket", standing->ticket, "place",
                             (json_int_t)standing->place, "in_line", (json_int_t)standing->in_line);
    if (standing->knows_wait)
        json_object_set_new(view, "wait",
                            json_pack("{s:I, s:I}", "from_s", (json_int_t)standing->from_s, "to_s",
                                      (json_int_t)standing->to_s));
    return view;
}

json_t *view_door(const struct room *room, const struct room_line *line)
{
    json_t *view = json_object();
    set_string(view, "state", room_state_name(room_record(room)->state));
    set_mode(view, room);
    set_time(view, "start_ms", room_record(room)->start_ms);
    set_time(view, "doors_ms", room_doors_ms(room));
    set_audience(view, room);
    json_object_set_new(view, "moved", json_integer((json_int_t)line->moved));
    json_object_set_new(view, "seats_free", json_boolean(line->seats_free));
    json_t *publication = view_publication(room);
    if (publication != NULL)
        json_object_set_new(view, "publication", publication);
    return view;
}

json_t *view_room_message(const struct room *room)
{
    return json_pack("{s:s, s:o}", "type", "room", "room", view_room(room));
}

static json_t *view_entry(const struct roster_entry *entry)
{
    json_t *view = json_object();
    json_object_set_new(view, "id", json_integer(entry->host));
    set_string(view, "name", entry->name);
    set_string(view, "role", role_name(entry->role));
    json_object_set_new(view, "present", json_boolean(entry->present));
    json_object_set_new(view, "on_stage", json_boolean(entry->on_stage));
    json_object_set_new(view, "muted", json_boolean(entry->muted));
    json_object_set_new(view, "muted_by_moderator", json_boolean(entry->muted_by_moderator));
    json_object_set_new(view, "agreed", json_boolean(entry->agreed));
    return view;
}

json_t *view_roster_message(const struct room *room)
{
    json_t *hosts = json_array();
    unsigned count;
    const struct roster_entry *roster = room_roster(room, &count);
    for (unsigned i = 0; i < count; i++)
        if (!roster[i].revoked)
            json_array_append_new(hosts, view_entry(&roster[i]));
    return json_pack("{s:s, s:o}", "type", "roster", "hosts", hosts);
}

json_t *view_levels_message(const struct stage_level *levels, unsigned count)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count && i < STAGE_HOSTS_MAX; i++)
        json_array_append_new(list, json_pack("{s:i, s:i, s:b}", "id", (int)levels[i].host,
                                              "level_dbov", (int)levels[i].level_dbov, "speaking",
                                              (int)levels[i].speaking));
    return json_pack("{s:s, s:o}", "type", "levels", "levels", list);
}

json_t *view_audience_message(const struct room *room)
{
    if (room_is_relayed(room))
        return told(room_told_audience(room));
    json_t *view = json_pack("{s:s}", "type", "audience");
    set_audience(view, room);
    return view;
}

json_t *view_consent(const struct room *room, uint32_t host)
{
    const struct roster_entry *entry = room_host(room, host);
    return json_pack("{s:s, s:{s:s, s:s}, s:b}", "wording", consent_wording(), "text", "en",
                     consent_text("en"), "de", consent_text("de"), "agreed",
                     (int)(entry != NULL && entry->agreed));
}

json_t *view_welcome_message(const struct room *room, uint32_t host, const char *ref)
{
    json_t *welcome = json_pack("{s:s, s:I, s:o}", "type", "welcome", "server_time_ms",
                                (json_int_t)clock_wall_ms(), "room", view_room(room));
    if (ref[0] != '\0')
        set_string(welcome, "ref", ref);
    const struct roster_entry *entry = host != 0 ? room_host(room, host) : NULL;
    if (entry == NULL)
        return welcome;
    json_t *you = json_pack("{s:i}", "id", (int)entry->host);
    set_string(you, "name", entry->name);
    set_string(you, "role", role_name(entry->role));
    json_object_set_new(welcome, "you", you);
    json_object_set_new(welcome, "consent", view_consent(room, host));
    return welcome;
}
