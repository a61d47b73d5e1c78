#include "sdp_internal.h"

enum {
    OFFER_OPUS = 111, /* the payload types that browsers use as well */
    OFFER_RED = 63,
    OFFER_AUDIO_LEVEL_ID = 1,
    SESSION_ID_BITS = 62,   /* RFC 8829 section 5.2.1 */
    BITRATE_MIN_BPS = 6000, /* RFC 7587 section 6.1: maxaveragebitrate */
    BITRATE_MAX_BPS = 510000
};

static const char *direction_name(enum sdp_direction direction)
{
    switch (direction) {
    case SDP_SENDRECV:
        return "sendrecv";
    case SDP_SENDONLY:
        return "sendonly";
    case SDP_RECVONLY:
        return "recvonly";
    case SDP_INACTIVE:
        break;
    }
    return "inactive";
}

static const char *setup_name(enum sdp_setup setup)
{
    switch (setup) {
    case SDP_ACTPASS:
        return "actpass";
    case SDP_ACTIVE:
        return "active";
    case SDP_PASSIVE:
        return "passive";
    case SDP_HOLDCONN:
        return "holdconn";
    case SDP_SETUP_NONE:
        break;
    }
    return "";
}

static const char *hash_name(enum sdp_hash hash)
{
    switch (hash) {
    case SDP_SHA256:
        return "sha-256";
    case SDP_SHA384:
        return "sha-384";
    case SDP_SHA512:
        return "sha-512";
    case SDP_HASH_NONE:
    case SDP_HASH_UNKNOWN:
        break;
    }
    return "";
}

static bool is_receiving(enum sdp_direction direction)
{
    return direction == SDP_SENDRECV || direction == SDP_RECVONLY;
}

static bool is_sending(enum sdp_direction direction)
{
    return direction == SDP_SENDRECV || direction == SDP_SENDONLY;
}

static void write_line(struct writer *w, const char *name, struct slice value)
{
    writer_printf(w, "%s%.*s\r\n", name, (int)value.bytes, (const char *)value.data);
}

static bool is_valid(const struct sdp_local *local)
{
    return local->session_id >> SESSION_ID_BITS == 0 && local->fingerprint.bytes > 0 &&
           local->fingerprint.bytes <= SDP_FINGERPRINT_MAX &&
           hash_name(local->fingerprint.hash)[0] != '\0' && local->ufrag && local->pwd &&
           (local->max_average_bitrate_bps == 0 ||
            (local->max_average_bitrate_bps >= BITRATE_MIN_BPS &&
             local->max_average_bitrate_bps <= BITRATE_MAX_BPS)) &&
           (!is_sending(local->direction) || (local->cname && local->stream_id && local->track_id));
}

static void write_session(const struct sdp_local *local, bool bundle, const char *mid,
                          struct writer *w)
{
    writer_printf(w, "v=0\r\no=- %llu 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                  (unsigned long long)local->session_id);
    if (bundle)
        writer_printf(w, "a=group:BUNDLE %s\r\n", mid);
    if (local->ice_lite)
        writer_printf(w, "a=ice-lite\r\n");
}

void sdp_write_ice(const struct sdp_local *local, struct writer *w)
{
    writer_printf(w, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", local->ufrag, local->pwd);
}

/* RFC 8445 section 5.1.2.1: type preference 126 (host), one step of local preference for each
 * address */
void sdp_write_candidates(const struct sdp_local *local, struct writer *w)
{
    for (size_t i = 0; i < local->candidate_count; i++) {
        char ip[ADDRESS_TEXT_MAX];
        uint32_t priority = 126u << 24 | (0xFFFFu - (uint32_t)i) << 8 | 255u;
        address_write_ip(&local->candidates[i], ip);
        writer_printf(w, "a=candidate:%zu 1 udp %u %s %u typ host\r\n", i + 1, priority, ip,
                      local->candidates[i].port);
    }
    writer_printf(w, "a=end-of-candidates\r\n");
}

static void write_fingerprint(const struct sdp_fingerprint *fingerprint, struct writer *w)
{
    writer_printf(w, "a=fingerprint:%s ", hash_name(fingerprint->hash));
    for (unsigned i = 0; i < fingerprint->bytes; i++)
        writer_printf(w, i == 0 ? "%02X" : ":%02X", fingerprint->digest[i]);
    writer_printf(w, "\r\n");
}

static void write_transport(const struct sdp_local *local, bool rtcp_rsize, struct writer *w)
{
    writer_printf(w, "a=%s\r\na=rtcp-mux\r\n", direction_name(local->direction));
    if (rtcp_rsize)
        writer_printf(w, "a=rtcp-rsize\r\n");
    sdp_write_ice(local, w);
    write_fingerprint(&local->fingerprint, w);
    writer_printf(w, "a=setup:%s\r\n", setup_name(local->setup));
    sdp_write_candidates(local, w);
}

/* What one section says about its codecs; in answers only what was offered. */
struct codecs {
    unsigned opus;
    bool has_red;
    unsigned red;
    bool red_first;
    bool nack;
    bool stereo;
    uint8_t audio_level_id;
};

static void write_media(struct slice protocol, const struct codecs *codecs, struct writer *w)
{
    writer_printf(w, "m=audio 9 %.*s", (int)protocol.bytes, (const char *)protocol.data);
    if (codecs->has_red && codecs->red_first)
        writer_printf(w, " %u %u", codecs->red, codecs->opus);
    else if (codecs->has_red)
        writer_printf(w, " %u %u", codecs->opus, codecs->red);
    else
        writer_printf(w, " %u", codecs->opus);
    writer_printf(w, "\r\nc=IN IP4 0.0.0.0\r\n");
}

/* The parameters steer the one who sends to us (RFC 7587 section 6.1): forward error correction, no
 * gaps for silence, 20 ms packets. A mono sender must not read stereo=1: Firefox would send stereo.
 */
static void write_opus(const struct sdp_local *local, const struct codecs *codecs, struct writer *w)
{
    unsigned pt = codecs->opus;
    writer_printf(w, "a=rtpmap:%u opus/48000/2\r\na=fmtp:%u minptime=10;useinbandfec=1", pt, pt);
    if (is_receiving(local->direction)) {
        writer_printf(w, ";usedtx=0");
        if (local->max_average_bitrate_bps > 0)
            writer_printf(w, ";maxaveragebitrate=%u", local->max_average_bitrate_bps);
    }
    if (codecs->stereo)
        writer_printf(w, ";stereo=1;sprop-stereo=1");
    writer_printf(w, "\r\n");
    if (codecs->nack)
        writer_printf(w, "a=rtcp-fb:%u nack\r\n", pt);
    if (is_receiving(local->direction))
        writer_printf(w, "a=ptime:20\r\n");
    if (codecs->has_red)
        writer_printf(w, "a=rtpmap:%u red/48000/2\r\na=fmtp:%u %u/%u\r\n", codecs->red, codecs->red,
                      pt, pt);
    if (codecs->audio_level_id > 0)
        writer_printf(w, "a=extmap:%u urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n",
                      codecs->audio_level_id);
}

static void write_source(const struct sdp_local *local, struct writer *w)
{
    if (!is_sending(local->direction))
        return;
    writer_printf(w, "a=msid:%s %s\r\n", local->stream_id, local->track_id);
    writer_printf(w, "a=ssrc:%u cname:%s\r\n", local->ssrc, local->cname);
    writer_printf(w, "a=ssrc:%u msid:%s %s\r\n", local->ssrc, local->stream_id, local->track_id);
}

/* RFC 9143 section 7.3.3: a section that we do not serve gets port 0 and leaves the group. */
static void write_rejected(const struct sdp_section *section, struct writer *w)
{
    struct cursor formats = cursor_of(section->formats);
    struct slice first = sdp_word(&formats);
    writer_printf(w, "m=%.*s 0 %.*s %.*s\r\nc=IN IP4 0.0.0.0\r\n", (int)section->media.bytes,
                  (const char *)section->media.data, (int)section->protocol.bytes,
                  (const char *)section->protocol.data, (int)first.bytes, (const char *)first.data);
    if (section->mid.bytes > 0)
        write_line(w, "a=mid:", section->mid);
    writer_printf(w, "a=inactive\r\n");
}

static void write_served(const struct sdp_section *section, const struct sdp_choice *choice,
                         const struct sdp_local *local, struct writer *w)
{
    const struct codecs codecs = {
        .opus = choice->opus_payload_type,
        .has_red = local->red && choice->has_red,
        .red = choice->red_payload_type,
        .red_first = local->red_first,
        .nack = local->nack && choice->opus_nack,
        .stereo = local->stereo && choice->opus_stereo,
        .audio_level_id = is_receiving(local->direction) ? choice->audio_level_id : 0,
    };
    write_media(section->protocol, &codecs, w);
    if (choice->mid[0] != '\0')
        writer_printf(w, "a=mid:%s\r\n", choice->mid);
    write_transport(local, choice->rtcp_rsize, w);
    write_opus(local, &codecs, w);
    write_source(local, w);
}

static int finish(struct writer *w, size_t start)
{
    if (!w->full)
        return 0;
    w->at = start;
    return ERR_FULL;
}

int sdp_write_answer(const struct sdp_session *offer, const struct sdp_choice *choice,
                     const struct sdp_local *local, struct writer *out)
{
    if (!is_valid(local) || choice->section >= offer->section_count ||
        (local->setup != SDP_PASSIVE && local->setup != SDP_ACTIVE))
        return ERR_INVAL;
    size_t start = out->at;
    write_session(local, offer->has_bundle && choice->mid[0] != '\0', choice->mid, out);
    for (unsigned i = 0; i < offer->section_count; i++) {
        if (i == choice->section)
            write_served(&offer->sections[i], choice, local, out);
        else
            write_rejected(&offer->sections[i], out);
    }
    return finish(out, start);
}

int sdp_write_offer(const struct sdp_local *local, struct writer *out)
{
    if (!is_valid(local) || setup_name(local->setup)[0] == '\0')
        return ERR_INVAL;
    const struct codecs codecs = {.opus = OFFER_OPUS,
                                  .has_red = local->red,
                                  .red = OFFER_RED,
                                  .red_first = local->red_first,
                                  .nack = local->nack,
                                  .stereo = local->stereo,
                                  .audio_level_id = OFFER_AUDIO_LEVEL_ID};
    size_t start = out->at;
    write_session(local, true, "0", out);
    write_media(slice_text("UDP/TLS/RTP/SAVPF"), &codecs, out);
    writer_printf(out, "a=mid:0\r\n");
    write_transport(local, true, out);
    write_opus(local, &codecs, out);
    write_source(local, out);
    return finish(out, start);
}

enum sdp_direction sdp_answer_direction(enum sdp_direction offered, bool we_send, bool we_receive)
{
    bool sends = we_send && is_receiving(offered);
    bool receives = we_receive && is_sending(offered);
    if (sends)
        return receives ? SDP_SENDRECV : SDP_SENDONLY;
    return receives ? SDP_RECVONLY : SDP_INACTIVE;
}

enum sdp_setup sdp_answer_setup(enum sdp_setup offered)
{
    return offered == SDP_PASSIVE ? SDP_ACTIVE : SDP_PASSIVE;
}
