#include "number.h"

#include <string.h>

bool number_read(uint32_t *out, const char *text, size_t chars)
{
    if (chars < 1 || chars > NUMBER_DIGITS_MAX || strspn(text, "0123456789") < chars)
        return false;
    uint32_t number = 0;
    for (size_t i = 0; i < chars; i++)
        number = number * 10 + (uint32_t)(text[i] - '0');
    *out = number;
    return true;
}

bool number_in(uint32_t *out, const char *text, uint32_t least, uint32_t most)
{
    uint32_t number;
    if (!number_read(&number, text, strlen(text)) || number < least || number > most)
        return false;
    *out = number;
    return true;
}
