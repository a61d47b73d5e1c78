#include "base/slug.h"

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool slug_is_valid(const char *slug)
{
    unsigned chars = 0;
    for (; slug[chars] != '\0'; chars++) {
        if (chars == SLUG_MAX)
            return false;
        if (is_name_char(slug[chars]))
            continue;
        if (slug[chars] != '-' || chars == 0 || slug[chars - 1] == '-')
            return false;
    }
    return chars > 0 && slug[chars - 1] != '-';
}
