#include "rostrum/sdp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct sdpfrag frag;
    struct sdpfrag back;
    struct sdp_error error = {.line = 0};
    if (sdpfrag_parse(&frag, slice_of(data, bytes), &error) != 0)
        return error.text[0] != '\0' ? 0 : (abort(), 0);
    if (frag.ufrag[0] == '\0' || frag.pwd[0] == '\0')
        return 0;
    struct address addresses[SDP_CANDIDATES_MAX];
    char text[8192];
    struct writer w = writer_of(text, sizeof(text));
    for (unsigned i = 0; i < frag.candidates.count; i++)
        addresses[i] = frag.candidates.list[i].address;
    const struct sdp_local local = {.ufrag = frag.ufrag,
                                    .pwd = frag.pwd,
                                    .candidates = addresses,
                                    .candidate_count = frag.candidates.count};
    if (sdpfrag_write(&local, "0", &w) != 0 ||
        sdpfrag_parse(&back, writer_slice(&w), &error) != 0 ||
        back.candidates.count != frag.candidates.count)
        abort();
    for (unsigned i = 0; i < frag.candidates.count; i++)
        if (!address_equal(&back.candidates.list[i].address, &addresses[i]))
            abort();
    return 0;
}
