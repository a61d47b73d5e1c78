#include "signalling/request_head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct request_head head;
    request_head_read(&head, slice_of(data, bytes));
    bool asks_for_seat = head.room[0] != '\0';
    if (head.is_empty != (bytes == 0) || (head.was_put_off && !head.has_credentials) ||
        ((head.is_page || head.is_asset) && !head.is_get) || (head.is_get && head.is_post) ||
        (asks_for_seat && (!head.is_post || !slug_is_valid(head.room))))
        abort();
    return 0;
}
