#include "rehearse/arrivals.h"

enum {
    STEP_SAMPLES = 120, /* RFC 7587 section 4.2: every packet is a multiple of 2.5 ms */
    SAMPLES_PER_MS = RECEPTION_CLOCK_HZ / 1000,
    USUAL_US = 20 * 1000, /* what TALLY_GAP_US was chosen for */
    LATE_STEPS = sizeof(((struct tally_second *)0)->late) / sizeof(uint32_t),
};

void arrivals_init(struct arrivals *arrivals)
{
    *arrivals = (struct arrivals){0};
    reception_init(&arrivals->reception);
}

/* ---- lateness ---- */

static int64_t transit_us(const struct arrivals *arrivals, uint64_t arrival_us, uint32_t timestamp)
{
    int64_t passed_us = (int64_t)(arrival_us - arrivals->first_us);
    int64_t samples = (int32_t)(timestamp - arrivals->first_timestamp);
    return passed_us - samples * 1000 / SAMPLES_PER_MS;
}

static void record(const struct arrivals *arrivals, int64_t transit, struct tally *tally,
                   struct tally_second *second)
{
    uint64_t late_us = (uint64_t)(transit - arrivals->quickest_us);
    histogram_add(&tally->lateness, late_us);
    if (second == NULL)
        return;
    uint64_t step = late_us / 1000;
    second->late[step < LATE_STEPS ? step : LATE_STEPS - 1]++;
}

/* The first ones, against the quickest of them. */
static void record_early(struct arrivals *arrivals, unsigned count, struct tally *tally,
                         struct tally_second *second)
{
    for (unsigned i = 0; i < count; i++)
        record(arrivals, arrivals->early_us[i], tally, second);
    arrivals->early_count = ARRIVALS_EARLY;
}

static void judge_lateness(struct arrivals *arrivals, int64_t transit, struct tally *tally,
                           struct tally_second *second)
{
    if (arrivals->early_count == 0 || transit < arrivals->quickest_us)
        arrivals->quickest_us = transit;
    if (arrivals->early_count == ARRIVALS_EARLY) {
        record(arrivals, transit, tally, second);
        return;
    }
    arrivals->early_us[arrivals->early_count++] = transit;
    if (arrivals->early_count == ARRIVALS_EARLY)
        record_early(arrivals, ARRIVALS_EARLY, tally, second);
}

/* Forgets the quickest packet; what was held back is judged by it still. */
static void start_anew(struct arrivals *arrivals, struct tally *tally, struct tally_second *second)
{
    if (arrivals->early_count < ARRIVALS_EARLY)
        record_early(arrivals, arrivals->early_count, tally, second);
    arrivals->early_count = 0;
}

/* ---- the packet whose length is now known ---- */

/* What counts is the time beyond the packet's own, as if all were of 20 ms. */
static void judge_gap(struct arrivals *arrivals, uint64_t waited_us, uint64_t length_us,
                      struct tally *tally, struct tally_second *second)
{
    uint64_t longer_us = length_us > USUAL_US ? length_us - USUAL_US : 0;
    uint64_t gap_us = waited_us > longer_us ? waited_us - longer_us : 0;
    if (gap_us > arrivals->longest_gap_us)
        arrivals->longest_gap_us = gap_us;
    if (gap_us <= TALLY_GAP_US)
        return;
    tally->gaps++;
    if (second != NULL)
        second->gaps++;
}

static void judge_newest(struct arrivals *arrivals, struct tally *tally,
                         struct tally_second *second)
{
    if (!arrivals->has_newest)
        return;
    const struct arrivals_newest *newest = &arrivals->newest;
    uint64_t length_us = (uint64_t)arrivals->length_samples * 1000 / SAMPLES_PER_MS;
    judge_gap(arrivals, newest->waited_us, length_us, tally, second);
    judge_lateness(arrivals, transit_us(arrivals, newest->arrival_us, newest->timestamp), tally,
                   second);
    arrivals->has_newest = false;
}

/* `packet` follows the newest one directly: the step between them is that one's length. */
static void learn_length(struct arrivals *arrivals, uint32_t step_samples, struct tally *tally,
                         struct tally_second *second)
{
    if (step_samples == 0 || step_samples > ARRIVALS_SAMPLES_MAX ||
        step_samples % STEP_SAMPLES != 0 || step_samples == arrivals->length_samples)
        return;
    if (arrivals->length_samples != 0)
        start_anew(arrivals, tally, second);
    arrivals->length_samples = step_samples;
}

static void take_newest(struct arrivals *arrivals, const struct rtp_packet *packet,
                        uint64_t ext_seq, uint64_t arrival_us, struct tally *tally,
                        struct tally_second *second)
{
    if (arrivals->has_newest && ext_seq == arrivals->newest.ext_seq + 1)
        learn_length(arrivals, packet->timestamp - arrivals->newest.timestamp, tally, second);
    judge_newest(arrivals, tally, second);
    arrivals->newest = (struct arrivals_newest){
        .ext_seq = ext_seq, .arrival_us = arrival_us, .timestamp = packet->timestamp};
    /* The kernel's stamps of two packets may be swapped by a few microseconds. */
    if (arrivals->last_us != 0 && arrival_us > arrivals->last_us)
        arrivals->newest.waited_us = arrival_us - arrivals->last_us;
    arrivals->has_newest = true;
}

/* ---- all packets ---- */

static uint64_t missing(const struct reception *reception)
{
    return reception_expected(reception) - reception->received;
}

static void count_lost(int64_t more, struct tally *tally, struct tally_second *second)
{
    tally->lost += (uint64_t)more; /* a packet that came late after all takes one away again */
    if (second == NULL)
        return;
    if (more > 0)
        second->lost += (uint64_t)more;
    else if (more < 0 && second->lost > 0)
        second->lost--;
}

/* The first packet of all, or of another source in its place: transits are not comparable. */
static void take_first(struct arrivals *arrivals, const struct rtp_packet *packet,
                       uint64_t arrival_us, struct tally *tally, struct tally_second *second)
{
    judge_newest(arrivals, tally, second);
    start_anew(arrivals, tally, second);
    arrivals->first_us = arrival_us;
    arrivals->first_timestamp = packet->timestamp;
    arrivals->length_samples = 0;
}

bool arrivals_take(struct arrivals *arrivals, const struct rtp_packet *packet, uint64_t arrival_us,
                   struct tally *tally, struct tally_second *second)
{
    struct reception *reception = &arrivals->reception;
    uint64_t missing_before = missing(reception), newest_before = reception->highest_ext_seq;
    uint64_t ext_seq;
    if (!reception_take(reception, packet, arrival_us, &ext_seq))
        return false;
    bool is_first = reception->received == 1;
    if (is_first) {
        take_first(arrivals, packet, arrival_us, tally, second);
        missing_before = 0;
    }
    tally->packets++;
    if (second != NULL)
        second->packets++;
    count_lost((int64_t)(missing(reception) - missing_before), tally, second);
    if (is_first || ext_seq > newest_before)
        take_newest(arrivals, packet, ext_seq, arrival_us, tally, second);
    else
        judge_lateness(arrivals, transit_us(arrivals, arrival_us, packet->timestamp), tally,
                       second);
    if (arrival_us > arrivals->last_us)
        arrivals->last_us = arrival_us;
    return true;
}

void arrivals_end(struct arrivals *arrivals, uint64_t now_us, struct tally *tally,
                  struct tally_second *second)
{
    if (arrivals->last_us == 0)
        return;
    uint64_t length_us = (uint64_t)arrivals->length_samples * 1000 / SAMPLES_PER_MS;
    judge_newest(arrivals, tally, second);
    if (now_us > arrivals->last_us)
        judge_gap(arrivals, now_us - arrivals->last_us, length_us, tally, second);
    start_anew(arrivals, tally, second);
    histogram_add(&tally->jitter,
                  (uint64_t)(arrivals->reception.jitter_q4 >> 4) * 1000 / SAMPLES_PER_MS);
    histogram_add(&tally->longest_gap, arrivals->longest_gap_us);
}
