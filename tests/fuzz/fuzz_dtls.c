/* Any datagrams to a DTLS association of either role. The input is a row of datagrams, each with
 * two bytes of length in front; the very first byte chooses the role. */
#include "rostrum/cursor.h"
#include "transport/dtls.h"

#include <stdlib.h>

static void on_send(void *ctx, const uint8_t *data, size_t bytes)
{
    (void)ctx;
    if (!data || bytes == 0 || bytes > PEER_DATAGRAM_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dtls_identity *identity;
    static const struct fingerprint nobody = {.digest = DIGEST_SHA256};
    if (!identity && dtls_identity_create(&identity, NULL) != 0)
        abort();
    struct cursor c = cursor_of(slice_of(data, size));
    enum dtls_role role = cursor_u8(&c) & 1 ? DTLS_CLIENT : DTLS_SERVER;
    struct dtls *dtls;
    if (dtls_create(&dtls, identity, role, &nobody, on_send, NULL) != 0)
        abort();
    enum dtls_state state = dtls_begin(dtls, 0);
    while (cursor_left(&c) > 0) {
        state = dtls_receive(dtls, cursor_slice(&c, cursor_u16(&c)), 0);
        (void)dtls_tick(dtls, 1000000);
    }
    struct srtp_keys keys;
    if (state == DTLS_DONE || dtls_export(dtls, &keys) == 0)
        abort(); /* no certificate has that fingerprint */
    dtls_close(dtls);
    dtls_destroy(dtls);
    return 0;
}
