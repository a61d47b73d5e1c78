#include "rehearse/drill_hosts.h"

#include "api.h"
#include "http.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATH_CHARS = 160,
    RATE = 48000,
    SAMPLES = 2 * RATE, /* then it begins anew */
    HEADER_BYTES = 44,
    TONE_HZ = 180,
    SYLLABLES_HZ = 4,
    ACCOUNT_BYTES = 4096,
    ACCOUNT_WITHIN_MS = 5000,
};

/* ---- what they say ---- */

static void write_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* RIFF WAVE, mono, 16 bits: a humming voice with syllables. */
static void write_sound(uint8_t out[HEADER_BYTES + 2 * SAMPLES])
{
    static const uint8_t header[HEADER_BYTES] =
        "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0........\x02\0"
        "\x10\0data....";
    memcpy(out, header, HEADER_BYTES);
    write_u32(out + 4, HEADER_BYTES - 8 + 2 * SAMPLES);
    write_u32(out + 24, RATE);
    write_u32(out + 28, 2 * RATE);
    write_u32(out + 40, 2 * SAMPLES);
    for (unsigned i = 0; i < SAMPLES; i++) {
        double at = (double)i / RATE;
        double loud = 0.5 - 0.5 * cos(2 * M_PI * SYLLABLES_HZ * at);
        double wave = sin(2 * M_PI * TONE_HZ * at) + 0.5 * sin(4 * M_PI * TONE_HZ * at);
        int16_t sample = (int16_t)(6000 * loud * wave);
        out[HEADER_BYTES + 2 * i] = (uint8_t)((uint16_t)sample & 0xFF);
        out[HEADER_BYTES + 2 * i + 1] = (uint8_t)((uint16_t)sample >> 8);
    }
}

/* A file in memory that the new process inherits. -1: none. */
static int make_file(const char *name, const void *data, size_t bytes)
{
    int fd = memfd_create(name, 0);
    if (fd >= 0 && write(fd, data, bytes) != (ssize_t)bytes) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* ---- starting ---- */

static _Noreturn void become_host(char *const argv[], pid_t parent, int account)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(account, STDOUT_FILENO) < 0)
        _exit(EXIT_FAILED);
    (void)execv("/proc/self/exe", argv);
    _exit(EXIT_FAILED);
}

static int start(struct drill_host *host, const struct cli *cli, const char *slug, int sound,
                 int token)
{
    char sound_path[32], token_path[32];
    int pipes[2];
    pid_t parent = getpid();
    (void)snprintf(sound_path, sizeof(sound_path), "/dev/fd/%d", sound);
    (void)snprintf(token_path, sizeof(token_path), "/dev/fd/%d", token);
    const char *const argv[] = {"rostrum",  "--server",  cli->server, "--token-file",
                                token_path, "--json",    "speak",     slug,
                                sound_path, "--consent", "--loop",    NULL};
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return cli_fail("no pipe: %s", strerror(errno));
    host->pid = fork();
    if (host->pid == 0)
        become_host((char *const *)(uintptr_t)argv, parent, pipes[1]);
    (void)close(pipes[1]);
    host->account = pipes[0];
    if (host->pid > 0)
        return EXIT_OK;
    host->pid = 0;
    return cli_fail("no process for a host: %s", strerror(errno));
}

static int invite(struct drill_host *host, const struct cli *cli, const char *slug, unsigned number,
                  json_t **answer)
{
    char path[PATH_CHARS], name[32];
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s/invitations", slug);
    (void)snprintf(name, sizeof(name), "Drill %u", number);
    int status = api_call(cli, "POST", path,
                          json_pack("{s:s,s:s}", "name", name, "role", "speaker"), answer);
    if (status == EXIT_OK)
        host->number = json_integer_value(json_object_get(*answer, "id"));
    return status;
}

static int bring(struct drill_host *host, const struct cli *cli, const char *slug, unsigned number,
                 int sound)
{
    json_t *answer = NULL;
    int status = invite(host, cli, slug, number, &answer);
    if (status != EXIT_OK)
        return status;
    const char *token = json_string_value(json_object_get(answer, "token"));
    int file = token != NULL ? make_file("token", token, strlen(token)) : -1;
    json_decref(answer);
    if (file < 0)
        return cli_fail("the server gave a host no token");
    status = start(host, cli, slug, sound, file);
    (void)close(file);
    return status;
}

int drill_hosts_start(struct drill_hosts *hosts, const struct cli *cli, const char *slug)
{
    static uint8_t sound[HEADER_BYTES + 2 * SAMPLES];
    *hosts = (struct drill_hosts){.hosts = {{.account = -1}, {.account = -1}}};
    write_sound(sound);
    int status = EXIT_OK, files[DRILL_HOSTS];
    for (unsigned i = 0; i < DRILL_HOSTS; i++) { /* one each: they share where they have read to */
        files[i] = make_file("sound", sound, sizeof(sound));
        if (files[i] < 0)
            status = cli_fail("no memory for the hosts' sound");
        else if (status == EXIT_OK)
            status = bring(&hosts->hosts[i], cli, slug, i + 1, files[i]);
    }
    for (unsigned i = 0; i < DRILL_HOSTS; i++)
        if (files[i] >= 0)
            (void)close(files[i]);
    return status;
}

void drill_hosts_drop(struct drill_hosts *hosts)
{
    pid_t pid = hosts->hosts[DRILL_HOSTS - 1].pid;
    hosts->has_dropped = pid > 0 && kill(pid, SIGUSR1) == 0;
}

/* ---- ending ---- */

static void read_account(struct drill_host *host, char out[ACCOUNT_BYTES])
{
    uint64_t until_us = clock_now_us() + ACCOUNT_WITHIN_MS * UINT64_C(1000);
    size_t used = 0;
    while (used < ACCOUNT_BYTES - 1) {
        uint64_t now_us = clock_now_us();
        struct pollfd wait = {.fd = host->account, .events = POLLIN};
        if (now_us >= until_us || poll(&wait, 1, (int)((until_us - now_us) / 1000) + 1) <= 0)
            break;
        ssize_t bytes = read(host->account, out + used, ACCOUNT_BYTES - 1 - used);
        if (bytes <= 0)
            break;
        used += (size_t)bytes;
    }
    out[used] = '\0';
}

static uint64_t us_of(const json_t *account, const char *name)
{
    double ms = json_number_value(json_object_get(account, name));
    return ms > 0 ? (uint64_t)(ms * 1000) : 0;
}

static uint64_t count_of(const json_t *account, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(account, name));
}

static void add_account(struct promise_hosts *out, const char *text, bool was_restarted)
{
    json_t *account = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    uint64_t packets = count_of(account, "heard_packets"), outages = count_of(account, "outages");
    uint64_t longest_us = us_of(account, "heard_longest_gap_ms");
    uint64_t returned_us = us_of(account, "returned_ms");
    if (account == NULL)
        out->why_not = "a host ended without an account";
    else if (packets == 0)
        out->why_not = "a host heard nothing of the other";
    out->packets += packets;
    out->gaps += count_of(account, "heard_gaps_over_60ms");
    out->outages += outages > was_restarted ? outages - was_restarted : 0;
    if (longest_us > out->longest_gap_us)
        out->longest_gap_us = longest_us;
    if (returned_us > out->returned_us)
        out->returned_us = returned_us;
    json_decref(account);
}

static void end(struct drill_host *host, bool was_restarted, struct promise_hosts *out)
{
    char text[ACCOUNT_BYTES] = "";
    if (host->pid <= 0)
        return;
    (void)kill(host->pid, SIGINT);
    read_account(host, text);
    (void)kill(host->pid, SIGKILL); /* where it did not end by itself */
    while (waitpid(host->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    (void)close(host->account);
    host->pid = 0;
    host->account = -1;
    add_account(out, text, was_restarted);
}

void drill_hosts_stop(struct drill_hosts *hosts, bool was_restarted, struct promise_hosts *out)
{
    *out = (struct promise_hosts){.has_dropped = hosts->has_dropped};
    for (unsigned i = 0; i < DRILL_HOSTS; i++)
        end(&hosts->hosts[i], was_restarted, out);
}

void drill_hosts_uninvite(struct drill_hosts *hosts, const struct cli *cli, const char *slug)
{
    char path[PATH_CHARS];
    for (unsigned i = 0; i < DRILL_HOSTS; i++) {
        struct http_request request = {.method = "DELETE", .path = path, .token = cli->token};
        struct http_reply reply = {0};
        if (hosts->hosts[i].number == 0)
            continue;
        (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s/invitations/%lld", slug,
                       hosts->hosts[i].number);
        int err = http_call(cli->server, &request, &reply);
        if (err == 0)
            http_reply_clear(&reply);
        hosts->hosts[i].number = 0;
    }
}
