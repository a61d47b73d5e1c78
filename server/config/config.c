#include "config/config_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WORKERS_MAX = 64,
    DESCRIPTORS_RESERVED = 512, /* for hosts' sockets, files, rings and the database */
    SOCKETS_LEAST = 64,
    HELP_BYTES = 8192,
};

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        return 1;
    return cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores;
}

/* The pages lie where they were installed with the program, wherever that is; a build that was not installed takes its
 * source's. */
static void set_default_web(char web[static CONFIG_PATH_MAX])
{
    char program[CONFIG_PATH_MAX] = "";
    ssize_t bytes = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash = bytes > 0 ? strrchr(program, '/') : NULL;
    if (slash) {
        slash[1] = '\0';
        int length = snprintf(web, CONFIG_PATH_MAX, "%s" ROSTRUM_WEB_FROM_PROGRAM, program);
        struct stat info;
        if (length < CONFIG_PATH_MAX && stat(web, &info) == 0)
            return;
    }
    (void)snprintf(web, CONFIG_PATH_MAX, "%s", ROSTRUM_WEB_SOURCE_DIR);
}

static int set_defaults(struct draft *draft)
{
    draft->config.workers = core_count();
    set_default_web(draft->config.web);
    for (unsigned i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->standard[0] == '(')
            continue;
        int err = config_set(draft, key, key->standard, SOURCE_DEFAULT, "default");
        if (err != 0)
            return err;
    }
    return 0;
}

static int read_config_file(struct draft *draft, const char *asked_path)
{
    const char *path = asked_path;
    if (!path || *path == '\0')
        path = getenv("ROSTRUM_CONFIG");
    bool must_exist = path && *path != '\0';
    if (!must_exist)
        path = ROSTRUM_CONFIG_FILE;
    FILE *file = fopen(path, "re");
    if (!file) {
        if (!must_exist && errno == ENOENT)
            return 0;
        return config_fail(draft, "%.200s: cannot be opened (%s).", path, strerror(errno));
    }
    int err = config_read_file(draft, file, path);
    (void)fclose(file);
    return err;
}

/* main raises the soft limit as far as needed, so the hard one counts. */
static void cap_sockets(struct config *config)
{
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0 || descriptors.rlim_max == RLIM_INFINITY)
        return;
    rlim_t most = SOCKETS_LEAST;
    if (descriptors.rlim_max > DESCRIPTORS_RESERVED + SOCKETS_LEAST)
        most = descriptors.rlim_max - DESCRIPTORS_RESERVED;
    if (config->sockets_max > most)
        config->sockets_max = (unsigned)most;
}

/* One network must not take everything, unless the operator wants it to. */
static void share_sockets(struct config *config)
{
    if (config->sockets_per_network != 0)
        return;
    config->sockets_per_network = config->sockets_max / 4;
    if (config->sockets_per_network < config->sockets_per_address)
        config->sockets_per_network = config->sockets_per_address;
}

static bool is_any(const struct address *address)
{
    static const uint8_t zeros[16] = {0};
    return memcmp(address->ip + (address_is_ipv4(address) ? 12 : 0), zeros,
                  address_is_ipv4(address) ? 4 : 16) == 0;
}

void config_write_base_url(const struct config *config, uint16_t http_port,
                           char out[CONFIG_URL_MAX])
{
    if (config->base_url[0] != '\0') {
        (void)snprintf(out, CONFIG_URL_MAX, "%s", config->base_url);
        return;
    }
    const struct address *host = &config->http;
    if (is_any(host))
        host = config->public_addresses_given ? &config->public_addresses[0] : NULL;
    char text[ADDRESS_TEXT_MAX] = "localhost";
    if (host)
        address_write_ip(host, text);
    bool brackets = host && !address_is_ipv4(host);
    int chars = snprintf(out, CONFIG_URL_MAX, "http://%s%s%s", brackets ? "[" : "", text,
                         brackets ? "]" : "");
    if (http_port != 80)
        (void)snprintf(out + chars, CONFIG_URL_MAX - (size_t)chars, ":%u", http_port);
}

/* A node that is half in a cluster would look well and be alone. */
static int check_cluster(struct draft *draft)
{
    const struct config *config = &draft->config;
    const struct {
        const char *name, *value, *why;
    } keys[] = {
        {"node_url", config->node_url, "the other nodes send listeners there"},
        {"cluster_secret_file", config->secret_file, "nodes prove to each other that they know it"},
        {"region", config->region, NULL},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        bool is_given = keys[i].value[0] != '\0';
        if (config->has_redis && !is_given && keys[i].why != NULL)
            return config_fail(draft, "redis_url is given, so %s must be, too: %s.", keys[i].name,
                               keys[i].why);
        if (!config->has_redis && is_given)
            return config_fail(draft,
                               "%s is given, but no redis_url: a node without one is alone and "
                               "needs neither.",
                               keys[i].name);
    }
    return 0;
}

static int finish(struct draft *draft)
{
    struct config *config = &draft->config;
    int err = check_cluster(draft);
    if (err == 0)
        err = config_resolve_addresses(draft);
    if (err != 0)
        return err;
    if (config->public_address_count == 0)
        config_discover_addresses(config);
    cap_sockets(config);
    share_sockets(config);
    if (config->base_url[0] == '\0' && config->http.port != 0) {
        char base_url[CONFIG_URL_MAX];
        config_write_base_url(config, config->http.port, base_url);
        memcpy(config->base_url, base_url, sizeof(base_url));
    }
    return 0;
}

static int load(struct draft *draft, int argc, char *const *argv)
{
    struct config_asked asked;
    int err = set_defaults(draft);
    if (err == 0)
        err = config_read_flags(draft, argc, argv, true, &asked);
    if (err != 0)
        return err;
    if (asked.result != CONFIG_RUN)
        return (int)asked.result;
    err = read_config_file(draft, asked.file);
    if (err == 0)
        err = config_read_environment(draft, environ);
    if (err == 0)
        err = config_read_flags(draft, argc, argv, false, &asked);
    return err != 0 ? err : finish(draft);
}

int config_load(struct config *out, int argc, char *const *argv, char problem[CONFIG_PROBLEM_MAX])
{
    struct draft draft = {.problem = ""};
    int result = load(&draft, argc, argv);
    memcpy(problem, draft.problem, CONFIG_PROBLEM_MAX);
    if (result == CONFIG_RUN)
        *out = draft.config;
    return result;
}

const char *config_help(void)
{
    static char help[HELP_BYTES];
    FILE *out = fmemopen(help, sizeof(help), "w");
    if (!out)
        return "";
    (void)fprintf(out,
                  "Usage: rostrumd [OPTION VALUE]...\n\n"
                  "  --config FILE             settings (also ROSTRUM_CONFIG) [" ROSTRUM_CONFIG_FILE
                  "]\n");
    for (unsigned i = 0; i < config_key_count; i++) {
        char flag[CONFIG_NAME_MAX];
        config_flag_name(&config_keys[i], flag);
        int chars = fprintf(out, "  %s %s", flag, config_keys[i].argument);
        (void)fprintf(out, "%*s%s [%s]\n", chars < 27 ? 28 - chars : 1, "", config_keys[i].help,
                      config_keys[i].standard);
    }
    (void)fprintf(out,
                  "  --print-config            print an example rostrum.ini and end\n"
                  "  --version, --help\n\n"
                  "Each option is also a variable (ROSTRUM_BASE_URL) and a key of the file.\n");
    (void)fclose(out);
    return help;
}

void config_write_example(FILE *out)
{
    const char *section = "";
    (void)fprintf(
        out, "; rostrum.ini: every key with its default. Variables (ROSTRUM_HTTP) override it,\n"
             "; flags (--http) override both. An unknown key is an error.\n");
    for (unsigned i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (strcmp(section, key->section) != 0)
            (void)fprintf(out, "\n[%s]\n", key->section);
        section = key->section;
        const char *value = key->standard[0] == '(' ? key->argument : key->standard;
        (void)fprintf(out, "; %s: %s. Default: %s\n;%s = %s\n", key->help, key->allowed,
                      key->standard, key->name, value);
    }
}
