#include "rehearse/offer.h"

#include <inttypes.h>

enum { SHA256_BYTES = 32 };

static const char session_head[] = "s=-\r\n"
                                   "t=0 0\r\n"
                                   "a=group:BUNDLE 0\r\n"
                                   "a=extmap-allow-mixed\r\n"
                                   "a=msid-semantic: WMS\r\n"
                                   "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n"
                                   "c=IN IP4 0.0.0.0\r\n"
                                   "a=rtcp:9 IN IP4 0.0.0.0\r\n";

static const char extensions[] =
    "a=setup:actpass\r\n"
    "a=mid:0\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=recvonly\r\n"
    "a=rtcp-mux\r\n"
    "a=rtcp-rsize\r\n"
    "a=rtpmap:111 opus/48000/2\r\n"
    "a=rtcp-fb:111 transport-cc\r\n";

static const char codecs[] = "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
                             "a=rtpmap:63 red/48000/2\r\n"
                             "a=fmtp:63 111/111\r\n"
                             "a=rtpmap:9 G722/8000\r\n"
                             "a=rtpmap:0 PCMU/8000\r\n"
                             "a=rtpmap:8 PCMA/8000\r\n"
                             "a=rtpmap:13 CN/8000\r\n"
                             "a=rtpmap:110 telephone-event/48000\r\n"
                             "a=rtpmap:126 telephone-event/8000\r\n";

int offer_write(const struct offer_params *params, struct writer *out)
{
    size_t start = out->at;
    writer_printf(out, "v=0\r\no=- %" PRIu64 " 2 IN IP4 127.0.0.1\r\n", params->session_id);
    writer_text(out, session_head);
    writer_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n", params->ufrag,
                  params->pwd);
    writer_text(out, "a=fingerprint:sha-256 ");
    for (unsigned i = 0; i < SHA256_BYTES; i++)
        writer_printf(out, i == 0 ? "%02X" : ":%02X", params->fingerprint->bytes[i]);
    writer_text(out, "\r\n");
    writer_text(out, extensions);
    if (params->nack)
        writer_text(out, "a=rtcp-fb:111 nack\r\n");
    writer_text(out, codecs);
    if (!out->full)
        return 0;
    out->at = start;
    return ERR_FULL;
}
