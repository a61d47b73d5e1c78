#include "rostrum/rtcp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void write_again(const struct rtcp_packet *packet, struct writer *w)
{
    int err = 0;
    switch (packet->kind) {
    case RTCP_SR:
        err = rtcp_write_sr(packet->ssrc, &packet->report.sender, packet->report.blocks,
                            packet->report.block_count, w);
        break;
    case RTCP_RR:
        err = rtcp_write_rr(packet->ssrc, packet->report.blocks, packet->report.block_count, w);
        break;
    case RTCP_SDES:
        if (packet->cname.bytes > 0)
            err = rtcp_write_sdes(packet->ssrc, packet->cname, w);
        break;
    case RTCP_NACK:
        if (packet->nack.seq_count > 0)
            err = rtcp_write_nack(packet->ssrc, packet->nack.media_ssrc, packet->nack.seqs,
                                  packet->nack.seq_count, w);
        break;
    case RTCP_BYE:
        err = rtcp_write_bye(packet->ssrc, w);
        break;
    case RTCP_OTHER:
        break;
    }
    if (err != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct slice compound = slice_of(data, bytes);
    struct cursor c = cursor_of(compound);
    struct rtcp_packet packet;
    int err;
    while ((err = rtcp_next(&c, &packet)) == 0) {
        uint8_t buffer[2048];
        struct writer w = writer_of(buffer, sizeof(buffer));
        write_again(&packet, &w);
        if (w.at > 0 && rtcp_check(writer_slice(&w)) != 0)
            abort();
    }
    if ((rtcp_check(compound) == 0) != (err == ERR_AGAIN && bytes > 0))
        abort();
    return 0;
}
