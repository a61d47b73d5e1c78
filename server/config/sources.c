#include "config/config_internal.h"

#include <ctype.h>
#include <string.h>

#include <ini.h>

static const char variable_prefix[] = "ROSTRUM_";
static const char config_variable[] = "ROSTRUM_CONFIG"; /* read by config_load() */

static const struct config_key *find_key(const char *name)
{
    for (unsigned i = 0; i < config_key_count; i++)
        if (strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    return NULL;
}

/* "state, web, http": the keys of a section, or all. */
static void list_keys(char *out, size_t room, const char *section)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < config_key_count; i++) {
        if (section && strcmp(config_keys[i].section, section) != 0)
            continue;
        int chars =
            snprintf(out + used, room - used, "%s%s", used ? ", " : "", config_keys[i].name);
        if (chars < 0 || (size_t)chars >= room - used)
            return;
        used += (size_t)chars;
    }
}

/* ---- the file ---- */

struct file_reader {
    struct draft *draft;
    FILE *file;
    const char *path;
    unsigned line;
    bool failed;
};

static char *reject_line(struct file_reader *reader, const char *why)
{
    reader->failed = true;
    (void)config_fail(reader->draft, "%s:%u: the line %s.", reader->path, reader->line, why);
    return NULL;
}

/* Feeds inih and counts, for its handler is not told the line. A line that does not fit would be
 * cut in two. */
static char *next_line(char *out, int room, void *stream)
{
    struct file_reader *reader = stream;
    if (reader->failed || !fgets(out, room, reader->file))
        return NULL;
    reader->line++;
    size_t chars = strlen(out);
    if (chars == 0 || (out[chars - 1] != '\n' && !feof(reader->file)))
        return reject_line(reader, "is too long, or no text");
    /* inih would take an indented line for the value above going on */
    size_t blanks = strspn(out, " \t");
    memmove(out, out + blanks, chars - blanks + 1);
    if (out[0] == '[' && !strchr(out, ']'))
        return reject_line(reader, "lacks the ] of [section]");
    return out;
}

static int unknown_key(const struct file_reader *reader, const char *section, const char *name)
{
    const struct config_key *elsewhere = find_key(name);
    char keys[512];
    list_keys(keys, sizeof(keys), section);
    if (elsewhere)
        return config_fail(reader->draft, "%s:%u: '%s' belongs into section [%s].", reader->path,
                           reader->line, name, elsewhere->section);
    if (keys[0] == '\0')
        return config_fail(reader->draft,
                           "%s:%u: key '%.60s' is in unknown section [%.60s]; there are [server], "
                           "[media], [audience], [limits] and [cluster].",
                           reader->path, reader->line, name, section);
    return config_fail(reader->draft, "%s:%u: unknown key '%.60s' in [%s]; it may have: %s.",
                       reader->path, reader->line, name, section, keys);
}

/* inih's handler: nonzero means success */
static int on_pair(void *ctx, const char *section, const char *name, const char *value)
{
    struct file_reader *reader = ctx;
    if (reader->failed)
        return 0;
    const struct config_key *key = find_key(name);
    if (!key || strcmp(key->section, section) != 0) {
        (void)unknown_key(reader, section, name);
        reader->failed = true;
        return 0;
    }
    char place[CONFIG_PLACE_MAX];
    (void)snprintf(place, sizeof(place), "%s:%u", reader->path, reader->line);
    reader->failed = config_set(reader->draft, key, value, SOURCE_FILE, place) != 0;
    return !reader->failed;
}

int config_read_file(struct draft *draft, FILE *file, const char *path)
{
    struct file_reader reader = {.draft = draft, .file = file, .path = path};
    int bad_line = ini_parse_stream(next_line, &reader, on_pair, &reader);
    if (reader.failed)
        return ERR_INVAL;
    if (ferror(file))
        return config_fail(draft, "%s: cannot be read.", path);
    if (bad_line > 0)
        return config_fail(draft,
                           "%s:%d: neither \"[section]\", \"key = value\" nor \"; comment\".", path,
                           bad_line);
    return bad_line == 0 ? 0 : config_fail(draft, "%s: no memory to read it.", path);
}

/* ---- the environment ---- */

static int read_variable(struct draft *draft, const char *variable)
{
    size_t name_chars = strcspn(variable, "=");
    char name[CONFIG_NAME_MAX];
    if (name_chars < sizeof(name) && variable[name_chars] == '=') {
        memcpy(name, variable, name_chars);
        name[name_chars] = '\0';
        /* compose files pass what is not set as an empty variable */
        const char *value = variable + name_chars + 1;
        if (strcmp(name, config_variable) == 0)
            return 0;
        for (unsigned i = 0; i < config_key_count; i++) {
            char wanted[CONFIG_NAME_MAX];
            config_variable_name(&config_keys[i], wanted);
            if (strcmp(name, wanted) == 0)
                return *value == '\0'
                           ? 0
                           : config_set(draft, &config_keys[i], value, SOURCE_ENVIRONMENT, name);
        }
    }
    char keys[512];
    list_keys(keys, sizeof(keys), NULL);
    return config_fail(draft,
                       "unknown variable %.*s; there are ROSTRUM_CONFIG and ROSTRUM_ before the "
                       "capitals of: %s.",
                       (int)(name_chars < 60 ? name_chars : 60), variable, keys);
}

int config_read_environment(struct draft *draft, char *const *environment)
{
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, variable_prefix, sizeof(variable_prefix) - 1) != 0)
            continue;
        int err = read_variable(draft, *environment);
        if (err != 0)
            return err;
    }
    return 0;
}

/* ---- the flags ---- */

static int unknown_flag(struct draft *draft, const char *flag)
{
    char keys[512];
    list_keys(keys, sizeof(keys), NULL);
    for (char *c = keys; *c; c++)
        if (*c == '_')
            *c = '-';
    return config_fail(draft,
                       "unknown argument '%.60s'; there are --help, --version, --print-config, "
                       "--config and -- before: %s.",
                       flag, keys);
}

static int find_flag(const struct config_key **out, const char *flag, size_t flag_chars)
{
    for (unsigned i = 0; i < config_key_count; i++) {
        char wanted[CONFIG_NAME_MAX];
        config_flag_name(&config_keys[i], wanted);
        if (strlen(wanted) == flag_chars && memcmp(wanted, flag, flag_chars) == 0) {
            *out = &config_keys[i];
            return 0;
        }
    }
    *out = NULL; /* --config is no key: it names the file of all keys */
    return flag_chars == 8 && memcmp(flag, "--config", 8) == 0 ? 0 : ERR_NOENT;
}

static bool read_question(struct config_asked *asked, const char *arg)
{
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        asked->result = CONFIG_SHOW_HELP;
    else if (strcmp(arg, "--version") == 0)
        asked->result = CONFIG_SHOW_VERSION;
    else if (strcmp(arg, "--print-config") == 0)
        asked->result = CONFIG_SHOW_EXAMPLE;
    else
        return false;
    return true;
}

int config_read_flags(struct draft *draft, int argc, char *const *argv, bool dry,
                      struct config_asked *asked)
{
    *asked = (struct config_asked){.result = CONFIG_RUN};
    for (int i = 1; i < argc; i++) {
        if (read_question(asked, argv[i]))
            continue;
        size_t flag_chars = strcspn(argv[i], "=");
        const struct config_key *key;
        if (find_flag(&key, argv[i], flag_chars) != 0)
            return unknown_flag(draft, argv[i]);
        char place[CONFIG_PLACE_MAX];
        (void)snprintf(place, sizeof(place), "%.*s", (int)flag_chars, argv[i]);
        const char *value = argv[i][flag_chars] == '=' ? argv[i] + flag_chars + 1 : argv[++i];
        if (!value)
            return config_fail(draft, "%s: its value is missing.", place);
        if (!key)
            asked->file = value;
        else if (!dry && config_set(draft, key, value, SOURCE_FLAG, place) != 0)
            return ERR_INVAL;
    }
    return 0;
}
