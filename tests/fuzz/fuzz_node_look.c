#include "rehearse/node_look.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(int holds)
{
    if (!holds)
        abort();
}

/* The same answer as a node's and as a room's, and a second between the two: names end, and what
 * was not seen makes no figure. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct node_look before, after;
    struct server_second second;
    const char *text = (const char *)data;
    before = (struct node_look){.at_us = 1};
    after = (struct node_look){.at_us = 2};
    int node = look_take_node(&after, text, bytes);
    int room = look_take_room(&before, text, bytes);
    expect(node == room && (node == 0 || after.seen == 0));
    expect(after.thread_count <= LOOK_THREADS_MAX);
    for (unsigned i = 0; i < after.thread_count; i++)
        expect(memchr(after.threads[i].name, '\0', LOOK_NAME_CHARS) != NULL);
    server_second_make(&second, &before, &after);
    expect(second.is_seen || (!second.has_cpu && !second.has_sent && !second.has_hearing));
    server_second_make(&second, &after, &before);
    expect(!second.has_cpu && !second.has_sent);
    return 0;
}
