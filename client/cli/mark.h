/* mark.h - a beep at every full second of wall time, and finding it again: mouth to ear in one
 * number.
 *
 * The beep starts exactly at the second. Who hears it knows how late it is, if both clocks agree.
 *
 * Owner    speak (writes), listen (finds)
 * Thread   one
 * Units    microseconds of wall time since 1970; samples at 48 kHz
 * Errors   none
 * Spec     Goertzel over 2.5 ms windows at MARK_HZ
 */
#ifndef CLI_MARK_H
#define CLI_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MARK_HZ = 2400,
    MARK_SAMPLES = 2400, /* 50 ms */
    MARK_WINDOW_SAMPLES = 120,
};

int64_t mark_wall_us(void);
/* Adds the beep to a frame whose first sample is spoken at start_wall_us. */
void mark_write(int16_t *pcm, size_t samples, int64_t start_wall_us);

struct mark_finder {
    bool inside;    /* within a beep */
    unsigned quiet; /* windows without it since the last */
};
/* Looks for the start of a beep in a frame. True: *offset_samples is where. */
bool mark_find(struct mark_finder *finder, const int16_t *pcm, size_t samples,
               size_t *offset_samples);

#endif
