#include "audience/srtp_batch.h"

#include "audience/engines_internal.h"

#include <string.h>

static bool always(void)
{
    return true;
}

/* Fastest first. */
static const struct {
    const struct srtp_engine *engine;
    bool (*works)(void);
} engines[] = {
#ifdef ROSTRUM_IPSECMB
    {&engine_ipsecmb, ipsecmb_works},
#endif
    {&engine_openssl, always},
};
static const char *const names[] = {
#ifdef ROSTRUM_IPSECMB
    "ipsecmb",
#endif
    "openssl", NULL};
enum { ENGINES = sizeof(engines) / sizeof(engines[0]) };
_Static_assert(sizeof(names) / sizeof(names[0]) == ENGINES + 1, "one name each");

const struct srtp_engine *srtp_engine_find(const char *name)
{
    bool any = strcmp(name, "auto") == 0;
    for (size_t i = 0; i < ENGINES; i++)
        if ((any || strcmp(name, engines[i].engine->name) == 0) && engines[i].works())
            return engines[i].engine;
    return NULL;
}

const char *const *srtp_engine_names(void)
{
    return names;
}
