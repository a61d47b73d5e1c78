#include "signalling/range.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The first byte is the file's size; the rest a header field. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char header[256] = "";
    if (bytes < 1 || bytes > sizeof(header))
        return 0;
    memcpy(header, data + 1, bytes - 1);
    uint64_t size = data[0];
    struct range range = {0};
    if (range_parse(header, size, &range) == RANGE_PART &&
        (range.first > range.last || range.last >= size))
        abort();
    if (etag_is_listed_strongly(header, "\"1-0-2\"") && !etag_is_listed(header, "\"1-0-2\""))
        abort();
    return 0;
}
