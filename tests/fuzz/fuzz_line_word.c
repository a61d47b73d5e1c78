#include "line_word.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(int holds)
{
    if (!holds)
        abort();
}

/* The same body as a good answer and as a problem: what was read is within its bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const unsigned statuses[] = {200, 503};
    for (unsigned i = 0; i < 2; i++) {
        struct line_word word;
        if (line_word_read(&word, statuses[i], 1000, (const char *)data, bytes) != 0)
            continue;
        size_t chars = strnlen(word.place.ticket, LINE_TICKET_MAX + 1);
        expect(word.answer == LINE_NO || word.answer == LINE_ELSEWHERE ||
               (chars >= LINE_TICKET_MIN && chars <= LINE_TICKET_MAX));
        expect(word.answer != LINE_PLACE || (word.place.place > 0 && word.place.in_line > 0 &&
                                             word.again_ms <= LINE_AGAIN_MAX_MS));
        expect(!word.place.has_wait || word.place.from_s <= word.place.to_s);
        expect(memchr(word.node.url, '\0', sizeof(word.node.url)) != NULL);
        expect(word.answer != LINE_ELSEWHERE || strncmp(word.node.url, "http", 4) == 0);
        expect(memchr(word.word, '\0', LINE_WORD_CHARS) != NULL);
    }
    return 0;
}
