/* mode.h - how a room's program is served: as well as can be, or more cheaply, or to fewer people.
 *
 * The governor decides for the node; the operator and the room's owner may each ask for a mode; the
 * strictest one holds, so modes are in order of strictness.
 *
 * Owner    nobody: plain constants
 * Thread   any
 * Units    none
 * Errors   mode_parse: ERR_INVAL
 * Spec     protocol.schema.json, $defs/mode
 */
#ifndef BASE_MODE_H
#define BASE_MODE_H

#include "rostrum/error.h"

#include <stdbool.h>

enum mode {
    MODE_NORMAL,         /* packets of 20 ms */
    MODE_ECONOMY,        /* packets of 60 ms: a third of the packets, at 40 ms more delay */
    MODE_SMALL_AUDIENCE, /* economy for as many as are served well; all others wait in line */
    MODE_LIFEBOAT,       /* hosts and recording first: listeners are sent back into the line */
};

/* What people may ask for. Only the governor chooses the lifeboat. */
#define MODE_ALLOWED "normal, economy or small_audience"

/* "normal", "economy", "small_audience", "lifeboat"; lends a constant. */
const char *mode_name(enum mode mode);
/* ERR_INVAL: not one of MODE_ALLOWED. */
MUST_CHECK int mode_parse(enum mode *out, const char *name);
enum mode mode_stricter(enum mode a, enum mode b);
/* The program travels in packets of 60 ms. */
bool mode_is_packed(enum mode mode);

#endif
