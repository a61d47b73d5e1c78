#include "rehearse/ground.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <netdb.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PORTS_FIRST = 32768, /* Linux' own range, where it is not told */
    PORTS_LAST = 60999,
    JOIN_SECONDS = 3, /* a WHEP request's own connection may take as long */
};

void note(struct notes *notes, const char *format, ...)
{
    if (notes->count == GROUND_NOTES_MAX)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(notes->list[notes->count++], GROUND_NOTE_CHARS, format, args);
    va_end(args);
}

/* ---- what the plan needs ---- */

struct ground_need ground_need(const struct plan *plan)
{
    const struct plan_params *params = &plan->params;
    struct ground_need need = {.listeners = params->listeners};
    for (uint32_t i = 0; i < need.listeners; i++)
        if (plan_listener(plan, i).way == WAY_WHEP)
            need.wheps++;
        else
            need.websockets++;
    uint64_t asking = need.wheps, at_a_time = (uint64_t)params->ramp_per_second * JOIN_SECONDS;
    if (params->ramp_per_second > 0 && asking > at_a_time)
        asking = at_a_time;
    need.files = 2ull * need.websockets + need.wheps + asking + GROUND_SPARE_FILES;
    return need;
}

/* ---- what the machine has ---- */

static bool is_loopback(const struct address *address)
{
    static const uint8_t one[16] = {[15] = 1};
    if (address_is_ipv4(address))
        return address->ip[12] == 127;
    return memcmp(address->ip, one, sizeof(one)) == 0;
}

static int resolve(struct address *out, const char *host, uint16_t port,
                   const struct address *source)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(host, NULL, &hints, &list) != 0)
        return ERR_NOENT;
    bool found = false, fits = false;
    for (const struct addrinfo *at = list; at != NULL && !fits; at = at->ai_next) {
        struct address address;
        if (address_from_any(&address, at->ai_addr) != 0)
            continue;
        /* Of two loopback addresses that with four million neighbours is of more use. */
        fits = source != NULL ? address_is_ipv4(&address) == address_is_ipv4(source)
                              : !is_loopback(&address) || address_is_ipv4(&address);
        if (!found || fits)
            *out = address;
        found = true;
    }
    freeaddrinfo(list);
    out->port = port;
    return found ? 0 : ERR_NOENT;
}

static bool is_own(const struct address *address)
{
    struct ifaddrs *list = NULL;
    if (is_loopback(address) || getifaddrs(&list) != 0)
        return is_loopback(address);
    bool found = false;
    for (const struct ifaddrs *at = list; at != NULL && !found; at = at->ifa_next) {
        struct address own;
        if (address_from_any(&own, at->ifa_addr) != 0)
            continue;
        found = memcmp(own.ip, address->ip, sizeof(own.ip)) == 0;
    }
    freeifaddrs(list);
    return found;
}

static uint32_t count_ports(void)
{
    unsigned first = PORTS_FIRST, last = PORTS_LAST;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (file != NULL) {
        if (fscanf(file, "%u %u", &first, &last) != 2 || last < first || last > 65535) {
            first = PORTS_FIRST;
            last = PORTS_LAST;
        }
        (void)fclose(file);
    }
    return last - first + 1;
}

static unsigned count_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

int ground_look(struct ground *out, const char *host, uint16_t port, const struct address *source)
{
    struct ground ground = {.ports = count_ports(), .cores = count_cores()};
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        ground.files = limit.rlim_max;
    int err = resolve(&ground.server, host, port, source);
    if (err != 0)
        return err;
    ground.server_is_loopback = is_loopback(&ground.server);
    ground.server_is_here = is_own(&ground.server);
    *out = ground;
    return 0;
}

void ground_raise_files(uint64_t files)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= files)
        return;
    limit.rlim_cur = files < limit.rlim_max ? files : limit.rlim_max;
    /* What cannot be raised shows as sockets that cannot be had, and is counted there. */
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- source addresses ---- */

int ground_check_source(const struct ground *ground, const struct address *source)
{
    if (address_is_ipv4(source) != address_is_ipv4(&ground->server) ||
        is_loopback(source) != is_loopback(&ground->server))
        return ERR_INVAL;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0; /* no IPv6 at all: the crowd will see */
    int off = 0;
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    struct sockaddr_in6 to = address_to_sockaddr(source);
    to.sin6_port = 0;
    int bound = bind(fd, (const struct sockaddr *)&to, sizeof(to));
    (void)close(fd);
    return bound == 0 ? 0 : ERR_INVAL;
}

uint32_t ground_source_count(const struct ground *ground, const struct ground_need *need,
                             uint32_t given)
{
    if (given > 0)
        return given;
    if (!ground->server_is_loopback || !address_is_ipv4(&ground->server))
        return 0;
    return (need->listeners + GROUND_LISTENERS_PER_SOURCE - 1) / GROUND_LISTENERS_PER_SOURCE;
}

struct address ground_loopback_source(uint32_t number)
{
    enum { LAST = 250, FIRST_NET = 16, NETS = 64 };
    struct address address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 127}};
    address.ip[13] = (uint8_t)(FIRST_NET + number / (LAST * LAST) % NETS);
    address.ip[14] = (uint8_t)(number / LAST % LAST);
    address.ip[15] = (uint8_t)(1 + number % LAST);
    return address;
}

/* ---- judging ---- */

static int refuse_files(const struct ground *ground, const struct ground_need *need,
                        char problem[PLAN_PROBLEM_MAX])
{
    uint64_t spare = GROUND_SPARE_FILES, usable = ground->files > spare ? ground->files - spare : 0;
    (void)snprintf(problem, PLAN_PROBLEM_MAX,
                   "%" PRIu32 " listeners need %" PRIu64
                   " open files here, and this machine lets a "
                   "process have %" PRIu64 "; allowed: at most %" PRIu64
                   " listeners, or a higher limit (ulimit -Hn %" PRIu64 ")",
                   need->listeners, need->files, ground->files,
                   usable * need->listeners / (need->files - spare), need->files);
    return ERR_FULL;
}

static int refuse_ports(uint32_t usable, uint32_t sources, const struct ground_need *need,
                        char problem[PLAN_PROBLEM_MAX])
{
    (void)snprintf(
        problem, PLAN_PROBLEM_MAX,
        "%" PRIu32 " listeners from %" PRIu32 " source address%s need more ports than the "
        "%" PRIu32 " that each has; allowed: at most %" PRIu64
        " listeners, or more addresses (--source)",
        need->listeners, sources, sources == 1 ? "" : "es", usable, (uint64_t)usable * sources);
    return ERR_FULL;
}

int ground_judge(const struct ground *ground, const struct ground_need *need, uint32_t sources,
                 struct notes *notes, char problem[PLAN_PROBLEM_MAX])
{
    uint32_t addresses = sources > 0 ? sources : 1;
    uint32_t usable = ground->ports > GROUND_PORTS_KEPT ? ground->ports - GROUND_PORTS_KEPT : 0;
    uint32_t of_each = (need->listeners + addresses - 1) / addresses;
    if (need->files > ground->files)
        return refuse_files(ground, need, problem);
    if (of_each > usable)
        return refuse_ports(usable, addresses, need, problem);
    if (ground->server_is_here)
        note(notes,
             "The crowd runs on the server's own machine and shares its %u core%s: alone, the "
             "server would hold more.",
             ground->cores, ground->cores == 1 ? "" : "s");
    if (!ground->server_is_loopback && of_each > GROUND_SOCKETS_PER_ADDRESS)
        note(notes,
             "%" PRIu32 " listeners come from each source address, and a server lets one address "
             "hold %d sockets unless told otherwise (sockets_per_address): raise it for the "
             "rehearsal, or give more addresses with --source.",
             of_each, GROUND_SOCKETS_PER_ADDRESS);
    return 0;
}

/* ---- the machine as a whole ---- */

bool ground_parse_stat(struct machine_time *out, const char *line, unsigned ticks_per_second)
{
    uint64_t user, nice, system, idle, waiting, hard, soft, stolen;
    if (strncmp(line, "cpu ", 4) != 0 ||
        sscanf(line + 4,
               "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64,
               &user, &nice, &system, &idle, &waiting, &hard, &soft, &stolen) != 8)
        return false;
    out->kernel_us = (hard + soft) * 1000000 / ticks_per_second;
    out->busy_us = (user + nice + system + stolen) * 1000000 / ticks_per_second + out->kernel_us;
    return true;
}

bool ground_machine_time(struct machine_time *out)
{
    char line[256] = "";
    long ticks_per_second = sysconf(_SC_CLK_TCK);
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return false;
    bool is_read = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file);
    return is_read && ticks_per_second > 0 &&
           ground_parse_stat(out, line, (unsigned)ticks_per_second);
}

/* The next word of a line; false at its end. */
static bool next_word(const char **at, const char **word, size_t *chars)
{
    *at += strspn(*at, " ");
    *word = *at;
    *chars = strcspn(*at, " \n");
    *at += *chars;
    return *chars > 0;
}

bool ground_parse_udp(const char *text, const char *column, uint64_t *out)
{
    const char *names = strstr(text, "Udp: ");
    const char *values = names != NULL ? strstr(names + 1, "\nUdp: ") : NULL;
    if (values == NULL)
        return false;
    values++;
    const char *name, *value;
    size_t name_chars, value_chars;
    while (next_word(&names, &name, &name_chars) && next_word(&values, &value, &value_chars))
        if (name_chars == strlen(column) && memcmp(name, column, name_chars) == 0)
            return sscanf(value, "%" SCNu64, out) == 1;
    return false;
}

bool ground_parse_udp6(const char *text, const char *name, uint64_t *out)
{
    size_t chars = strlen(name);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n")) {
        line += strspn(line, "\n");
        if (strncmp(line, name, chars) == 0 && (line[chars] == ' ' || line[chars] == '\t'))
            return sscanf(line + chars, "%*[ \t]%" SCNu64, out) == 1;
    }
    return false;
}

static void read_text(const char *path, char *out, size_t out_bytes)
{
    size_t bytes = 0;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        bytes = fread(out, 1, out_bytes - 1, file);
        (void)fclose(file);
    }
    out[bytes] = '\0';
}

uint64_t ground_udp_overflows(void)
{
    char text[8192];
    uint64_t ipv4 = 0, ipv6 = 0;
    read_text("/proc/net/snmp", text, sizeof(text));
    if (!ground_parse_udp(text, "RcvbufErrors", &ipv4))
        ipv4 = 0;
    read_text("/proc/net/snmp6", text, sizeof(text));
    if (!ground_parse_udp6(text, "Udp6RcvbufErrors", &ipv6))
        ipv6 = 0;
    return ipv4 + ipv6;
}
