#include "rostrum/opus_frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct slice packet = slice_of(data, bytes);
    struct opus_packet parsed;
    int samples = opus_frame_samples(packet);
    if (opus_frame_parse(&parsed, packet) != 0)
        return samples == ERR_PROTO ? 0 : (abort(), 0);
    if (samples != (int)parsed.samples || samples < 120 || samples > OPUS_PACKET_SAMPLES_MAX ||
        samples % 120 != 0 || parsed.frame_bytes >= bytes)
        abort();
    uint8_t out[OPUS_FILLER_BYTES_MAX];
    struct writer w = writer_of(out, sizeof(out));
    unsigned covered;
    if (opus_frame_filler(data[0], (unsigned)samples, &w, &covered) != 0 ||
        covered != (unsigned)samples || opus_frame_samples(writer_slice(&w)) != samples)
        abort();
    return 0;
}
