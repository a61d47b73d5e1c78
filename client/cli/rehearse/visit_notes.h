/* visit_notes.h - what is kept of a visit: its questions and their answers, its stand (stands.h).
 *
 * Owner    the door's tally and stands
 * Thread   the door's
 * Units    microseconds, monotonic
 * Errors   none; a stand that found no place is not kept
 * Spec     none
 */
#ifndef REHEARSE_VISIT_NOTES_H
#define REHEARSE_VISIT_NOTES_H

#include "rehearse/stands.h"
#include "rehearse/visit.h"

/* A question begins, and with the first one its stand. */
void visit_note_asked(struct visit *visit, uint64_t now_us);
/* It was answered, whatever the answer. */
void visit_note_answered(struct visit *visit, uint64_t now_us);
void visit_note_unanswered(struct visit *visit);

void visit_stand_placed(struct visit *visit, const struct line_place *place, uint64_t now_us);
void visit_stand_seated(struct visit *visit, uint64_t now_us);
void visit_stand_sound(struct visit *visit, uint64_t now_us);
/* The next question begins a new one. */
void visit_stand_end(struct visit *visit, enum stand_end end, uint64_t now_us);
/* Since when it misses the sound that it had; 0: it does not. */
void visit_note_missing(struct visit *visit, uint64_t lost_us);
/* What it heard is lost, and why. */
void visit_note_loss(struct visit *visit, const char *word);
/* Its attempt is none: who goes while it hears elsewhere is not one who did not come in. */
void visit_note_withdrawn(struct visit *visit);

#endif
