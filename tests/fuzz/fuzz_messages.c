#include "signalling/messages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Whatever comes in: an error has a code and a sentence, a message what its type promises. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct message message;
    struct message_problem problem;
    if (message_parse(&message, slice_of(data, bytes), &problem) != 0) {
        if (problem.code == NULL || problem.text[0] == '\0')
            abort();
    } else if ((message.type == MESSAGE_HELLO && !slug_is_well_formed(message.room)) ||
               (message.type == MESSAGE_OFFER && message.sdp.bytes == 0) ||
               (message.type == MESSAGE_REMOVE && message.host == 0)) {
        abort();
    }
    message_clear(&message);
    return 0;
}
