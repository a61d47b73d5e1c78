#include "base/mode.h"

#include <string.h>

static const char *const names[] = {[MODE_NORMAL] = "normal",
                                    [MODE_ECONOMY] = "economy",
                                    [MODE_SMALL_AUDIENCE] = "small_audience",
                                    [MODE_LIFEBOAT] = "lifeboat"};

const char *mode_name(enum mode mode)
{
    return names[mode];
}

int mode_parse(enum mode *out, const char *name)
{
    for (unsigned i = 0; i <= MODE_SMALL_AUDIENCE; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *out = (enum mode)i;
        return 0;
    }
    return ERR_INVAL;
}

enum mode mode_stricter(enum mode a, enum mode b)
{
    return a > b ? a : b;
}

bool mode_is_packed(enum mode mode)
{
    switch (mode) {
    case MODE_NORMAL:
        return false;
    case MODE_ECONOMY:
    case MODE_SMALL_AUDIENCE:
    case MODE_LIFEBOAT:
        return true;
    }
    return false;
}
