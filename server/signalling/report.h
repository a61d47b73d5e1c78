/* report.h - what came of an event, from its history: who came when, what was refused and why; as JSON and as CSV.
 *
 * Owner    the caller frees the text
 * Thread   any: touches only what it is given (it runs on the store's thread, so that control does not wait)
 * Units    wall time in ms; of an address only its network
 * Errors   NULL: memory
 * Spec     RFC 4180 (CSV), CWE-1236 (no cell is taken for a formula)
 */
#ifndef SIGNALLING_REPORT_H
#define SIGNALLING_REPORT_H

#include "store/store.h"

enum { REPORT_NETWORKS_MAX = 100, REPORT_BUSIEST = 10 };

struct report_subject {
    struct room_record room;
    int64_t now_ms;
};

/* {"slug", "title", "state", "start_ms"?, "live_ms"?, "ended_ms"?, "generated_ms",
 *  "totals": {"attempts", "people", "turned_away", "by_cause": {every cause: number}},
 *  "peak": {"hearing", "hearing_ms", "connected", "in_line"},
 *  "history": [{"at_ms", "span_s", "hearing", "connected", "in_line", "turned_away", "seats", "mode", "cause"?,
 *               "arrivals"?: {cause: number, if any}}],
 *  "networks": {"kept", "missed", "list": [{"network", "attempts", "too_high", "arrivals": {…}}]},
 *  "changes": [{"at_ms", "kind": "state", "state"} or {"at_ms", "kind": "mode", "mode", "wanted"?, "cause"?, …}],
 *  "changes_complete", "facts": {…, "text"}}
 * history: an entry tells of the span_s seconds before at_ms: the most people at one time, all arrivals.
 * networks: the 100 busiest. A network that is not among the `kept` made at most `missed` attempts. */
char *report_json(const struct report_subject *subject, const struct store_history *history);
/* The history, a line for each sample. */
char *report_csv(const struct store_history *history);
/* Writes one cell, quoted where it must be; one that a spreadsheet would take for a formula begins with an apostrophe. */
void report_cell(char *out, size_t out_bytes, const char *text);

#endif
