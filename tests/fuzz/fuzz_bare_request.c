#include "signalling/bare_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool has_line_end(struct slice text)
{
    return text.bytes > 0 && (memchr(text.data, '\r', text.bytes) != NULL ||
                              memchr(text.data, '\n', text.bytes) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char end[] = "\r\n\r\n";
    struct bare_request asked, part;
    if (bare_request_read(&asked, slice_of(data, bytes)) != 0)
        return 0;
    if (memcmp(data + bytes - 4, end, 4) != 0 || asked.method.bytes == 0 ||
        asked.target.bytes == 0 || has_line_end(asked.target) ||
        has_line_end(asked.authorization) || has_line_end(asked.forwarded_for))
        abort();
    for (size_t fewer = 0; fewer < bytes; fewer++) /* no part of it is whole */
        if (bare_request_read(&part, slice_of(data, fewer)) == 0)
            abort();
    return 0;
}
