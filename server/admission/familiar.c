#include "admission/familiar.h"

#include "base/thread.h"

void familiar_note(struct familiar *familiar, const struct address *from, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    uint64_t prefix = address_prefix(from);
    unsigned at = 0;
    if (prefix == 0)
        return;
    for (unsigned i = 0; i < FAMILIAR_MAX; i++) {
        if (familiar->prefixes[i] == prefix) {
            at = i;
            break;
        }
        if (familiar->seen_us[i] < familiar->seen_us[at])
            at = i;
    }
    /* Who looks in between sees the one that makes way a little longer. */
    familiar->seen_us[at] = now_us;
    familiar->prefixes[at] = prefix;
}

bool familiar_has(const struct familiar *familiar, const struct address *from, uint64_t now_us)
{
    uint64_t prefix = address_prefix(from);
    for (unsigned i = 0; prefix != 0 && i < FAMILIAR_MAX; i++)
        if (familiar->prefixes[i] == prefix)
            return now_us <= familiar->seen_us[i] + FAMILIAR_US;
    return false;
}
