#include "rehearse/plain.h"

void plain_copy(char *out, size_t out_bytes, const char *text)
{
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < out_bytes; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[i] = '\0';
}
