#include "rostrum/rtp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t buffer[1 << 20];
    struct red_block blocks[RED_BLOCKS_MAX];
    size_t count;
    if (bytes > sizeof(buffer) || red_parse(blocks, &count, slice_of(data, bytes), 48000) != 0)
        return 0;
    struct writer w = writer_of(buffer, sizeof(buffer));
    if (red_write(blocks, count, &w) != 0 || !slice_equal(writer_slice(&w), slice_of(data, bytes)))
        abort();
    return 0;
}
