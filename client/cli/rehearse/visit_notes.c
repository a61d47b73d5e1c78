#include "rehearse/visit_notes.h"

#include "rehearse/door_internal.h"

static struct stand *stand_of(const struct visit *visit)
{
    return stands_at(&visit->door->stands, visit->stand);
}

static void stand_begin(struct visit *visit, uint64_t now_us)
{
    struct stand stand = {.number = visit->number,
                          .who = visit->lost_us != 0 ? STAND_RETURNING : STAND_NEWCOMER,
                          .lost_us = visit->lost_us,
                          .since_us = visit->since_us,
                          .since_answer_us = visit->since_answer_us,
                          .ask_us = now_us};
    if (visit->stand == STANDS_NONE)
        visit->stand = stands_open(&visit->door->stands, &stand);
}

void visit_stand_end(struct visit *visit, enum stand_end end, uint64_t now_us)
{
    struct stand *stand = stand_of(visit);
    visit->stand = STANDS_NONE;
    if (stand == NULL)
        return;
    stand->end = end;
    stand->end_us = now_us;
}

void visit_stand_seated(struct visit *visit, uint64_t now_us)
{
    struct stand *stand = stand_of(visit);
    if (stand == NULL || stand->seat_us != 0)
        return;
    stand->seat_ask_us = visit->ask_us;
    stand->seat_us = now_us;
}

void visit_stand_placed(struct visit *visit, const struct line_place *place, uint64_t now_us)
{
    struct stand *stand = stand_of(visit);
    if (stand == NULL)
        return;
    stand->again_us = visit->ask_us;
    if (stand->placed_us == 0) {
        stand->placed_us = now_us;
        stand->place = place->place;
    }
    if (stand->has_wait || !place->has_wait)
        return;
    stand->has_wait = true;
    stand->shown_us = now_us;
    stand->from_s = place->from_s;
    stand->to_s = place->to_s;
}

static struct tally_asks *asks_of(struct visit *visit)
{
    return &visit->door->tally.asks[visit->part];
}

void visit_note_asked(struct visit *visit, uint64_t now_us)
{
    visit->ask_us = now_us;
    if (visit->since_us == 0)
        visit->since_us = now_us;
    visit->part = atomic_load_explicit(&visit->door->part, memory_order_relaxed);
    stand_begin(visit, now_us);
    asks_of(visit)->asked++;
    asks_of(visit)->check_ins += visit->in_line;
    asks_of(visit)->newcomers += visit->ticket[0] == '\0';
}

/* The question under way was answered, whatever the answer. */
void visit_note_answered(struct visit *visit, uint64_t now_us)
{
    struct tally_asks *asks = asks_of(visit);
    struct stand *stand = stand_of(visit);
    uint64_t took_us = now_us - visit->ask_us;
    if (visit->since_answer_us == 0)
        visit->since_answer_us = now_us;
    if (stand != NULL && stand->answer_us == 0)
        stand->answer_us = now_us;
    if (stand != NULL)
        stand->since_answer_us = visit->since_answer_us;
    asks->answered++;
    asks->late += took_us > TALLY_ANSWER_US;
    visit->door->late_answers += took_us > TALLY_ANSWER_US;
    histogram_add(&asks->times, took_us);
    door_publish(visit->door);
}

void visit_note_unanswered(struct visit *visit)
{
    asks_of(visit)->unanswered++;
    visit->door->unanswered++;
}

void visit_stand_sound(struct visit *visit, uint64_t now_us)
{
    struct stand *stand = stand_of(visit);
    if (stand != NULL && stand->sound_us == 0)
        stand->sound_us = now_us;
}

void visit_note_missing(struct visit *visit, uint64_t lost_us)
{
    bool was_missing = visit->lost_us != 0, is_missing = lost_us != 0;
    if (is_missing && !was_missing)
        atomic_fetch_add_explicit(&visit->door->missing, 1, memory_order_relaxed);
    if (was_missing && !is_missing)
        atomic_fetch_sub_explicit(&visit->door->missing, 1, memory_order_relaxed);
    visit->lost_us = lost_us;
}

void visit_note_loss(struct visit *visit, const char *word)
{
    visit->door->tally.disconnects++;
    tally_reason(&visit->door->tally.losses, word, 1);
    door_publish(visit->door);
}

void visit_note_withdrawn(struct visit *visit)
{
    visit->door->tally.attempts -= visit->is_attempt;
    visit->is_attempt = false;
}
