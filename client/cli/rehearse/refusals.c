#include "rehearse/refusals.h"

#include "line_word.h"

#include "base/clock.h"
#include "rehearse/ask.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

enum {
    SECOND_US = 1000 * 1000,
    PATH_CHARS = 128,
    SETTLE_US = 3 * SECOND_US, /* until packets are as long as the mode has them */
};

struct refusals {
    const struct refusals_params *params;
    struct asker *admin, *newcomer; /* owned */
    char wanted[LOOK_NAME_CHARS];   /* what the room was asked for before */
    uint32_t wanted_seats;          /* with small_audience; 0: as many as are served well */
};

static bool look(struct refusals *refusals, double *cpu_ms, uint64_t *at_us)
{
    const char *text;
    size_t bytes;
    struct node_look look = {0};
    if (ask(refusals->admin, "/api/v1/node", &text, &bytes) != 0)
        return false;
    *at_us = clock_now_us();
    if (look_take_node(&look, text, bytes) != 0 || !look_has(&look, LOOK_CPU_MS))
        return false;
    *cpu_ms = (double)look.numbers[LOOK_CPU_MS];
    return true;
}

static bool set_mode(struct refusals *refusals, const char *mode, uint32_t seats)
{
    char path[PATH_CHARS], body[96];
    const char *text;
    size_t bytes;
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s/mode", refusals->params->slug);
    if (seats > 0)
        (void)snprintf(body, sizeof(body), "{\"mode\":\"%s\",\"seats\":%u}", mode, seats);
    else
        (void)snprintf(body, sizeof(body), "{\"mode\":\"%s\"}", mode);
    return ask_post(refusals->admin, path, body, &text, &bytes) == 0;
}

/* The mode and the seats that the owner asked for, to be given back. */
static bool learn_wanted(struct refusals *refusals)
{
    char path[PATH_CHARS];
    const char *text;
    size_t bytes;
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s", refusals->params->slug);
    if (ask(refusals->admin, path, &text, &bytes) != 0)
        return false;
    json_t *room = json_loadb(text, bytes, 0, NULL);
    const char *wanted = json_string_value(json_object_get(room, "wanted_mode"));
    bool is_known = wanted != NULL && mode_seen(wanted) != MODE_UNSEEN;
    (void)snprintf(refusals->wanted, sizeof(refusals->wanted), "%s", is_known ? wanted : "");
    refusals->wanted_seats =
        (uint32_t)json_integer_value(json_object_get(room, "small_audience_seats"));
    json_decref(room);
    return is_known;
}

static void ask_once(struct refusals *refusals, struct promise_refusal *out)
{
    char path[PATH_CHARS];
    const char *text;
    size_t bytes;
    struct line_word word = {.answer = LINE_NO};
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s/line", refusals->params->slug);
    bool is_answered = ask_post(refusals->newcomer, path, NULL, &text, &bytes) == 0 &&
                       line_word_read(&word, 200, LINE_AGAIN_NEVER, text, bytes) == 0;
    if (is_answered && word.answer == LINE_PLACE)
        out->refusals++;
    else
        out->others++;
}

/* With the mode in force. */
static const char *measure(struct refusals *refusals, struct promise_refusal *out)
{
    double before_ms, idle_ms, after_ms;
    uint64_t before_us, idle_us, after_us;
    const struct refusals_params *params = refusals->params;
    if (!params->wait_until(clock_now_us() + SETTLE_US) ||
        !look(refusals, &before_ms, &before_us) ||
        !params->wait_until(before_us + params->idle_seconds * (uint64_t)SECOND_US) ||
        !look(refusals, &idle_ms, &idle_us))
        return "the server's processor could not be looked at";
    while (out->refusals + out->others < params->newcomers &&
           clock_now_us() < idle_us + REFUSALS_SECONDS * (uint64_t)SECOND_US)
        ask_once(refusals, out);
    if (!look(refusals, &after_ms, &after_us))
        return "the server's processor could not be looked at afterwards";
    out->idle_ms_per_s = (idle_ms - before_ms) * SECOND_US / (double)(idle_us - before_us);
    out->cpu_ms = after_ms - idle_ms;
    out->seconds = (double)(after_us - idle_us) / SECOND_US;
    return NULL;
}

static const char *play(struct refusals *refusals, struct promise_refusal *out)
{
    const struct refusals_params *params = refusals->params;
    if (params->token == NULL)
        return "without an admin's token the server's processor is not seen";
    if (params->seated == 0)
        return "nobody had a seat";
    if (asker_create(&refusals->admin, params->server, params->token) != 0 ||
        asker_create(&refusals->newcomer, params->server, NULL) != 0)
        return "this machine cannot ask";
    if (!learn_wanted(refusals))
        return "the room's mode could not be read";
    if (!set_mode(refusals, "small_audience", params->seated))
        return "the room did not take the mode small_audience";
    const char *why_not = measure(refusals, out);
    if (!set_mode(refusals, refusals->wanted, refusals->wanted_seats) && why_not == NULL)
        why_not = "the room did not take its own mode back";
    return why_not;
}

void refusals_measure(struct promise_refusal *out, const struct refusals_params *params)
{
    struct refusals refusals = {.params = params};
    *out = (struct promise_refusal){0};
    out->why_not = play(&refusals, out);
    asker_destroy(refusals.admin);
    asker_destroy(refusals.newcomer);
}
