/* config_internal.h - the table of keys and the draft that the three sources fill.
 *
 * Owner    config_load()
 * Thread   the one that starts the server
 * Units    as config.h
 * Errors   ERR_INVAL with draft->problem set; the first problem stays
 * Spec     none
 */
#ifndef CONFIG_CONFIG_INTERNAL_H
#define CONFIG_CONFIG_INTERNAL_H

#include "config/config.h"

#include <stdio.h>

enum {
    CONFIG_PLACE_MAX = 160,
    CONFIG_NAME_MAX = 64,
    CONFIG_KEYS_MAX = 32,
};

/* The three sources, each overriding those before it. */
enum config_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAG };

struct draft {
    struct config config;
    char public_texts[CONFIG_PUBLIC_ADDRESSES_MAX]
                     [CONFIG_URL_MAX]; /* names are resolved at the end */
    unsigned public_text_count;
    enum config_source set_by[CONFIG_KEYS_MAX];
    char problem[CONFIG_PROBLEM_MAX]; /* "": none so far */
};

/* One key. The name of its flag ("--base-url") and of its variable ("ROSTRUM_BASE_URL") follow from
 * its own. */
struct config_key {
    const char *section;
    const char *name;
    const char *argument; /* what the help calls the value */
    const char
        *standard; /* the default, read like any value; "(...)": found out when the server starts */
    const char *help;
    const char *allowed; /* ends "must be ..." */
    /* Reads one value (of a list: one item) into the draft. ERR_INVAL: it is not what is allowed.
     */
    int (*read)(struct draft *draft, const char *value);
    void (*empty)(
        struct draft *draft); /* of a list: forgets the items of the weaker source; else NULL */
};
extern const struct config_key config_keys[];
extern const unsigned config_key_count;

void config_flag_name(const struct config_key *key, char out[CONFIG_NAME_MAX]);
void config_variable_name(const struct config_key *key, char out[CONFIG_NAME_MAX]);
/* One value of one key from one source; place ("rostrum.ini:3") is for the problem. */
MUST_CHECK int config_set(struct draft *draft, const struct config_key *key, const char *value,
                          enum config_source source, const char *place);
/* Whether value may stand in a problem: a password may be in it. */
bool config_may_show(const struct config_key *key);
/* Writes the problem unless there is one already. Returns ERR_INVAL. */
int config_fail(struct draft *draft, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* values.c: config_key.read of each kind of value */
int read_state(struct draft *draft, const char *value);
int read_web(struct draft *draft, const char *value);
int read_http(struct draft *draft, const char *value);
int read_base_url(struct draft *draft, const char *value);
int read_origin(struct draft *draft, const char *value);
void empty_origins(struct draft *draft);
int read_trusted_proxy(struct draft *draft, const char *value);
int read_log_level(struct draft *draft, const char *value);
int read_media_port(struct draft *draft, const char *value);
int read_public_address(struct draft *draft, const char *value);
void empty_public_addresses(struct draft *draft);
int read_workers(struct draft *draft, const char *value);
int read_stages(struct draft *draft, const char *value);
int read_srtp_engine(struct draft *draft, const char *value);
int read_seats(struct draft *draft, const char *value);
int read_egress_max_bps(struct draft *draft, const char *value);
int read_joins_max_per_s(struct draft *draft, const char *value);
int read_governor(struct draft *draft, const char *value);
int read_mode(struct draft *draft, const char *value);
int read_economy_bps(struct draft *draft, const char *value);
int read_sockets(struct draft *draft, const char *value);
int read_sockets_per_address(struct draft *draft, const char *value);
int read_sockets_per_network(struct draft *draft, const char *value);
int read_redis_url(struct draft *draft, const char *value);
int read_node_url(struct draft *draft, const char *value);
int read_region(struct draft *draft, const char *value);
int read_cluster_secret_file(struct draft *draft, const char *value);

/* sources.c */
MUST_CHECK int config_read_file(struct draft *draft, FILE *file, const char *path);
MUST_CHECK int config_read_environment(struct draft *draft, char *const *environment);
/* Also finds --config (or NULL) and what else was asked for. Before the file is read, dry = true:
 * nothing is set. */
struct config_asked {
    const char *file; /* borrowed from argv; NULL: not given */
    enum config_result result;
};
MUST_CHECK int config_read_flags(struct draft *draft, int argc, char *const *argv, bool dry,
                                 struct config_asked *asked);

/* addresses.c */
MUST_CHECK int config_resolve_addresses(struct draft *draft);
void config_discover_addresses(struct config *config);

#endif
