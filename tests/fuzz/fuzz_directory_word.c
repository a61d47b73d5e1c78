#include "tree/directory_word.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct cluster_key key = {{1, 2, 3}};

/* Who knows the secret may still be broken: what is read is written again byte for byte. */
static void read_signed(struct slice text)
{
    uint8_t bytes[DIRECTORY_WORD_BYTES_MAX], again[DIRECTORY_WORD_BYTES_MAX];
    struct directory_word word;
    size_t count;
    if (text.bytes + CLUSTER_MAC_BYTES > sizeof(bytes))
        return;
    if (text.bytes > 0)
        memcpy(bytes, text.data, text.bytes);
    if (cluster_mac(&key, slice_of(bytes, text.bytes), bytes + text.bytes) != 0)
        abort();
    if (directory_word_parse(&word, &key, slice_of(bytes, text.bytes + CLUSTER_MAC_BYTES)) != 0)
        return;
    if (directory_word_write(&word, &key, again, &count) != 0 ||
        !slice_equal(slice_of(again, count), slice_of(bytes, text.bytes + CLUSTER_MAC_BYTES)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct directory_word word;
    struct lease lease;
    char again[LEASE_CHARS_MAX + 1];
    struct slice text = slice_of(data, bytes);
    if (directory_word_parse(&word, &key, text) == 0 && !node_id_is_valid(word.sender))
        abort();
    if (lease_parse(&lease, &key, "monday", text) == 0 &&
        (lease_write(&lease, &key, "monday", again) != 0 || !slice_is(text, again)))
        abort();
    read_signed(text);
    return 0;
}
