#include "rostrum/rtp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct slice packet = slice_of(data, bytes);
    struct rtp_packet rtp;
    enum packet_kind kind = packet_kind(packet);
    if (rtp_parse(&rtp, packet) != 0)
        return 0;
    if (kind != PACKET_RTP && kind != PACKET_RTCP)
        abort();
    for (unsigned id = 0; id < 256; id++) {
        struct slice value;
        if (rtp_extension(&rtp, (uint8_t)id, &value) == 0 && value.bytes > rtp.extension.bytes)
            abort();
    }
    /* what is written again parses to the same, but for CSRCs and padding */
    static uint8_t buffer[1 << 19];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct rtp_packet back;
    if (rtp_write_header(&rtp, &w) != 0)
        abort();
    writer_bytes(&w, rtp.payload);
    if (rtp_parse(&back, writer_slice(&w)) != 0 || back.seq != rtp.seq ||
        back.timestamp != rtp.timestamp || back.ssrc != rtp.ssrc || back.marker != rtp.marker ||
        !slice_equal(back.extension, rtp.extension) || !slice_equal(back.payload, rtp.payload))
        abort();
    return 0;
}
