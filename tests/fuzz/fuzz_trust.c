#include "tree/trust.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Nobody who does not know the secret gets as far as to be believed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct cluster_key key = {{1, 2, 3}};
    uint8_t answer[TRUST_GREETING_MAX];
    if (bytes == 0)
        return 0;
    struct cursor c = cursor_of(slice_of(data, bytes));
    struct trust trust;
    struct slice word;
    enum trust_role role = cursor_u8(&c) % 2 == 0 ? TRUST_CALLER : TRUST_CALLED;
    trust_begin(&trust, role, &key, "anna");
    if (role == TRUST_CALLER) {
        struct writer out = writer_of(answer, sizeof(answer));
        if (trust_greet(&trust, &out) != 0)
            abort();
    }
    while (cursor_left(&c) > 0) {
        struct slice message = cursor_slice(&c, cursor_u8(&c));
        struct writer out = writer_of(answer, sizeof(answer));
        (void)!trust_take(&trust, message, &out);
        if (trust.state == TRUST_PROVED || trust_open(&trust, message, &word) == 0)
            abort();
        if (out.at > 0 && trust.state != TRUST_GREETED)
            abort();
    }
    trust_clear(&trust);
    return 0;
}
