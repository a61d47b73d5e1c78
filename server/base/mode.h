/* mode.h - how a room's program is served: as well as can be, or more cheaply for more people.
 *
 * The operator and the room's owner may each ask for a mode; the stricter one holds, so modes are
 * in order of strictness.
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

enum mode {
    MODE_NORMAL,  /* packets of 20 ms */
    MODE_ECONOMY, /* packets of 60 ms: a third of the packets, at 40 ms more delay */
};

#define MODE_ALLOWED "normal or economy"

/* "normal", "economy"; lends a constant. */
const char *mode_name(enum mode mode);
/* ERR_INVAL: not one of MODE_ALLOWED. */
MUST_CHECK int mode_parse(enum mode *out, const char *name);

#endif
