#include "base/mode.h"

#include <string.h>

static const char *const names[] = {[MODE_NORMAL] = "normal", [MODE_ECONOMY] = "economy"};

const char *mode_name(enum mode mode)
{
    return names[mode];
}

int mode_parse(enum mode *out, const char *name)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *out = (enum mode)i;
        return 0;
    }
    return ERR_INVAL;
}
