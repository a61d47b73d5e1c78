#include "audience/srtp_batch.h"

#include "audience/engines_internal.h"

#include <string.h>

/* Fastest first. */
static const struct srtp_engine *const engines[] = {&engine_openssl};
static const char *const names[] = {"openssl", NULL};
enum { ENGINES = sizeof(engines) / sizeof(engines[0]) };
_Static_assert(sizeof(names) / sizeof(names[0]) == ENGINES + 1, "one name each");

const struct srtp_engine *srtp_engine_find(const char *name)
{
    if (strcmp(name, "auto") == 0)
        return engines[0];
    for (size_t i = 0; i < ENGINES; i++)
        if (strcmp(name, engines[i]->name) == 0)
            return engines[i];
    return NULL;
}

const char *const *srtp_engine_names(void)
{
    return names;
}
