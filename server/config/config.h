/* config.h - what the operator set: rostrum.ini, overridden by ROSTRUM_*, overridden by flags.
 *
 * Owner    main; read once at start, immutable afterwards
 * Thread   any, after config_load()
 * Units    as named
 * Errors   config_load: ERR_INVAL with a sentence naming the place, the key and what is allowed
 * Spec     INI as inih reads it: section "[name]", "key = value", ";" comments
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/address.h"
#include "base/mode.h"
#include "config/redis_url.h"
#include "rostrum/error.h"
#include "telemetry/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CONFIG_PATH_MAX = 512,
    CONFIG_PUBLIC_ADDRESSES_MAX = 8,
    CONFIG_ORIGINS_MAX = 8,
    CONFIG_URL_MAX = 256,
    CONFIG_REGION_MAX = 32,
    CONFIG_PROBLEM_MAX = 640,
};

struct config {
    char state[CONFIG_PATH_MAX]; /* --state, ROSTRUM_STATE, [server] state; default /var/lib/rostrum
                                  */
    char web[CONFIG_PATH_MAX]; /* --web: the pages' folder; default where installed, see config.c */
    struct address http;       /* --http; default 0.0.0.0:8080 ([::] accepted) */
    char base_url[CONFIG_URL_MAX]; /* --base-url: what links begin with; default http://HOST:PORT,
                                      no final / */
    char origins[CONFIG_ORIGINS_MAX]
                [CONFIG_URL_MAX]; /* [server] origins: also allowed for /ws besides our own */
    unsigned origin_count;
    uint16_t media_port; /* --media-port; default 5004; 0: any */
    struct address public_addresses[CONFIG_PUBLIC_ADDRESSES_MAX]; /* --public-address, several,
                                                                     names resolved */
    unsigned public_address_count; /* 0: config_discover_addresses() found nothing either */
    bool public_addresses_given;   /* by the operator, not discovered */
    unsigned workers;              /* --workers 1..64; default: one per core */
    unsigned stages;               /* [media] stages 1..16; default 1 */
    uint32_t seats;                /* [audience] seats: cap of the node; default 2000 */
    uint64_t egress_max_bps; /* [audience] egress_max_bps 1000000..10^12: what the node's uplink may
                                carry, with the heads of IP and UDP; default 0: no bound */
    uint32_t joins_max_per_s; /* [audience] joins_max_per_s 1..100000; default 0: no bound */
    enum mode mode;           /* [audience] mode: of the node at start; "normal" */
    bool governor;            /* [audience] governor on|off; default on */
    uint32_t economy_bps;     /* [audience] economy_bps 24000..256000: of a program in economy,
                                      if less than its own; default 32000 */
    char srtp_engine[16];     /* --srtp-engine; "auto" */
    enum log_level log_level; /* --log-level error|warn|info|debug */
    bool trust_forwarded; /* [server] trusted_proxy = loopback: X-Forwarded-For of loopback peers
                             counts */
    unsigned sockets_max; /* [limits] sockets, default 20000 capped by RLIMIT_NOFILE - 512 */
    unsigned sockets_per_address; /* [limits] sockets_per_address, default 64 */
    unsigned
        sockets_per_network; /* [limits] sockets_per_network, default a quarter of sockets_max, and
                                     at least sockets_per_address */
    bool has_redis;          /* [cluster] redis_url was given; then also the next three: */
    struct redis_url redis;  /* holds a password: never logged */
    char node_url
        [CONFIG_URL_MAX]; /* [cluster] node_url: how the world reaches this node, no final / */
    char secret_file[CONFIG_PATH_MAX];  /* [cluster] cluster_secret_file: read by main */
    char region[CONFIG_REGION_MAX + 1]; /* [cluster] region; default "" */
};

enum config_result {
    CONFIG_RUN = 0,
    CONFIG_SHOW_HELP = 1,
    CONFIG_SHOW_VERSION = 2,
    CONFIG_SHOW_EXAMPLE = 3
};

/* Reads file (--config, or ROSTRUM_CONFIG; missing default files are fine), environment and
 * arguments. Returns enum config_result, or ERR_INVAL with `problem` set. Resolves names of public
 * addresses (blocking: before anything runs); without any given, takes the addresses of the
 * interfaces that are up (global ones first, IPv4 before IPv6, loopback only if there is nothing
 * else). */
MUST_CHECK int config_load(struct config *out, int argc, char *const *argv,
                           char problem[CONFIG_PROBLEM_MAX]);
/* What links begin with, once the port that is really listened on is known: base_url, which is only
 * empty when the http port is 0 and no base_url was given. */
void config_write_base_url(const struct config *config, uint16_t http_port,
                           char out[CONFIG_URL_MAX]);
/* For CONFIG_SHOW_EXAMPLE (--print-config): a rostrum.ini with every key, its default and what it
 * means. */
void config_write_example(FILE *out);
/* The help text for rostrumd, one line per option. Lends a constant. */
const char *config_help(void);
/* True if every advertised address is private, link-local or loopback: warn at start. */
bool config_only_local_addresses(const struct config *config);

#endif
