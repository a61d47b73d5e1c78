#include "admission/line.h"

#include "admission/appointments.h"
#include "admission/moves.h"
#include "admission/places.h"
#include "admission/prefixes.h"
#include "base/thread.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)

enum {
    CLASS_SHIFT = 62, /* of a key; the number is below */
    LAPSE_TICKS = LINE_LAPSE_S * 1000000 / PLACES_TICK_US,

    /* A line is taken for no slower than this, nor, at LINE_CHECK_INS_PER_S, for faster. One that has just
     * begun is taken for as fast as can be, for so long, however fast the one before it was: who comes too
     * early asks once more, who comes too late finds others in their seat. */
    PER_S_MIN = 36,
    PER_S_MAX = 450,
    YOUNG_US = 10 * 1000 * 1000,

    /* Whose turn is far comes earlier, and not all at once, so that a line that becomes faster is noticed;
     * whose turn is near comes at that moment, so that they sit in their order. */
    NEAR_MS = 2000,
    SHARE_OF_WAIT_PERCENT = 60,
    JITTER_PERCENT = 20, /* either way */

    /* Who came at their turn and found no seat comes again when so many more were given, within these
     * bounds. */
    SEATS_BETWEEN = 20,
    AGAIN_MIN_MS = 200,
    AGAIN_FRONT_MS = 800, /* with the jitter: a seat that is free finds somebody within a second */
    AGAIN_MAX_MS = 50000,
    /* Most of a second's check-ins may be promised to people far behind, but not those that the front
     * needs. 105 such seconds hold LINE_PLACES_MAX. */
    FAR_PER_S = 1050,
};

_Static_assert(LINE_PLACES_MAX / FAR_PER_S < APPOINTMENTS_AHEAD_MAX_S, "a second for everybody");
_Static_assert((int)APPOINTMENTS_AHEAD_MAX_S <= (int)PLACES_DUE_AHEAD_MAX_S,
               "a place can remember it");
_Static_assert(APPOINTMENTS_AHEAD_MAX_S + 10 < LINE_LAPSE_S, "nobody lapses who keeps it");

struct line {
    struct line_params params;
    uint64_t now_us;
    uint64_t moved;
    uint64_t began_us; /* nobody was here before */
    struct line_outlook outlook;
    uint32_t waiting[LINE_CLASSES];
    struct places places;
    struct prefixes prefixes;
    struct moves moves;
    struct appointments appointments;
};

static uint64_t key_of(unsigned who, uint64_t number)
{
    return (uint64_t)who << CLASS_SHIFT | number;
}

static bool find(const struct line *line, uint64_t number, struct spot *out)
{
    for (unsigned who = 0; who < LINE_CLASSES; who++)
        if (line->waiting[who] > 0 && places_find(&line->places, key_of(who, number), out))
            return true;
    return false;
}

static uint32_t now_s_of(const struct line *line)
{
    return (uint32_t)(line->now_us / SECOND_US);
}

static void tell_time(struct line *line, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (now_us <= line->now_us)
        return;
    line->now_us = now_us;
    places_turn_to(&line->places, (uint32_t)(now_us / PLACES_TICK_US));
    appointments_turn_to(&line->appointments, now_s_of(line));
}

int line_create(struct line **out, const struct line_params *params)
{
    if (params->places_max == 0 || params->places_max > LINE_PLACES_MAX ||
        params->per_prefix == 0 || params->per_prefix > LINE_PER_PREFIX_MAX)
        return ERR_INVAL;
    struct line *line = calloc(1, sizeof(*line));
    if (!line)
        return ERR_NOMEM;
    line->params = *params;
    uint64_t key = (uint64_t)params->random_u32() << 32 | params->random_u32();
    int err = places_init(&line->places, params->places_max, LAPSE_TICKS);
    if (err == 0)
        err = prefixes_init(&line->prefixes, params->places_max, key);
    if (err != 0) {
        line_destroy(line);
        return err;
    }
    *out = line;
    return 0;
}

void line_destroy(struct line *line)
{
    if (!line)
        return;
    places_clear(&line->places);
    prefixes_clear(&line->prefixes);
    free(line);
}

void line_set_per_prefix(struct line *line, uint32_t per_prefix)
{
    assert(per_prefix > 0 && per_prefix <= LINE_PER_PREFIX_MAX);
    line->params.per_prefix = per_prefix;
}

void line_expect(struct line *line, const struct line_outlook *outlook)
{
    uint32_t former_per_s = line->outlook.most_per_s;
    line->outlook = *outlook;
    if (outlook->most_per_s == 0)
        line->outlook.most_per_s = former_per_s;
}

/* What the place held besides its spot in the order, which it leaves or has left. */
static void account_for(struct line *line, const struct place *place)
{
    line->waiting[place->key >> CLASS_SHIFT]--;
    line->moved++;
    if (place->prefix != 0)
        prefixes_remove(&line->prefixes, place->prefix);
}

static void cancel_appointment(struct line *line, struct spot spot)
{
    uint32_t ahead_s = places_ahead_s(&line->places, spot);
    if (ahead_s > 0)
        appointments_cancel(&line->appointments, now_s_of(line) + ahead_s);
    places_expect(&line->places, spot, 0);
}

static void lapse(struct line *line, const struct place *place)
{
    account_for(line, place);
    moves_gone(&line->moves, line->now_us);
}

static void see(struct line *line, struct spot spot)
{
    places_see(&line->places, spot);
    cancel_appointment(line, spot);
}

static void remove_lapsed(struct line *line, struct spot spot)
{
    lapse(line, places_at(&line->places, spot));
    places_remove(&line->places, spot);
}

/* Among those of the better class, by its number. First there, then not here: one of both always stands. */
static int promote(struct line *line, struct spot spot, enum line_class who, uint64_t number)
{
    const struct place old = *places_at(&line->places, spot);
    unsigned old_class = (unsigned)(old.key >> CLASS_SHIFT);
    int err = places_insert(&line->places, key_of(who, number), old.prefix);
    if (err != 0)
        return err;
    line->waiting[who]++;
    line->waiting[old_class]--;
    if (places_find(&line->places, old.key, &spot)) /* it may have moved */
        places_remove(&line->places, spot);
    return 0;
}

static int make_place(struct line *line, enum line_class who, uint64_t number, uint64_t prefix)
{
    if (line->places.count >= line->params.places_max)
        return ERR_FULL;
    uint32_t hash = prefix == 0 ? 0 : prefixes_hash(&line->prefixes, prefix);
    if (hash != 0 && prefixes_count(&line->prefixes, hash) >= line->params.per_prefix)
        return ERR_EXIST;
    int err = places_insert(&line->places, key_of(who, number), hash);
    if (err != 0)
        return err;
    if (line->places.count == 1)
        line->began_us = line->now_us;
    if (hash != 0)
        prefixes_add(&line->prefixes, hash);
    line->waiting[who]++;
    return 0;
}

int line_enter(struct line *line, enum line_class who, uint64_t number, uint64_t prefix,
               uint64_t now_us)
{
    tell_time(line, now_us);
    if (number == 0 || number >> CLASS_SHIFT != 0 || (unsigned)who >= LINE_CLASSES)
        return ERR_INVAL;
    struct spot spot;
    if (!find(line, number, &spot))
        return make_place(line, who, number, prefix);
    if (places_is_lapsed(&line->places, spot)) {
        remove_lapsed(line, spot);
        return make_place(line, who, number, prefix);
    }
    see(line, spot);
    if (places_at(&line->places, spot)->key > key_of(who, number))
        return promote(line, spot, who, number);
    return 0;
}

int line_seen(struct line *line, uint64_t number, uint64_t now_us)
{
    struct spot spot;
    tell_time(line, now_us);
    if (!find(line, number, &spot))
        return ERR_NOENT;
    if (places_is_lapsed(&line->places, spot)) {
        remove_lapsed(line, spot);
        return ERR_NOENT;
    }
    see(line, spot);
    return 0;
}

bool line_may_sit(struct line *line, uint64_t number, uint32_t free_seats, uint64_t now_us)
{
    struct spot spot;
    tell_time(line, now_us);
    return find(line, number, &spot) && places_is_fresh(&line->places, spot) &&
           places_fresh_before(&line->places, spot) < free_seats;
}

bool line_may_sit_at_once(const struct line *line, uint64_t number, uint32_t free_seats)
{
    struct spot spot;
    return find(line, number, &spot) && places_there_before(&line->places, spot) < free_seats;
}

bool line_leave(struct line *line, uint64_t number, enum line_why why)
{
    struct spot spot;
    ASSERT_THREAD(THREAD_CONTROL);
    if (!find(line, number, &spot))
        return false;
    if (!places_is_lapsed(&line->places, spot))
        cancel_appointment(line, spot);
    account_for(line, places_at(&line->places, spot));
    places_remove(&line->places, spot);
    switch (why) {
    case LINE_WHY_SEATED:
        moves_seated(&line->moves, line->now_us);
        break;
    case LINE_WHY_GAVE_UP:
        moves_gone(&line->moves, line->now_us);
        break;
    }
    return true;
}

uint32_t line_rank(const struct line *line, uint64_t number)
{
    struct spot spot;
    return find(line, number, &spot) ? places_rank(&line->places, spot) : UINT32_MAX;
}

bool line_wait(const struct line *line, uint64_t number, uint64_t now_us, uint32_t *from_s,
               uint32_t *to_s)
{
    struct spot spot;
    if (!find(line, number, &spot))
        return false;
    if (now_us < line->now_us)
        now_us = line->now_us;
    return moves_wait(&line->moves, places_there_before(&line->places, spot),
                      places_there(&line->places), now_us, from_s, to_s);
}

static uint32_t jittered(struct line *line, uint32_t value)
{
    uint32_t reach = value * JITTER_PERCENT / 100;
    return value - reach + line->params.random_u32() % (2 * reach + 1);
}

static double bounded(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

/* Seats that are given in a second from now on, or from when the doors open: rather too many. */
static double hoped_per_s(const struct line *line, double seated_per_s)
{
    const struct line_outlook *outlook = &line->outlook;
    bool is_young = line->now_us < line->began_us + YOUNG_US;
    bool is_unknown = is_young || outlook->opens_us > line->now_us;
    double most = bounded(fmax(outlook->most_per_s, seated_per_s), PER_S_MIN, PER_S_MAX);
    return bounded(is_unknown ? most : seated_per_s + outlook->free_seats, PER_S_MIN, most);
}

static uint32_t wanted_again_ms(struct line *line, uint32_t ahead)
{
    const struct line_outlook *outlook = &line->outlook;
    double seated_per_s = moves_rate(&line->moves, line->now_us);
    double closed_ms =
        outlook->opens_us > line->now_us ? (double)(outlook->opens_us - line->now_us) / 1000 : 0;
    double turn_ms = closed_ms + (ahead + 1) / hoped_per_s(line, seated_per_s) * 1000;
    double given_ms = SEATS_BETWEEN * 1000 / (seated_per_s + outlook->free_seats + 1);
    double least_ms = bounded(given_ms, AGAIN_MIN_MS, AGAIN_FRONT_MS);
    if (turn_ms >= NEAR_MS)
        return jittered(line, (uint32_t)bounded(turn_ms * SHARE_OF_WAIT_PERCENT / 100,
                                                AGAIN_FRONT_MS, AGAIN_MAX_MS));
    return turn_ms > least_ms ? (uint32_t)turn_ms : jittered(line, (uint32_t)least_ms);
}

uint32_t line_again_ms(struct line *line, uint64_t number, uint64_t now_us)
{
    struct spot spot;
    tell_time(line, now_us);
    if (!find(line, number, &spot))
        return AGAIN_MAX_MS;
    if (places_is_lapsed(&line->places, spot))
        return AGAIN_FRONT_MS;
    cancel_appointment(line, spot);
    uint32_t wanted_ms = wanted_again_ms(line, places_there_before(&line->places, spot));
    uint16_t limit = wanted_ms < NEAR_MS ? LINE_CHECK_INS_PER_S : FAR_PER_S;
    uint64_t at_ms = line->now_us / 1000 + wanted_ms;
    uint32_t wanted_s = (uint32_t)(at_ms / 1000);
    uint32_t due_s = appointments_make(&line->appointments, wanted_s, limit);
    places_expect(&line->places, spot, due_s - now_s_of(line));
    if (due_s != wanted_s)
        at_ms = due_s * UINT64_C(1000) + line->params.random_u32() % 1000;
    return (uint32_t)(at_ms - line->now_us / 1000);
}

uint32_t line_sweep(struct line *line, uint64_t now_us)
{
    struct place lapsed[PLACES_LAPSED_MAX];
    tell_time(line, now_us);
    uint32_t count = places_take_lapsed(&line->places, lapsed);
    for (uint32_t i = 0; i < count; i++)
        lapse(line, &lapsed[i]);
    return count;
}

uint32_t line_count(const struct line *line)
{
    return line->places.count;
}

uint64_t line_moved(const struct line *line)
{
    return line->moved;
}

size_t line_bytes(const struct line *line)
{
    return sizeof(*line) + places_bytes(&line->places) + prefixes_bytes(&line->prefixes);
}
