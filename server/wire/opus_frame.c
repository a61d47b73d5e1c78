#include "rostrum/opus_frame.h"

enum {
    CONFIG_HYBRID = 12, /* RFC 6716 section 3.1, table 2: first configuration of each mode */
    CONFIG_CELT = 16,
    SAMPLES_2_5_MS = 120,
    COUNT_VBR = 0x80, /* RFC 6716 section 3.2.5: frame count byte */
    COUNT_PADDING = 0x40,
    COUNT_FRAMES = 0x3F
};

struct opus_toc opus_toc_of(uint8_t byte)
{
    static const uint16_t silk_samples[4] = {480, 960, 1920, 2880};
    unsigned config = byte >> 3;
    struct opus_toc toc = {.stereo = (byte & 4) != 0, .code = byte & 3};
    if (config < CONFIG_HYBRID) {
        toc.mode = OPUS_SILK;
        toc.bandwidth = (enum opus_bandwidth)(OPUS_NARROW + config / 4);
        toc.frame_samples = silk_samples[config % 4];
    } else if (config < CONFIG_CELT) {
        toc.mode = OPUS_HYBRID;
        toc.bandwidth = config < 14 ? OPUS_SUPERWIDE : OPUS_FULL;
        toc.frame_samples = config % 2 ? 960 : 480;
    } else {
        static const enum opus_bandwidth celt[4] = {OPUS_NARROW, OPUS_WIDE, OPUS_SUPERWIDE,
                                                    OPUS_FULL};
        toc.mode = OPUS_CELT;
        toc.bandwidth = celt[(config - CONFIG_CELT) / 4];
        toc.frame_samples = (uint16_t)(SAMPLES_2_5_MS << config % 4);
    }
    return toc;
}

/* RFC 6716 section 3.2.1: one byte up to 251, else two; a cut one turns the cursor bad */
static size_t frame_length(struct cursor *c)
{
    size_t first = cursor_u8(c);
    return first < 252 ? first : first + (size_t)cursor_u8(c) * 4;
}

/* RFC 6716 section 3.2.5: chains of 255 each stand for 254 bytes and one more length byte */
static size_t padding_length(struct cursor *c)
{
    size_t padding = 0;
    uint8_t byte;
    while ((byte = cursor_u8(c)) == 255)
        padding += 254;
    return padding + byte;
}

/* [R5] to [R7]: the counted packet, the only one that could pass 120 ms. */
static int parse_counted(struct opus_packet *packet, struct cursor *c)
{
    uint8_t head = cursor_u8(c);
    packet->frame_count = head & COUNT_FRAMES;
    if (packet->frame_count == 0 ||
        packet->frame_count * packet->toc.frame_samples > OPUS_PACKET_SAMPLES_MAX)
        return ERR_PROTO;
    size_t padding = head & COUNT_PADDING ? padding_length(c) : 0;
    size_t frames = 0;
    if (head & COUNT_VBR) {
        for (unsigned i = 0; i + 1 < packet->frame_count; i++) {
            size_t bytes = frame_length(c);
            if (bytes > OPUS_FRAME_BYTES_MAX)
                return ERR_PROTO;
            frames += bytes;
        }
    }
    size_t left = cursor_left(c);
    if (c->bad || left < padding || left - padding < frames)
        return ERR_PROTO;
    size_t last = left - padding - frames;
    if (!(head & COUNT_VBR)) {
        if (last % packet->frame_count != 0)
            return ERR_PROTO;
        packet->frame_bytes = (unsigned)last;
        return last / packet->frame_count > OPUS_FRAME_BYTES_MAX ? ERR_PROTO : 0;
    }
    packet->frame_bytes = (unsigned)(frames + last);
    return last > OPUS_FRAME_BYTES_MAX ? ERR_PROTO : 0;
}

static int parse_frames(struct opus_packet *packet, struct cursor *c)
{
    size_t left = cursor_left(c);
    packet->frame_bytes = (unsigned)left;
    switch (packet->toc.code) {
    case 0: /* [R2] */
        packet->frame_count = 1;
        return left > OPUS_FRAME_BYTES_MAX ? ERR_PROTO : 0;
    case 1: /* [R3] */
        packet->frame_count = 2;
        return left % 2 != 0 || left / 2 > OPUS_FRAME_BYTES_MAX ? ERR_PROTO : 0;
    case 2: { /* [R4] */
        packet->frame_count = 2;
        size_t first = frame_length(c);
        left = cursor_left(c);
        if (c->bad || first > left || first > OPUS_FRAME_BYTES_MAX ||
            left - first > OPUS_FRAME_BYTES_MAX)
            return ERR_PROTO;
        packet->frame_bytes = (unsigned)left;
        return 0;
    }
    default:
        return parse_counted(packet, c);
    }
}

int opus_frame_parse(struct opus_packet *out, struct slice packet)
{
    if (packet.bytes == 0) /* [R1] */
        return ERR_PROTO;
    struct cursor c = cursor_of(packet);
    struct opus_packet parsed = {.toc = opus_toc_of(cursor_u8(&c))};
    if (parse_frames(&parsed, &c) != 0)
        return ERR_PROTO;
    parsed.samples = parsed.frame_count * parsed.toc.frame_samples;
    *out = parsed;
    return 0;
}

int opus_frame_samples(struct slice packet)
{
    struct opus_packet parsed;
    return opus_frame_parse(&parsed, packet) == 0 ? (int)parsed.samples : ERR_PROTO;
}

/* The longest CELT frame that fits into samples; only CELT reaches down to 2.5 ms. */
static uint8_t short_toc(uint8_t toc_byte, unsigned samples)
{
    static const uint8_t celt_config[5] = {[OPUS_NARROW] = 16,
                                           [OPUS_MEDIUM] = 20,
                                           [OPUS_WIDE] = 20,
                                           [OPUS_SUPERWIDE] = 24,
                                           [OPUS_FULL] = 28};
    struct opus_toc toc = opus_toc_of(toc_byte);
    unsigned size = 0;
    while (size < 3 && (SAMPLES_2_5_MS << (size + 1)) <= (int)samples)
        size++;
    return (uint8_t)((celt_config[toc.bandwidth] + size) << 3 | (toc_byte & 4u));
}

int opus_frame_filler(uint8_t toc_byte, unsigned samples, struct writer *out, unsigned *covered)
{
    if (samples == 0 || samples % SAMPLES_2_5_MS != 0)
        return ERR_INVAL;
    if (opus_toc_of(toc_byte).frame_samples > samples)
        toc_byte = short_toc(toc_byte, samples);
    unsigned frame_samples = opus_toc_of(toc_byte).frame_samples;
    unsigned limit = samples < OPUS_PACKET_SAMPLES_MAX ? samples : OPUS_PACKET_SAMPLES_MAX;
    unsigned frames = limit / frame_samples;
    size_t start = out->at;
    /* RFC 6716 section 3.2: code 0 is one frame, code 1 two equal ones, code 3 has a count byte */
    uint8_t code = frames == 1 ? 0 : frames == 2 ? 1 : 3;
    writer_u8(out, (uint8_t)((toc_byte & 0xFCu) | code));
    if (code == 3)
        writer_u8(out, (uint8_t)frames);
    if (out->full) {
        out->at = start;
        return ERR_FULL;
    }
    *covered = frames * frame_samples;
    return 0;
}
