#include "tree/words.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What is read is written again byte for byte. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t again[WORD_BYTES_MAX];
    struct slice text = slice_of(data, bytes);
    struct word word;
    if (word_read(&word, text) != 0)
        return 0;
    struct writer out = writer_of(again, sizeof(again));
    if (word_write(&out, &word) != 0 || !slice_equal(writer_slice(&out), text))
        abort();
    return 0;
}
