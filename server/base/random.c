#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static const char ice_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void random_bytes(void *out, size_t bytes)
{
    uint8_t *at = out;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort();
        }
        at += got;
        bytes -= (size_t)got;
    }
}

uint32_t random_u32(void)
{
    uint32_t value;
    random_bytes(&value, sizeof(value));
    return value;
}

/* 256 is a multiple of 64, so the low six bits of a byte are an unbiased index. */
static void random_chars(char *out, size_t chars, const char *alphabet)
{
    random_bytes(out, chars);
    for (size_t i = 0; i < chars; i++)
        out[i] = alphabet[(unsigned char)out[i] & 63u];
    out[chars] = '\0';
}

void random_ice_chars(char *out, size_t chars)
{
    random_chars(out, chars, ice_alphabet);
}

void random_url_chars(char *out, size_t chars)
{
    random_chars(out, chars, url_alphabet);
}
