#include "config/config_internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* Every key once. Help, example file, variables, flags and the reader all come from here. */
const struct config_key config_keys[] = {
    {"server", "state", "DIR", "/var/lib/rostrum",
     "folder of the database, recordings and admin token", "a folder's path of at most 511 bytes",
     read_state, NULL},
    {"server", "web", "DIR", "(where installed)", "folder of the pages",
     "a folder's path of at most 511 bytes", read_web, NULL},
    {"server", "http", "ADDR:PORT", "0.0.0.0:8080",
     "where pages, API and WebSocket listen; port 0: any free one",
     "a numeric address and port, such as 127.0.0.1:8080 or [::]:8080", read_http, NULL},
    {"server", "base_url", "URL", "(http://HOST:PORT)", "what links to this server begin with",
     "http:// or https:// and a host without a path: the pages live at its root", read_base_url,
     NULL},
    {"server", "origins", "URL", "(none)", "other sites whose pages may use /ws (several)",
     "scheme, host and port only, such as https://example.org (at most 8)", read_origin,
     empty_origins},
    {"server", "trusted_proxy", "WHO", "none",
     "loopback: believe X-Forwarded-For from this machine", "none or loopback", read_trusted_proxy,
     NULL},
    {"server", "log_level", "LEVEL", "info", "how much is written to standard error",
     "error, warn, info or debug", read_log_level, NULL},
    {"media", "media_port", "N", "5004", "the one UDP port of all audio; 0: any free one",
     "a number from 0 to 65535", read_media_port, NULL},
    {"media", "public_address", "HOST", "(those of the interfaces)",
     "address or name that listeners reach (several)",
     "an address or a host name without a port, and not 0.0.0.0 (at most 8)", read_public_address,
     empty_public_addresses},
    {"media", "workers", "N", "(one per core)", "threads that send and receive",
     "a number from 1 to 64", read_workers, NULL},
    {"media", "stages", "N", "1", "threads that mix", "a number from 1 to 16", read_stages, NULL},
    {"media", "srtp_engine", "NAME", "auto",
     "what encrypts for the audience; auto: the fastest here", "auto or an engine's name",
     read_srtp_engine, NULL},
    {"audience", "seats", "N", "2000", "listeners that this server admits at once",
     "a number from 1 to 1000000", read_seats, NULL},
    {"audience", "egress_max_bps", "N", "0",
     "bit/s that the uplink may carry; before it is full fewer are let in. 0: no bound",
     "0, or a number from 1000000 to 1000000000000, in bit/s", read_egress_max_bps, NULL},
    {"audience", "joins_max_per_s", "N", "0",
     "listeners that are let in per second. 0: as many as the machine takes",
     "a number from 0 to 100000", read_joins_max_per_s, NULL},
    {"audience", "mode", "MODE", "normal",
     "at start; economy: packets of 60 ms, a third of the cost of each listener", MODE_ALLOWED,
     read_mode, NULL},
    {"audience", "governor", "WHO", "on",
     "off: seats, joins and mode stay as they are set here, whatever the load", "on or off",
     read_governor, NULL},
    {"audience", "economy_bps", "N", "32000",
     "bit/s of a room's program in economy, if that is less than its own",
     "a number from 24000 to 256000, in bit/s", read_economy_bps, NULL},
    {"limits", "sockets", "N", "20000", "open HTTP and WebSocket connections",
     "a number from 16 to 1000000", read_sockets, NULL},
    {"limits", "sockets_per_address", "N", "64",
     "of them, from one IPv4 address or IPv6 /64; more for an event in one house",
     "a number from 1 to 1000000", read_sockets_per_address, NULL},
    {"limits", "sockets_per_network", "N", "(a quarter of all)",
     "of them, from one IPv4 /24 or IPv6 /48", "a number from 1 to 1000000",
     read_sockets_per_network, NULL},
    {"cluster", "redis_url", "URL", "(none)", "the Redis or Valkey where nodes meet",
     "redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix://[USER:PASSWORD@]/PATH[?db=DB], without "
     "TLS (no rediss://)",
     read_redis_url, NULL},
    {"cluster", "node_url", "URL", "(none)", "how listeners and the other nodes reach this one",
     "http:// or https:// and a host without a path", read_node_url, NULL},
    {"cluster", "region", "NAME", "(none)", "where this node stands; listeners go to a near one",
     "letters, digits, '-', '_' and '.', at most 32", read_region, NULL},
    {"cluster", "cluster_secret_file", "FILE", "(none)",
     "what all nodes know and nobody else: at least 32 bytes, mode 0600",
     "a file's path of at most 511 bytes", read_cluster_secret_file, NULL},
};
const unsigned config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);
_Static_assert(sizeof(config_keys) / sizeof(config_keys[0]) <= CONFIG_KEYS_MAX,
               "draft.set_by has a place for every key");

void config_flag_name(const struct config_key *key, char out[CONFIG_NAME_MAX])
{
    (void)snprintf(out, CONFIG_NAME_MAX, "--%s", key->name);
    for (char *c = out; *c; c++)
        if (*c == '_')
            *c = '-';
}

void config_variable_name(const struct config_key *key, char out[CONFIG_NAME_MAX])
{
    (void)snprintf(out, CONFIG_NAME_MAX, "ROSTRUM_%s", key->name);
    for (char *c = out; *c; c++)
        *c = (char)toupper((unsigned char)*c);
}

int config_fail(struct draft *draft, const char *format, ...)
{
    if (draft->problem[0] != '\0')
        return ERR_INVAL;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(draft->problem, sizeof(draft->problem), format, args);
    va_end(args);
    for (char *c = draft->problem; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    return ERR_INVAL;
}

bool config_may_show(const struct config_key *key)
{
    return key->read != read_redis_url;
}

static bool is_plain_text(const char *value)
{
    for (; *value; value++)
        if (iscntrl((unsigned char)*value) || *value == '"')
            return false;
    return true;
}

/* Lists come as "a, b"; a list key may also be given several times in one source. */
static int set_items(struct draft *draft, const struct config_key *key, const char *value)
{
    for (;;) {
        value += strspn(value, " \t");
        size_t chars = strcspn(value, ",");
        const char *next = value[chars] == ',' ? value + chars + 1 : NULL;
        while (chars > 0 && (value[chars - 1] == ' ' || value[chars - 1] == '\t'))
            chars--;
        char item[CONFIG_URL_MAX];
        if (chars == 0 || chars >= sizeof(item))
            return ERR_INVAL;
        memcpy(item, value, chars);
        item[chars] = '\0';
        if (key->read(draft, item) != 0)
            return ERR_INVAL;
        if (!next)
            return 0;
        value = next;
    }
}

int config_set(struct draft *draft, const struct config_key *key, const char *value,
               enum config_source source, const char *place)
{
    enum config_source *set_by = &draft->set_by[key - config_keys];
    if (key->empty && *set_by != source)
        key->empty(draft);
    if (!key->empty && *set_by == source && source == SOURCE_FILE)
        return config_fail(draft, "%s: '%s' is given a second time; keep one of the two.", place,
                           key->name);
    *set_by = source;
    int err = ERR_INVAL;
    if (*value != '\0' && is_plain_text(value))
        err = key->empty ? set_items(draft, key, value) : key->read(draft, value);
    if (err == 0)
        return 0;
    const char *quotes = strchr(value, '"') ? ", without quotes" : "";
    if (!config_may_show(key))
        return config_fail(draft, "%s: %s must be %s%s.", place, key->name, key->allowed, quotes);
    return config_fail(draft, "%s: %s = %.100s: must be %s%s.", place, key->name, value,
                       key->allowed, quotes);
}
