#include "sdp_internal.h"

enum { PAYLOAD_TYPE_MAX = 127, CLOCK_HZ_MAX = 1000000, EXTMAP_ID_MAX = 4351 };

static enum sdp_kind kind_of(struct slice media)
{
    if (slice_is(media, "audio"))
        return SDP_AUDIO;
    if (slice_is(media, "video"))
        return SDP_VIDEO;
    if (slice_is(media, "application"))
        return SDP_APPLICATION;
    return SDP_OTHER;
}

/* Reserves a place for each format of an audio section, in the order of preference. */
static int parse_formats(struct sdp_reader *reader, struct sdp_section *section)
{
    struct cursor c = cursor_of(section->formats);
    struct slice format;
    while ((format = sdp_word(&c)).bytes > 0) {
        uint64_t payload_type;
        if (!sdp_number(format, PAYLOAD_TYPE_MAX, &payload_type))
            return sdp_fail(reader->error, ERR_PROTO, reader->line,
                            "format \"%s\" is no payload type; allowed are 0 to %d",
                            sdp_excerpt(format).text, PAYLOAD_TYPE_MAX);
        if (section->codec_count == SDP_CODECS_MAX)
            return sdp_fail(reader->error, ERR_PROTO, reader->line,
                            "more than %d formats in an audio section", SDP_CODECS_MAX);
        section->codecs[section->codec_count++] =
            (struct sdp_codec){.payload_type = (uint8_t)payload_type, .channels = 1};
    }
    return 0;
}

static bool is_printable(struct slice text)
{
    struct cursor c = cursor_of(text);
    while (cursor_left(&c) > 0) {
        uint8_t byte = cursor_u8(&c);
        if (byte < 0x20 || byte >= 0x7F)
            return false;
    }
    return true;
}

/* RFC 8866 section 5.14: media port[/count] protocol format … */
int sdp_parse_media(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    struct cursor c = cursor_of(value);
    struct slice media = sdp_word(&c);
    struct slice port_text = sdp_word(&c);
    struct slice protocol = sdp_word(&c);
    struct slice formats = cursor_rest(&c);
    struct cursor port_cursor = cursor_of(port_text);
    struct cursor first = cursor_of(formats);
    uint64_t port;
    if (!is_printable(value) || protocol.bytes == 0 || sdp_word(&first).bytes == 0 ||
        !sdp_number(cursor_until(&port_cursor, '/'), UINT16_MAX, &port))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "malformed m= line; it must read m=MEDIA PORT PROTOCOL FORMAT...");
    *section = (struct sdp_section){.line = reader->line,
                                    .kind = kind_of(media),
                                    .media = media,
                                    .port = (uint16_t)port,
                                    .protocol = protocol,
                                    .formats = formats};
    return section->kind == SDP_AUDIO ? parse_formats(reader, section) : 0;
}

static struct sdp_codec *find_codec(struct sdp_section *section, uint64_t payload_type)
{
    for (unsigned i = 0; i < section->codec_count; i++)
        if (section->codecs[i].payload_type == payload_type)
            return &section->codecs[i];
    return NULL;
}

/* RFC 8866 section 6.6: PT name/clock[/channels]. A type that the m= line does not list is ignored.
 */
int sdp_parse_rtpmap(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    struct cursor c = cursor_of(value);
    struct slice payload_text = sdp_word(&c);
    struct cursor encoding = cursor_of(sdp_word(&c));
    struct slice name = cursor_until(&encoding, '/');
    struct slice clock_text = cursor_until(&encoding, '/');
    struct slice channels_text = cursor_until(&encoding, '/');
    uint64_t payload_type;
    uint64_t clock_hz;
    uint64_t channels = 1;
    if (!sdp_number(payload_text, PAYLOAD_TYPE_MAX, &payload_type) || !sdp_is_token(name) ||
        !sdp_number(clock_text, CLOCK_HZ_MAX, &clock_hz) ||
        (channels_text.bytes > 0 && !sdp_number(channels_text, UINT8_MAX, &channels)))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "malformed a=rtpmap; it must read a=rtpmap:PT NAME/CLOCK[/CHANNELS], such "
                        "as 111 opus/48000/2");
    struct sdp_codec *codec = find_codec(section, payload_type);
    if (codec) {
        codec->name = name;
        codec->clock_hz = (uint32_t)clock_hz;
        codec->channels = (uint8_t)channels;
    }
    return 0;
}

int sdp_parse_fmtp(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    struct cursor c = cursor_of(value);
    uint64_t payload_type;
    if (!sdp_number(sdp_word(&c), PAYLOAD_TYPE_MAX, &payload_type))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "malformed a=fmtp; it must read a=fmtp:PT PARAMETERS with PT 0 to %d",
                        PAYLOAD_TYPE_MAX);
    struct sdp_codec *codec = find_codec(section, payload_type);
    if (codec)
        codec->fmtp = cursor_rest(&c);
    return 0;
}

/* RFC 4585 section 4.2: only the bare "nack" concerns us; "nack pli" is for pictures. */
int sdp_parse_rtcp_fb(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    struct cursor c = cursor_of(value);
    struct slice target = sdp_word(&c);
    bool is_nack = slice_is(sdp_word(&c), "nack") && sdp_word(&c).bytes == 0;
    bool is_all = slice_is(target, "*");
    uint64_t payload_type = 0;
    if (!is_all && !sdp_number(target, PAYLOAD_TYPE_MAX, &payload_type))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "malformed a=rtcp-fb; it must read a=rtcp-fb:PT KIND with PT 0 to %d or *",
                        PAYLOAD_TYPE_MAX);
    for (unsigned i = 0; is_nack && i < section->codec_count; i++)
        if (is_all || section->codecs[i].payload_type == payload_type)
            section->codecs[i].nack = true;
    return 0;
}

/* RFC 8285 section 8: id[/direction] uri */
int sdp_parse_extmap(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    struct cursor c = cursor_of(value);
    struct cursor id_cursor = cursor_of(sdp_word(&c));
    struct slice uri = sdp_word(&c);
    uint64_t id;
    if (!sdp_number(cursor_until(&id_cursor, '/'), EXTMAP_ID_MAX, &id) || id == 0 || uri.bytes == 0)
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "malformed a=extmap; it must read a=extmap:ID URI with ID from 1");
    if (id > UINT8_MAX)
        return 0; /* RFC 8285 section 6: 4096 and the like are offers of alternatives */
    if (section->extmap_count == SDP_EXTMAPS_MAX)
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "more than %d header extensions in an audio section", SDP_EXTMAPS_MAX);
    section->extmaps[section->extmap_count++] = (struct sdp_extmap){.id = (uint8_t)id, .uri = uri};
    return 0;
}
