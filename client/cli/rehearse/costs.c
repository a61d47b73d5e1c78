#include "rehearse/costs.h"

#include <string.h>

enum {
    US_PER_PERMILLE = 1000, /* a permille of one core for a second */
    SECOND_US = 1000000,
    REPORTS_S = COSTS_REPORTS_US / SECOND_US,
};

/* ---- steady seconds ---- */

static bool is_steady(const struct row *rows, uint32_t second)
{
    if (second == 0)
        return false;
    const struct row *row = &rows[second], *before = &rows[second - 1];
    uint32_t now = row->crowd.hearing, then = before->crowd.hearing;
    uint32_t step = now > then ? now - then : then - now;
    return now > 0 && row->crowd.joins == 0 && before->crowd.joins == 0 &&
           (uint64_t)step * 100 <= now;
}

/* Of what only full houses show: a tenth may have left. */
static bool is_full(const struct row *row, uint32_t most)
{
    return (uint64_t)row->crowd.hearing * 10 >= (uint64_t)most * 9;
}

static uint32_t most_steady(const struct row *rows, uint32_t count)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        if (is_steady(rows, i) && rows[i].crowd.hearing > most)
            most = rows[i].crowd.hearing;
    return most;
}

struct sum {
    double value, weight;
};

static void add(struct sum *sum, double value, double weight)
{
    sum->value += value;
    sum->weight += weight;
}

static struct figure quotient(const struct sum *sum, double factor)
{
    if (sum->weight <= 0)
        return (struct figure){0};
    return (struct figure){.is_known = true, .value = sum->value * factor / sum->weight};
}

static void take_steady(struct costs *out, const struct row *rows, uint32_t count)
{
    uint32_t most = most_steady(rows, count);
    struct sum hearing = {0}, cpu = {0}, busiest = {0}, of_listeners = {0}, of_packets = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        if (!is_steady(rows, i) || !is_full(row, most))
            continue;
        out->steady_seconds++;
        add(&hearing, row->crowd.hearing, 1);
        if (row->server.has_cpu) {
            add(&cpu, row->server.cpu_permille, 1);
            add(&of_listeners, row->server.cpu_permille, row->crowd.hearing);
        }
        if (row->server.has_cpu && row->server.has_sent)
            add(&of_packets, (double)row->server.cpu_permille * (double)row->server.interval_us,
                (double)row->server.sent);
        if (row->server.has_busiest) {
            add(&busiest, row->server.busiest_permille, 1);
            memcpy(out->busiest, row->server.busiest, sizeof(out->busiest));
        }
    }
    out->steady_hearing = (uint32_t)(quotient(&hearing, 1).value + 0.5);
    out->steady_permille = quotient(&cpu, 1);
    out->busiest_permille = quotient(&busiest, 1);
    out->us_per_listener_s = quotient(&of_listeners, US_PER_PERMILLE);
    out->us_per_packet = quotient(&of_packets, (double)US_PER_PERMILLE / SECOND_US);
}

/* ---- joining, memory, sums ---- */

/* The second after a join bears a part of it: the server's seconds are not quite ours. */
static bool is_joining(const struct row *rows, uint32_t second)
{
    return rows[second].crowd.joins > 0 || (second > 0 && rows[second - 1].crowd.joins > 0);
}

static void take_joins(struct costs *out, const struct row *rows, uint32_t count)
{
    if (!out->steady_permille.is_known || !out->rest_permille.is_known)
        return;
    double of_listener =
        (out->steady_permille.value - out->rest_permille.value) / out->steady_hearing;
    struct sum joins = {0};
    for (uint32_t i = 0; i < count; i++)
        if (is_joining(rows, i) && rows[i].server.has_cpu)
            add(&joins,
                rows[i].server.cpu_permille - out->rest_permille.value -
                    of_listener * rows[i].crowd.hearing,
                rows[i].crowd.joins);
    out->ms_per_join = quotient(&joins, US_PER_PERMILLE / 1000.0);
    if (out->ms_per_join.value < 0)
        out->ms_per_join.value = 0; /* lost in the noise */
}

/* The last full steady second: the joins have settled. */
static void take_memory(struct costs *out, const struct row *rows, uint32_t count,
                        const struct server_second *rest)
{
    uint32_t most = most_steady(rows, count);
    for (uint32_t i = count; i-- > 0;) {
        const struct row *row = &rows[i];
        if (!is_steady(rows, i) || !is_full(row, most) || !row->server.has_rss || !rest->has_rss)
            continue;
        double growth = (double)row->server.rss_bytes - (double)rest->rss_bytes;
        growth = growth > 0 ? growth : 0; /* an earlier crowd's memory is used again */
        out->rss_per_seat = (struct figure){true, growth / row->crowd.hearing};
        return;
    }
}

static void take_sums(struct costs *out, const struct row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct server_second *server = &rows[i].server;
        if (server->has_sent) {
            out->sent.is_known = out->late.is_known = true;
            out->sent.value += (double)server->sent;
            out->late.value += (double)server->late;
        }
        if (server->has_failures) {
            out->failures.is_known = true;
            out->failures.value += (double)server->failures;
        }
    }
}

void costs_make(struct costs *out, const struct row *rows, uint32_t count,
                const struct server_second *rest)
{
    *out = (struct costs){0};
    if (rest->has_cpu)
        out->rest_permille = (struct figure){true, rest->cpu_permille};
    take_steady(out, rows, count);
    take_joins(out, rows, count);
    take_memory(out, rows, count, rest);
    take_sums(out, rows, count);
}

/* ---- the count ---- */

struct range {
    uint32_t low, high;
};

/* What was true from `first` to the second after `second`, for the server's row may be a little
 * older or younger than ours. */
static struct range true_range(const struct row *rows, uint32_t count, uint32_t first,
                               uint32_t second)
{
    struct range range = {rows[first].crowd.hearing, rows[first].crowd.hearing};
    for (uint32_t i = first; i <= second + 1 && i < count; i++) {
        uint32_t hearing = rows[i].crowd.hearing;
        range.low = hearing < range.low ? hearing : range.low;
        range.high = hearing > range.high ? hearing : range.high;
    }
    return range;
}

static uint32_t beyond(uint32_t value, struct range range)
{
    if (value > range.high)
        return value - range.high;
    return value < range.low ? range.low - value : 0;
}

static void compare(struct truth *out, const struct row *rows, uint32_t count, uint32_t second,
                    uint32_t said, bool has_unread)
{
    struct range now = true_range(rows, count, second, second);
    if (said > now.high && said - now.high > out->overcount_max)
        out->overcount_max = said - now.high;
    if (second < REPORTS_S)
        return;
    out->is_error_known = !has_unread;
    struct range lately = true_range(rows, count, second - REPORTS_S, second);
    uint32_t error = beyond(said, lately);
    uint32_t permille = lately.high > 0 ? (uint32_t)((uint64_t)error * 1000 / lately.high) : 0;
    if (error > out->error_max)
        out->error_max = error;
    if (permille > out->error_max_permille)
        out->error_max_permille = permille;
}

void truth_make(struct truth *out, const struct row *rows, uint32_t count, uint32_t others,
                bool has_unread)
{
    *out = (struct truth){0};
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].crowd.hearing > out->true_max)
            out->true_max = rows[i].crowd.hearing;
        if (!rows[i].server.has_hearing)
            continue;
        uint32_t said = rows[i].server.hearing;
        said = said > others ? said - others : 0;
        out->is_known = true;
        if (said > out->server_max)
            out->server_max = said;
        compare(out, rows, count, i, said, has_unread);
    }
}
