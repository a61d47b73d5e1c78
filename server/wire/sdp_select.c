#include "sdp_internal.h"

enum { OPUS_CLOCK_HZ = 48000 }; /* RFC 7587 section 4.1 */

/* A section's transport may stand in the first section of its BUNDLE group only (RFC 9143
 * section 7.1). */
static const struct sdp_section *transport_of(const struct sdp_session *session,
                                              const struct sdp_section *section)
{
    if (section->transport.ufrag.bytes > 0 || section->mid.bytes == 0)
        return section;
    const struct sdp_section *tagged = NULL;
    bool is_member = false;
    struct cursor c = cursor_of(session->bundle);
    struct slice mid;
    while ((mid = sdp_word(&c)).bytes > 0) {
        is_member = is_member || slice_equal(mid, section->mid);
        for (unsigned i = 0; !tagged && i < session->section_count; i++)
            if (slice_equal(session->sections[i].mid, mid))
                tagged = &session->sections[i];
    }
    return is_member && tagged ? tagged : section;
}

static const struct sdp_codec *find_opus(const struct sdp_section *section)
{
    for (unsigned i = 0; i < section->codec_count; i++)
        if (slice_is_nocase(section->codecs[i].name, "opus") &&
            section->codecs[i].clock_hz == OPUS_CLOCK_HZ)
            return &section->codecs[i];
    return NULL;
}

/* RFC 2198 section 5: fmtp lists the types of its blocks, all of which must be our Opus. */
static bool is_red_of(const struct sdp_codec *codec, uint8_t opus)
{
    if (!slice_is_nocase(codec->name, "red") || codec->clock_hz != OPUS_CLOCK_HZ)
        return false;
    struct cursor c = cursor_of(codec->fmtp);
    bool any = false;
    while (cursor_left(&c) > 0) {
        uint64_t payload_type;
        if (!sdp_number(cursor_until(&c, '/'), 127, &payload_type) || payload_type != opus)
            return false;
        any = true;
    }
    return any;
}

/* "minptime=10; stereo=1": parameters are parted by semicolons and perhaps spaces. */
static bool has_parameter(struct slice fmtp, const char *wanted)
{
    struct cursor c = cursor_of(fmtp);
    while (cursor_left(&c) > 0) {
        struct cursor parameter = cursor_of(cursor_until(&c, ';'));
        if (slice_is_nocase(sdp_word(&parameter), wanted))
            return true;
    }
    return false;
}

static uint8_t find_extension(const struct sdp_section *section, const char *uri)
{
    for (unsigned i = 0; i < section->extmap_count; i++)
        if (slice_is(section->extmaps[i].uri, uri))
            return section->extmaps[i].id;
    return 0;
}

static bool is_served_protocol(struct slice protocol)
{
    return slice_is(protocol, "UDP/TLS/RTP/SAVPF") || slice_is(protocol, "UDP/TLS/RTP/SAVP") ||
           slice_is(protocol, "RTP/SAVPF"); /* RFC 8829 section 5.1.2: old writers */
}

static int check_direction(enum sdp_direction direction, unsigned want, unsigned line,
                           struct sdp_error *error)
{
    bool sends = direction == SDP_SENDRECV || direction == SDP_SENDONLY;
    bool receives = direction == SDP_SENDRECV || direction == SDP_RECVONLY;
    bool misses_send = (want & SDP_PEER_SENDS) != 0 && !sends;
    bool misses_receive = (want & SDP_PEER_RECEIVES) != 0 && !receives;
    if (misses_send || misses_receive)
        return sdp_fail(error, ERR_UNSUPPORTED, line,
                        "wrong direction of the audio section; here it must be %s",
                        (want & SDP_PEER_SENDS) == 0      ? "recvonly or sendrecv"
                        : (want & SDP_PEER_RECEIVES) == 0 ? "sendonly or sendrecv"
                                                          : "sendrecv");
    if (direction == SDP_INACTIVE)
        return sdp_fail(error, ERR_UNSUPPORTED, line,
                        "the audio section is inactive; it must send or receive");
    return 0;
}

static int check_security(const struct sdp_section *section, struct sdp_error *error)
{
    const struct sdp_transport *transport = &section->transport;
    if (transport->ufrag.bytes == 0 || transport->pwd.bytes == 0)
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "a=%s is missing, in the section and at session level",
                        transport->ufrag.bytes == 0 ? "ice-ufrag" : "ice-pwd");
    if (transport->fingerprint.hash == SDP_HASH_NONE)
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "a=fingerprint is missing, in the section and at session level");
    if (transport->fingerprint.hash == SDP_HASH_UNKNOWN)
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "the hash of a=fingerprint is not served; allowed are sha-256, sha-384 "
                        "and sha-512");
    if (transport->setup == SDP_SETUP_NONE)
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "a=setup is missing; allowed are actpass, active and passive");
    if (transport->setup == SDP_HOLDCONN)
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "a=setup:holdconn is not served; allowed are actpass, active and passive");
    return 0;
}

static int check_section(const struct sdp_session *session, const struct sdp_section *section,
                         unsigned want, struct sdp_error *error)
{
    if (section->port == 0 && !section->bundle_only)
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "the audio section is rejected by its port 0");
    if (!is_served_protocol(section->protocol))
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "protocol %s is not served; allowed is UDP/TLS/RTP/SAVPF",
                        sdp_excerpt(section->protocol).text);
    int err = check_direction(section->transport.direction, want, section->line, error);
    if (err != 0)
        return err;
    if (!find_opus(section))
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "the audio section has no Opus; a=rtpmap:PT opus/48000/2 is needed");
    if (!section->rtcp_mux && !transport_of(session, section)->rtcp_mux)
        return sdp_fail(error, ERR_UNSUPPORTED, section->line,
                        "a=rtcp-mux is missing; RTP and RTCP must share one port");
    return check_security(transport_of(session, section), error);
}

static void copy_text(char *out, struct slice text)
{
    if (text.bytes > 0)
        memcpy(out, text.data, text.bytes); /* the parser has held the lengths to their limits */
    out[text.bytes] = '\0';
}

static void fill_codecs(struct sdp_choice *out, const struct sdp_section *section)
{
    const struct sdp_codec *opus = find_opus(section);
    out->opus_payload_type = opus->payload_type;
    out->opus_stereo = has_parameter(opus->fmtp, "stereo=1");
    out->opus_nack = opus->nack;
    for (unsigned i = 0; !out->has_red && i < section->codec_count; i++) {
        const struct sdp_codec *codec = &section->codecs[i];
        if (is_red_of(codec, opus->payload_type)) {
            out->has_red = true;
            out->red_first = codec < opus;
            out->red_payload_type = codec->payload_type;
        }
    }
}

static void fill(struct sdp_choice *out, const struct sdp_session *session, unsigned index)
{
    const struct sdp_section *section = &session->sections[index];
    const struct sdp_section *bearer = transport_of(session, section);
    memset(out, 0, sizeof(*out));
    out->section = index;
    out->ice_lite = session->ice_lite;
    copy_text(out->mid, section->mid);
    copy_text(out->ufrag, bearer->transport.ufrag);
    copy_text(out->pwd, bearer->transport.pwd);
    out->fingerprint = bearer->transport.fingerprint;
    out->setup = bearer->transport.setup;
    out->direction = section->transport.direction;
    out->rtcp_rsize = section->rtcp_rsize;
    out->audio_level_id = find_extension(section, "urn:ietf:params:rtp-hdrext:ssrc-audio-level");
    out->mid_id = find_extension(section, "urn:ietf:params:rtp-hdrext:sdes:mid");
    out->ptime_ms = section->ptime_ms;
    out->has_ssrc = section->has_ssrc;
    out->ssrc = section->ssrc;
    out->end_of_candidates = bearer->end_of_candidates;
    out->candidates = bearer->candidates;
    fill_codecs(out, section);
}

int sdp_select(const struct sdp_session *session, unsigned want, struct sdp_choice *out,
               struct sdp_error *error)
{
    struct sdp_error first = {.text = "there is no audio section; one m=audio is needed"};
    bool has_audio = false;
    for (unsigned i = 0; i < session->section_count; i++) {
        struct sdp_error reason;
        if (session->sections[i].kind != SDP_AUDIO)
            continue;
        if (check_section(session, &session->sections[i], want, &reason) == 0) {
            fill(out, session, i);
            return 0;
        }
        if (!has_audio)
            first = reason;
        has_audio = true;
    }
    *error = first;
    return ERR_UNSUPPORTED;
}
