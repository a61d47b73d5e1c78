#include "rostrum/sdp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What we can select we can answer, and the answer parses and selects again. */
static void answer(const struct sdp_session *offer, const struct sdp_choice *choice)
{
    static char text[32768];
    static struct sdp_session back;
    const struct sdp_local local = {
        .direction = sdp_answer_direction(choice->direction, true, true),
        .setup = sdp_answer_setup(choice->setup),
        .ice_lite = true,
        .ufrag = "srvr",
        .pwd = "0123456789012345678901",
        .fingerprint = {.hash = SDP_SHA256, .bytes = 32},
        .cname = "rostrum",
        .stream_id = "program",
        .track_id = "audio",
        .nack = true,
        .red = true,
        .stereo = true,
    };
    struct writer w = writer_of(text, sizeof(text));
    struct sdp_error error;
    struct sdp_choice again;
    if (sdp_write_answer(offer, choice, &local, &w) != 0 ||
        sdp_parse(&back, writer_slice(&w), &error) != 0 ||
        back.section_count != offer->section_count || sdp_select(&back, 0, &again, &error) != 0 ||
        again.opus_payload_type != choice->opus_payload_type || again.section != choice->section ||
        again.has_red != choice->has_red)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct sdp_session session;
    static struct sdp_choice choice;
    struct sdp_error error = {.line = 12345};
    if (bytes > 12000)
        return 0; /* the answer to a longer one may pass the limit itself */
    int err = sdp_parse(&session, slice_of(data, bytes), &error);
    if (err == 0) {
        err = sdp_select(&session, 0, &choice, &error);
        if (err == 0)
            answer(&session, &choice);
    }
    if (err != 0 && (error.line > SDP_LINES_MAX + 1 || error.text[0] == '\0'))
        abort();
    return 0;
}
