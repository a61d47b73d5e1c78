#include "rehearse/http_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(int holds)
{
    if (!holds)
        abort();
}

/* In two pieces, cut where the first byte says, and in one: the same answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct http_answer whole, pieces;
    struct http_reply a = {0}, b = {0};
    if (bytes < 1)
        return 0;
    size_t left = bytes - 1, cut = left * data[0] / 256;
    whole.used = pieces.used = 0;
    int err = http_answer_add(&whole, slice_of(data + 1, left), &a);
    if (err == 0) {
        const uint8_t *first = (const uint8_t *)whole.bytes;
        expect(a.status >= 200 && a.status <= 999 && a.body.bytes <= whole.used);
        expect(a.body.bytes == 0 ||
               (a.body.data >= first && a.body.data + a.body.bytes == first + whole.used));
    }
    int first_err = http_answer_add(&pieces, slice_of(data + 1, cut), &b);
    if (first_err != ERR_AGAIN)
        return 0;
    int second_err = http_answer_add(&pieces, slice_of(data + 1 + cut, left - cut), &b);
    expect(second_err == err &&
           (err != 0 || (a.status == b.status && slice_equal(a.body, b.body))));
    return 0;
}
