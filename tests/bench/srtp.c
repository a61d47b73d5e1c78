/* What the audience's encryption costs: `figure:` lines, CPU time, medians of several runs. */
#include "audience/engines_internal.h"
#include "audience/key_pool_internal.h"
#include "rostrum/stun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RUNS = 7,
    BATCH = 64,
    BUFFER_BYTES = 1536,
    HEADER_BYTES = 12,
    PACKETS = 200 * 1000, /* per run, at least */
    RTCP_BYTES = 32,
    OPENED = 10000,   /* keys, when SRTCP is opened */
    KEYS_MAX = 50000, /* more than caches hold */
};

struct bench {
    const struct srtp_engine *engine;
    const char *name;
    enum srtp_profile profile;
    struct key_pool pool;
    struct key_pair **pairs; /* owned; KEYS_MAX, the first `keys` of them taken */
    uint32_t keys;
    uint8_t *buffers; /* owned */
    void *batch;
    struct srtp_job jobs[BATCH];
    uint8_t frame[HEADER_BYTES + 512]; /* what every listener hears */
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(EXIT_FAILURE);
}

static double cpu_ns(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0, "clock_gettime");
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* ns per step: the median of RUNS calls of run(), which tells how many steps it made. */
static double measure(size_t (*run)(void *context), void *context)
{
    double samples[RUNS];
    (void)run(context); /* pages and caches */
    for (unsigned i = 0; i < RUNS; i++) {
        double start = cpu_ns();
        size_t steps = run(context);
        samples[i] = (cpu_ns() - start) / (double)steps;
    }
    qsort(samples, RUNS, sizeof(samples[0]), compare);
    return samples[RUNS / 2];
}

static const char *profile_name(enum srtp_profile profile)
{
    return profile == SRTP_AEAD_AES_128_GCM ? "GCM" : "CM ";
}

static void make_keys(struct bench *bench, uint32_t count)
{
    bench->keys = count;
    key_pool_init(&bench->pool, bench->engine, bench->profile);
    for (uint32_t i = 0; i < count; i++) {
        struct srtp_keys keys = {.profile = bench->profile};
        memcpy(keys.send.key, &i, sizeof(i));
        memcpy(keys.receive.key, &i, sizeof(i));
        must(key_pool_take(&bench->pool, &keys, &bench->pairs[i]) == 0, "key_pool_take");
    }
    /* Where listeners have come and gone, neighbours in a pass have their keys anywhere. */
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t other = (uint32_t)rand() % (i + 1);
        struct key_pair *pair = bench->pairs[i];
        bench->pairs[i] = bench->pairs[other];
        bench->pairs[other] = pair;
    }
}

static void drop_keys(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->keys; i++)
        key_pool_give(&bench->pool, bench->pairs[i]);
    key_pool_clear(&bench->pool);
}

struct fan_out {
    struct bench *bench;
    size_t payload_bytes, batch;
    uint64_t index;
};

/* As a pass of the audience does it: a copy of the frame for each seat, then a batch. */
static size_t protect_all(void *context)
{
    struct fan_out *out = context;
    struct bench *bench = out->bench;
    size_t packets = 0;
    while (packets < PACKETS) {
        out->index++;
        for (size_t at = 0; at < bench->keys; at += out->batch) {
            size_t left = bench->keys - at;
            size_t count = left < out->batch ? left : out->batch;
            for (size_t i = 0; i < count; i++) {
                uint8_t *packet = bench->buffers + i * BUFFER_BYTES;
                memcpy(packet, bench->frame, HEADER_BYTES + out->payload_bytes);
                bench->jobs[i] =
                    (struct srtp_job){.key = bench->pairs[at + i],
                                      .packet = packet,
                                      .index = out->index,
                                      .bytes = (uint32_t)(HEADER_BYTES + out->payload_bytes)};
            }
            must(bench->engine->protect(bench->batch, bench->profile, bench->jobs, count) == 0,
                 "protect");
            packets += count;
        }
    }
    return packets;
}

static void bench_protect(struct bench *bench, size_t payload_bytes, size_t batch)
{
    struct fan_out out = {.bench = bench, .payload_bytes = payload_bytes, .batch = batch};
    double ns = measure(protect_all, &out);
    printf("figure: protect %s %s, %3zu B, %5u keys, batches of %2zu: %.0f ns per packet\n",
           bench->name, profile_name(bench->profile), payload_bytes, bench->keys, batch, ns);
}

struct opening {
    struct bench *bench;
    uint8_t packet[OPENED][RTCP_BYTES + SRTCP_TRAILER_MAX];
    size_t bytes;
};

static size_t open_all(void *context)
{
    struct opening *opening = context;
    struct bench *bench = opening->bench;
    for (size_t i = 0; i < OPENED; i++) {
        uint8_t packet[RTCP_BYTES + SRTCP_TRAILER_MAX];
        size_t bytes = opening->bytes;
        uint32_t index;
        memcpy(packet, opening->packet[i], bytes);
        must(bench->engine->unprotect_rtcp(bench->batch, bench->profile,
                                           key_pool_receiving(&bench->pool, bench->pairs[i]),
                                           packet, &bytes, &index) == 0,
             "unprotect_rtcp");
    }
    return OPENED;
}

static void bench_open(struct bench *bench)
{
    static struct opening opening;
    opening.bench = bench;
    for (size_t i = 0; i < OPENED; i++) {
        opening.bytes = RTCP_BYTES;
        memset(opening.packet[i], 0x81, RTCP_BYTES);
        must(bench->engine->protect_rtcp(bench->batch, bench->profile, bench->pairs[i],
                                         opening.packet[i], &opening.bytes, 1) == 0,
             "protect_rtcp");
    }
    printf("figure: open SRTCP %s %s, %u B, %u keys: %.0f ns per packet\n", bench->name,
           profile_name(bench->profile), RTCP_BYTES, OPENED, measure(open_all, &opening));
}

static size_t take_all(void *context)
{
    struct bench *bench = context;
    drop_keys(bench);
    make_keys(bench, bench->keys);
    return bench->keys;
}

static void bench_profile(struct bench *bench)
{
    static const size_t batches[] = {1, 4, 16};
    make_keys(bench, 1000);
    printf("figure: keys %s %s: %zu bytes per seat\n", bench->name, profile_name(bench->profile),
           bench->pool.pairs.object_bytes);
    bench_protect(bench, 120, BATCH);
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
        bench_protect(bench, 120, batches[i]);
    drop_keys(bench);

    make_keys(bench, OPENED);
    bench_protect(bench, 120, BATCH);
    bench_protect(bench, 388, BATCH); /* three frames in one packet */
    bench_open(bench);
    printf("figure: make and wipe keys %s %s: %.0f ns per seat\n", bench->name,
           profile_name(bench->profile), measure(take_all, bench));
    drop_keys(bench);

    make_keys(bench, KEYS_MAX);
    bench_protect(bench, 120, BATCH);
    drop_keys(bench);
}

static void bench_engine(struct bench *bench)
{
    must(bench->engine->batch_create(&bench->batch) == 0, "batch_create");
    bench->profile = SRTP_AEAD_AES_128_GCM;
    bench_profile(bench);
    bench->profile = SRTP_AES128_CM_SHA1_80;
    bench_profile(bench);
    bench->engine->batch_destroy(bench->batch);
}

struct check {
    uint8_t packet[256];
    size_t bytes;
};

/* What a listener's browser asks every few seconds: one digest to check, one to answer. */
static size_t check_all(void *context)
{
    enum { CHECKS = 100 * 1000 };
    const struct check *check = context;
    struct slice packet = slice_of(check->packet, check->bytes);
    struct slice password = slice_text("0123456789abcdefghijkl");
    const struct address mapped = {.port = 5004};
    for (unsigned i = 0; i < CHECKS; i++) {
        struct stun_msg msg;
        uint8_t reply[256];
        struct writer out = writer_of(reply, sizeof(reply));
        must(stun_parse(&msg, packet) == 0 && stun_check_integrity(&msg, packet, password) == 0 &&
                 stun_write_success(msg.txid, &mapped, password, &out) == 0,
             "STUN");
    }
    return CHECKS;
}

static void bench_stun(void)
{
    struct check check = {0};
    const struct stun_request request = {.username = slice_text("0123456789ab:cdef"),
                                         .priority = 1,
                                         .controlling = true,
                                         .use_candidate = true};
    struct writer out = writer_of(check.packet, sizeof(check.packet));
    must(stun_write_request(&request, slice_text("0123456789abcdefghijkl"), &out) == 0,
         "stun_write_request");
    check.bytes = out.at;
    printf("figure: answer an ICE check: %.0f ns\n", measure(check_all, &check));
}

int main(void)
{
    static struct bench bench;
    bench.pairs = malloc(KEYS_MAX * sizeof(*bench.pairs));
    bench.buffers = aligned_alloc(64, (size_t)BATCH * BUFFER_BYTES);
    must(bench.pairs && bench.buffers, "malloc");
    memset(bench.frame, 0x80, sizeof(bench.frame));

    bench_stun();
#ifdef ROSTRUM_IPSECMB
    static const struct {
        enum ipsecmb_kind kind;
        const char *name;
    } kinds[] = {
        {IPSECMB_AVX512_VAES, "ipsecmb (AVX-512, VAES)"}, {IPSECMB_AVX512, "ipsecmb (AVX-512)"},
        {IPSECMB_AVX2_VAES, "ipsecmb (AVX2, VAES)"},      {IPSECMB_AVX2, "ipsecmb (AVX2)"},
        {IPSECMB_SSE_SHA, "ipsecmb (SSE, SHA)"},          {IPSECMB_SSE, "ipsecmb (SSE)"}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bench.engine = &engine_ipsecmb;
        bench.name = kinds[i].name;
        if (ipsecmb_use(kinds[i].kind))
            bench_engine(&bench);
    }
#endif
    bench.engine = &engine_openssl;
    bench.name = "openssl";
    bench_engine(&bench);
    free(bench.buffers);
    free(bench.pairs);
    return EXIT_SUCCESS;
}
