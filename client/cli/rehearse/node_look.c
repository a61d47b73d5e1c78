#include "rehearse/node_look.h"

#include "rehearse/plain.h"

#include <jansson.h>

#include <string.h>

/* Larger than anything true, and small enough to be multiplied by a million. */
static const json_int_t NUMBER_MAX = 10000000000000;

bool look_has(const struct node_look *look, enum look_number number)
{
    return (look->seen >> number & 1) != 0;
}

static bool is_number(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           json_integer_value(value) <= NUMBER_MAX;
}

static void take_number(struct node_look *look, enum look_number number, const json_t *value)
{
    if (!is_number(value))
        return;
    look->numbers[number] = (uint64_t)json_integer_value(value);
    look->seen |= 1u << number;
}

static void take_text(char *out, size_t out_bytes, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text != NULL)
        plain_copy(out, out_bytes, text);
}

static void take_name(char out[LOOK_NAME_CHARS], const json_t *value)
{
    take_text(out, LOOK_NAME_CHARS, value);
}

static void take_threads(struct node_look *look, const json_t *list)
{
    look->thread_count = 0;
    for (size_t i = 0; i < json_array_size(list) && look->thread_count < LOOK_THREADS_MAX; i++) {
        const json_t *entry = json_array_get(list, i);
        const json_t *cpu_ms = json_object_get(entry, "cpu_ms");
        if (!is_number(cpu_ms))
            continue;
        struct look_thread *thread = &look->threads[look->thread_count++];
        *thread = (struct look_thread){.cpu_ms = (uint64_t)json_integer_value(cpu_ms)};
        take_name(thread->name, json_object_get(entry, "name"));
    }
}

static void take_audience(struct node_look *look, const json_t *object)
{
    take_number(look, LOOK_CONNECTED, json_object_get(object, "connected"));
    take_number(look, LOOK_HEARING, json_object_get(object, "hearing"));
}

int look_take_node(struct node_look *look, const char *text, size_t bytes)
{
    json_t *node = json_loadb(text, bytes, 0, NULL);
    if (!json_is_object(node)) {
        json_decref(node);
        return ERR_PROTO;
    }
    const json_t *seats = json_object_get(node, "seats"), *media = json_object_get(node, "media");
    const struct {
        enum look_number number;
        const json_t *value;
    } members[] = {
        {LOOK_CORES, json_object_get(node, "cores")},
        {LOOK_WORKERS, json_object_get(node, "workers")},
        {LOOK_CPU_MS, json_object_get(node, "cpu_ms")},
        {LOOK_RSS_BYTES, json_object_get(node, "rss_bytes")},
        {LOOK_SEATS_MAX, json_object_get(seats, "max")},
        {LOOK_SEATS_TAKEN, json_object_get(seats, "taken")},
        {LOOK_PROGRAM_SENT, json_object_get(media, "program_sent")},
        {LOOK_PROGRAM_LATE, json_object_get(media, "program_late")},
        {LOOK_PROGRAM_FAILED, json_object_get(media, "program_failed")},
        {LOOK_SEND_FAILURES, json_object_get(media, "send_failures")},
        {LOOK_GOVERNOR_SEATS, json_object_get(json_object_get(node, "governor"), "seats")},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        take_number(look, members[i].number, members[i].value);
    if (!look_has(look, LOOK_HEARING))
        take_audience(look, node);
    take_threads(look, json_object_get(node, "threads"));
    take_name(look->version, json_object_get(node, "version"));
    if (look->mode[0] == '\0')
        take_name(look->mode, json_object_get(node, "mode"));
    json_decref(node);
    return 0;
}

int look_take_room(struct node_look *look, const char *text, size_t bytes)
{
    json_t *room = json_loadb(text, bytes, 0, NULL);
    int err = json_is_object(room) ? 0 : ERR_PROTO;
    if (err == 0) {
        take_audience(look, room);
        take_number(look, LOOK_IN_LINE, json_object_get(room, "in_line"));
        take_number(look, LOOK_TURNED_AWAY, json_object_get(room, "turned_away"));
        take_number(look, LOOK_ROOM_SEATS, json_object_get(room, "seats"));
        take_number(look, LOOK_SMALL_SEATS, json_object_get(room, "small_audience_seats"));
        take_name(look->mode, json_object_get(room, "mode"));
        take_text(look->cause, sizeof(look->cause), json_object_get(room, "mode_cause"));
    }
    json_decref(room);
    return err;
}

/* ---- between two looks ---- */

static bool both(const struct node_look *before, const struct node_look *after,
                 enum look_number number)
{
    return look_has(before, number) && look_has(after, number);
}

/* 0 when it went down: the server was started anew. */
static uint64_t growth(const struct node_look *before, const struct node_look *after,
                       enum look_number number)
{
    uint64_t old = before->numbers[number], new = after->numbers[number];
    return new > old ? new - old : 0;
}

static uint32_t bounded(uint64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static uint32_t permille_of(uint64_t cpu_ms, uint64_t interval_us)
{
    return bounded(cpu_ms * 1000000 / interval_us);
}

/* Threads are told apart by their place in the list and their name. */
static void find_busiest(struct server_second *out, const struct node_look *before,
                         const struct node_look *after, uint64_t interval_us)
{
    for (unsigned i = 0; i < after->thread_count && i < before->thread_count; i++) {
        const struct look_thread *old = &before->threads[i], *new = &after->threads[i];
        if (strcmp(old->name, new->name) != 0 || new->cpu_ms < old->cpu_ms)
            continue;
        uint32_t permille = permille_of(new->cpu_ms - old->cpu_ms, interval_us);
        if (out->has_busiest && permille <= out->busiest_permille)
            continue;
        out->has_busiest = true;
        out->busiest_permille = permille;
        memcpy(out->busiest, new->name, sizeof(out->busiest));
    }
}

static void make_rates(struct server_second *out, const struct node_look *before,
                       const struct node_look *after)
{
    uint64_t interval_us = out->interval_us = after->at_us - before->at_us;
    out->has_cpu = both(before, after, LOOK_CPU_MS);
    if (out->has_cpu)
        out->cpu_permille = permille_of(growth(before, after, LOOK_CPU_MS), interval_us);
    find_busiest(out, before, after, interval_us);
    out->has_sent = both(before, after, LOOK_PROGRAM_SENT);
    if (out->has_sent)
        out->sent = growth(before, after, LOOK_PROGRAM_SENT);
    static const enum look_number failures[] = {LOOK_PROGRAM_FAILED, LOOK_SEND_FAILURES};
    for (unsigned i = 0; i < 2; i++)
        if (both(before, after, failures[i])) {
            out->failures += growth(before, after, failures[i]);
            out->has_failures = true;
        }
    if (both(before, after, LOOK_PROGRAM_LATE))
        out->late = growth(before, after, LOOK_PROGRAM_LATE);
}

void server_second_make(struct server_second *out, const struct node_look *before,
                        const struct node_look *after)
{
    const uint64_t *numbers = after->numbers; /* 0 where nothing was seen */
    *out = (struct server_second){.at_us = after->at_us,
                                  .is_seen = after->seen != 0,
                                  .has_hearing = look_has(after, LOOK_HEARING),
                                  .has_connected = look_has(after, LOOK_CONNECTED),
                                  .has_room = look_has(after, LOOK_ROOM_SEATS),
                                  .has_taken = look_has(after, LOOK_SEATS_TAKEN),
                                  .has_rss = look_has(after, LOOK_RSS_BYTES),
                                  .hearing = bounded(numbers[LOOK_HEARING]),
                                  .connected = bounded(numbers[LOOK_CONNECTED]),
                                  .seats_taken = bounded(numbers[LOOK_SEATS_TAKEN]),
                                  .rss_bytes = numbers[LOOK_RSS_BYTES],
                                  .in_line = bounded(numbers[LOOK_IN_LINE]),
                                  .turned_away = bounded(numbers[LOOK_TURNED_AWAY]),
                                  .seats_max = bounded(numbers[LOOK_SEATS_MAX]),
                                  .room_seats = bounded(numbers[LOOK_ROOM_SEATS]),
                                  .small_seats = bounded(numbers[LOOK_SMALL_SEATS]),
                                  .governor_seats = bounded(numbers[LOOK_GOVERNOR_SEATS])};
    memcpy(out->mode, after->mode, sizeof(out->mode));
    memcpy(out->cause, after->cause, sizeof(out->cause));
    if (after->at_us > before->at_us)
        make_rates(out, before, after);
}
