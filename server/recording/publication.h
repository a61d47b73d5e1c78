/* publication.h - makes a recording whole: end marks, tags, sync. Nothing of length is read or
 * written.
 *
 * Owner    works on the recorder's recordings
 * Thread   recorder
 * Units    samples at 48 kHz from the start of the recording
 * Errors   told as RECORDER_FAULT and tried again every RECORDING_RETRY_US
 * Spec     RFC 7845 section 4.4 (end trimming), 5.2 (tags)
 */
#ifndef RECORDING_PUBLICATION_H
#define RECORDING_PUBLICATION_H

#include "recording/recording.h"

/* All tracks end at end_samples (a packet that reaches beyond and is on disk already moves the end
 * of all). Answers PUBLISHED at once, or from a later tick; then the recording is `over`. */
void publication_begin(struct recording *recording, uint64_t end_samples, uint64_t now_us);
/* Opens what a crash left and ends it where its longest track ends. If it cannot be opened it is
 * told as FAULT and `over`. */
void publication_finish(struct recording *recording, uint64_t now_us);
void publication_tick(struct recording *recording, uint64_t now_us);

#endif
