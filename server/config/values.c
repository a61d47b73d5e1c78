#include "config/config_internal.h"

#include <string.h>

static int copy_text(char *out, size_t room, const char *value)
{
    size_t chars = strlen(value);
    if (chars == 0 || chars >= room)
        return ERR_INVAL;
    memcpy(out, value, chars + 1);
    return 0;
}

/* Decimal digits only: no sign, no spaces, no suffix. max: at most 10^18. */
static int read_large_number(uint64_t *out, const char *value, uint64_t min, uint64_t max)
{
    uint64_t number = 0;
    for (const char *c = value; *c; c++) {
        if (*c < '0' || *c > '9')
            return ERR_INVAL;
        number = number * 10 + (uint64_t)(*c - '0');
        if (number > max)
            return ERR_INVAL;
    }
    if (*value == '\0' || number < min)
        return ERR_INVAL;
    *out = number;
    return 0;
}

static int read_number(uint32_t *out, const char *value, uint32_t min, uint32_t max)
{
    uint64_t number;
    int err = read_large_number(&number, value, min, max);
    if (err == 0)
        *out = (uint32_t)number;
    return err;
}

int read_state(struct draft *draft, const char *value)
{
    return copy_text(draft->config.state, sizeof(draft->config.state), value);
}

int read_web(struct draft *draft, const char *value)
{
    return copy_text(draft->config.web, sizeof(draft->config.web), value);
}

int read_http(struct draft *draft, const char *value)
{
    const char *bracket = strchr(value, ']');
    if (!strchr(bracket ? bracket : value, ':') || (!bracket && value[strspn(value, ":")] == '\0'))
        return ERR_INVAL; /* without a port */
    if (!bracket && strchr(value, ':') != strrchr(value, ':'))
        return ERR_INVAL; /* an IPv6 address without brackets has no port */
    return address_parse(&draft->config.http, value);
}

static bool is_url_char(char c)
{
    return c > ' ' && c != 0x7F && c != '"' && c != '<' && c != '>' && c != '\\' && c != '?' &&
           c != '#' && c != '@' && c != ',';
}

/* Copies a URL without its final slashes; nothing else may follow host and port. */
static int read_url(char out[CONFIG_URL_MAX], const char *value)
{
    const char *host = NULL;
    if (strncmp(value, "http://", 7) == 0)
        host = value + 7;
    else if (strncmp(value, "https://", 8) == 0)
        host = value + 8;
    if (!host || *host == '\0' || *host == '/' || *host == ':')
        return ERR_INVAL;
    for (const char *c = host; *c; c++)
        if (!is_url_char(*c))
            return ERR_INVAL;
    size_t chars = strlen(value);
    while (value[chars - 1] == '/')
        chars--;
    if (chars >= CONFIG_URL_MAX)
        return ERR_INVAL;
    const char *slash = strchr(host, '/');
    if (slash && slash < value + chars)
        return ERR_INVAL;
    memcpy(out, value, chars);
    out[chars] = '\0';
    return 0;
}

int read_base_url(struct draft *draft, const char *value)
{
    return read_url(draft->config.base_url, value);
}

int read_origin(struct draft *draft, const char *value)
{
    struct config *config = &draft->config;
    if (config->origin_count == CONFIG_ORIGINS_MAX)
        return ERR_INVAL;
    int err = read_url(config->origins[config->origin_count], value);
    if (err == 0)
        config->origin_count++;
    return err;
}

void empty_origins(struct draft *draft)
{
    draft->config.origin_count = 0;
}

int read_trusted_proxy(struct draft *draft, const char *value)
{
    bool loopback = strcmp(value, "loopback") == 0;
    if (!loopback && strcmp(value, "none") != 0)
        return ERR_INVAL;
    draft->config.trust_forwarded = loopback;
    return 0;
}

int read_log_level(struct draft *draft, const char *value)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(value, names[i]) == 0) {
            draft->config.log_level = (enum log_level)i;
            return 0;
        }
    return ERR_INVAL;
}

int read_media_port(struct draft *draft, const char *value)
{
    uint32_t port;
    if (read_number(&port, value, 0, UINT16_MAX) != 0)
        return ERR_INVAL;
    draft->config.media_port = (uint16_t)port;
    return 0;
}

static bool is_host_name(const char *value)
{
    if (*value == '-' || *value == '.')
        return false;
    for (; *value; value++)
        if (!((*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') ||
              (*value >= '0' && *value <= '9') || *value == '-' || *value == '.' || *value == '_'))
            return false;
    return true;
}

/* Whether text is the number of an address that a packet can be sent to. */
static bool is_reachable_address(const char *value)
{
    static const struct address any_ipv4 = {.ip = {[10] = 0xFF, [11] = 0xFF}};
    static const struct address any_ipv6 = {.port = 0};
    struct address address;
    if (strchr(value, '[') || address_parse(&address, value) != 0 || address.port != 0)
        return false;
    if (address_is_ipv4(&address) && (strchr(value, ':') == strrchr(value, ':')) &&
        strchr(value, ':'))
        return false; /* "192.0.2.1:0" */
    bool multicast = address_is_ipv4(&address) ? address.ip[12] >= 224 : address.ip[0] == 0xFF;
    return !multicast && !address_equal(&address, &any_ipv4) && !address_equal(&address, &any_ipv6);
}

int read_public_address(struct draft *draft, const char *value)
{
    if (draft->public_text_count == CONFIG_PUBLIC_ADDRESSES_MAX)
        return ERR_INVAL;
    bool only_digits = value[strspn(value, "0123456789.")] == '\0';
    if (!is_reachable_address(value) && (only_digits || !is_host_name(value)))
        return ERR_INVAL;
    return copy_text(draft->public_texts[draft->public_text_count++], CONFIG_URL_MAX, value);
}

void empty_public_addresses(struct draft *draft)
{
    draft->public_text_count = 0;
}

int read_workers(struct draft *draft, const char *value)
{
    return read_number(&draft->config.workers, value, 1, 64);
}

int read_stages(struct draft *draft, const char *value)
{
    return read_number(&draft->config.stages, value, 1, 16);
}

/* Which engines there are is known to the audience's folder, which refuses an unknown one. */
int read_srtp_engine(struct draft *draft, const char *value)
{
    if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0')
        return ERR_INVAL;
    return copy_text(draft->config.srtp_engine, sizeof(draft->config.srtp_engine), value);
}

int read_seats(struct draft *draft, const char *value)
{
    return read_number(&draft->config.seats, value, 1, 1000000);
}

/* Less than a megabit is a slip of the unit: it would carry fifteen listeners. */
int read_egress_max_bps(struct draft *draft, const char *value)
{
    uint64_t bps;
    if (read_large_number(&bps, value, 0, 1000000000000) != 0 || (bps != 0 && bps < 1000000))
        return ERR_INVAL;
    draft->config.egress_max_bps = bps;
    return 0;
}

int read_joins_max_per_s(struct draft *draft, const char *value)
{
    return read_number(&draft->config.joins_max_per_s, value, 0, 100000);
}

int read_governor(struct draft *draft, const char *value)
{
    bool is_on = strcmp(value, "on") == 0;
    if (!is_on && strcmp(value, "off") != 0)
        return ERR_INVAL;
    draft->config.governor = is_on;
    return 0;
}

int read_mode(struct draft *draft, const char *value)
{
    return mode_parse(&draft->config.mode, value);
}

/* The least that carries speech: with little loss in full band, with 10 % and FEC still in wide band.
 * At 20 kbit/s those who lose much would be left with the narrow sound of a telephone. */
int read_economy_bps(struct draft *draft, const char *value)
{
    return read_number(&draft->config.economy_bps, value, 24000, 256000);
}

int read_sockets(struct draft *draft, const char *value)
{
    return read_number(&draft->config.sockets_max, value, 16, 1000000);
}

int read_sockets_per_address(struct draft *draft, const char *value)
{
    return read_number(&draft->config.sockets_per_address, value, 1, 1000000);
}

int read_sockets_per_network(struct draft *draft, const char *value)
{
    return read_number(&draft->config.sockets_per_network, value, 1, 1000000);
}

int read_redis_url(struct draft *draft, const char *value)
{
    int err = redis_url_parse(&draft->config.redis, value);
    if (err == 0)
        draft->config.has_redis = true;
    return err;
}

int read_node_url(struct draft *draft, const char *value)
{
    return read_url(draft->config.node_url, value);
}

int read_region(struct draft *draft, const char *value)
{
    for (const char *c = value; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              *c == '-' || *c == '_' || *c == '.'))
            return ERR_INVAL;
    return copy_text(draft->config.region, sizeof(draft->config.region), value);
}

int read_cluster_secret_file(struct draft *draft, const char *value)
{
    return copy_text(draft->config.secret_file, sizeof(draft->config.secret_file), value);
}
