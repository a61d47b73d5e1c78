/* source.h - a sound file as 20 ms frames of mono PCM at 48 kHz.
 *
 * Owner    speak
 * Thread   one
 * Units    FRAME_SAMPLES (960) samples a frame
 * Errors   source_open: ERR_IO, ERR_UNSUPPORTED (told on standard error)
 * Spec     whatever libsndfile reads: WAV, Ogg Opus, FLAC, ...
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { SOURCE_FRAME_SAMPLES = 960 };

struct source;

MUST_CHECK int source_open(struct source **out, const char *path, bool loop);
void source_close(struct source *source); /* NULL is fine */
/* One frame; the last one is filled up with silence. False: the file is over. */
bool source_read(struct source *source, int16_t pcm[SOURCE_FRAME_SAMPLES]);

#endif
