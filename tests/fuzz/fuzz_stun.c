#include "rostrum/stun.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Any message that parses can be answered, and the answers parse. */
static void answer(const struct stun_msg *msg)
{
    static const struct address mapped = {.port = 5004};
    uint8_t buffer[STUN_MESSAGE_MAX];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct slice key = slice_text("VOkJxbRl1RmTxUk/WvJxBt");
    struct stun_msg back;
    if (stun_write_success(msg->txid, &mapped, key, &w) != 0 ||
        stun_parse(&back, writer_slice(&w)) != 0 ||
        stun_check_integrity(&back, writer_slice(&w), key) != 0 ||
        stun_check_fingerprint(&back, writer_slice(&w)) != 0)
        abort();
    w = writer_of(buffer, sizeof(buffer));
    if (stun_write_error(msg, STUN_UNKNOWN_ATTRIBUTE, key, &w) != 0 ||
        stun_parse(&back, writer_slice(&w)) != 0 || back.error_code != STUN_UNKNOWN_ATTRIBUTE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct slice packet = slice_of(data, bytes);
    struct stun_msg msg;
    if (stun_parse(&msg, packet) != 0)
        return 0;
    struct slice ours;
    struct slice theirs;
    int err = stun_check_integrity(&msg, packet, slice_text("VOkJxbRl1RmTxUk/WvJxBt"));
    if (err != 0 && err != ERR_AUTH)
        abort();
    err = stun_check_fingerprint(&msg, packet);
    if (err == 0 && !msg.has_fingerprint)
        abort();
    err = stun_split_username(msg.username, &ours, &theirs);
    if (err == 0 && ours.bytes + theirs.bytes + 1 != msg.username.bytes)
        abort();
    answer(&msg);
    return 0;
}
