#include "tree/identity.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { MADE_CHARS = 16 };

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

bool node_id_is_valid(const char *id)
{
    size_t chars = 0;
    for (; id[chars] != '\0'; chars++)
        if (chars == NODE_ID_MAX || !is_id_char(id[chars]))
            return false;
    return chars > 0;
}

/* Goes into links and redirects. */
bool node_url_is_valid(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    if (scheme == 0 || url[scheme] == '\0')
        return false;
    for (const char *c = url + scheme; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7F || strchr("\"'<>\\^`{|}@/?#,", *c) != NULL)
            return false;
    return true;
}

bool node_region_is_valid(const char *region)
{
    for (const char *c = region; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7F || strchr("\"'<>\\&", *c) != NULL)
            return false;
    return true;
}

static int fail_file(char problem[IDENTITY_PROBLEM_MAX], const char *path, const char *what,
                     int err)
{
    (void)snprintf(problem, IDENTITY_PROBLEM_MAX, "%.250s %s.", path, what);
    return err;
}

static int fail_system(char problem[IDENTITY_PROBLEM_MAX], const char *path, const char *what)
{
    (void)snprintf(problem, IDENTITY_PROBLEM_MAX, "%.250s cannot be %s: %s.", path, what,
                   strerror(errno));
    return ERR_IO;
}

/* Reads at most `room` bytes of a regular file. ERR_NOENT: there is none; no problem is set then. */
static int read_file(uint8_t *out, size_t room, size_t *count, struct stat *info, const char *path,
                     char problem[IDENTITY_PROBLEM_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOENT : fail_system(problem, path, "opened");
    int err = 0;
    ssize_t got = 0;
    if (fstat(fd, info) != 0 || !S_ISREG(info->st_mode))
        err = fail_file(problem, path, "is not a file", ERR_IO);
    *count = 0;
    while (err == 0 && *count < room && (got = read(fd, out + *count, room - *count)) > 0)
        *count += (size_t)got;
    if (got < 0)
        err = fail_system(problem, path, "read");
    (void)close(fd);
    return err;
}

static size_t without_line_ends(const uint8_t *bytes, size_t count)
{
    while (count > 0 && (bytes[count - 1] == '\n' || bytes[count - 1] == '\r'))
        count--;
    return count;
}

/* ---- the id ---- */

static void make_id(char out[NODE_ID_MAX + 1])
{
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32: no bias */
    uint8_t random[MADE_CHARS];
    random_bytes(random, sizeof(random));
    for (size_t i = 0; i < MADE_CHARS; i++)
        out[i] = alphabet[random[i] % (sizeof(alphabet) - 1)];
    out[MADE_CHARS] = '\0';
}

/* Written beside and renamed, so that a crash leaves a whole id or none. */
static int write_id(const char *id, const char *path, char problem[IDENTITY_PROBLEM_MAX])
{
    char beside[PATH_MAX];
    int chars = snprintf(beside, sizeof(beside), "%s.new", path);
    if (chars < 0 || (size_t)chars >= sizeof(beside))
        return fail_file(problem, path, "has too long a name", ERR_IO);
    (void)unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_system(problem, path, "written");
    bool is_written = dprintf(fd, "%s\n", id) == (int)strlen(id) + 1 && fsync(fd) == 0;
    is_written = close(fd) == 0 && is_written;
    if (is_written && rename(beside, path) == 0)
        return 0;
    int err = fail_system(problem, path, "written");
    (void)unlink(beside);
    return err;
}

int node_id_load_or_make(char out[NODE_ID_MAX + 1], const char *path,
                         char problem[IDENTITY_PROBLEM_MAX])
{
    uint8_t bytes[NODE_ID_MAX + 3]; /* with a line end, and one that is too many */
    size_t count;
    struct stat info;
    char id[NODE_ID_MAX + 1] = "";
    int err = read_file(bytes, sizeof(bytes), &count, &info, path, problem);
    if (err == ERR_NOENT) {
        make_id(id);
        err = write_id(id, path, problem);
        if (err == 0)
            memcpy(out, id, sizeof(id));
        return err;
    }
    if (err != 0)
        return err;
    count = without_line_ends(bytes, count);
    if (count <= NODE_ID_MAX && memchr(bytes, '\0', count) == NULL)
        memcpy(id, bytes, count);
    if (!node_id_is_valid(id))
        return fail_file(problem, path,
                         "does not hold a node's id (1 to 32 letters, digits and '-'); put one "
                         "there, or remove the file and a new one is made",
                         ERR_DAMAGED);
    memcpy(out, id, sizeof(id));
    return 0;
}

/* ---- the secret ---- */

int cluster_secret_load(struct cluster_secret *out, const char *path,
                        char problem[IDENTITY_PROBLEM_MAX])
{
    uint8_t bytes[CLUSTER_SECRET_MAX + 3];
    size_t count = 0;
    struct stat info;
    int err = read_file(bytes, sizeof(bytes), &count, &info, path, problem);
    if (err == ERR_NOENT)
        err = fail_file(problem, path, "does not exist", ERR_IO);
    if (err == 0 && (info.st_mode & 077) != 0)
        err = fail_file(problem, path, "can be used by others than its owner: chmod 600 it",
                        ERR_AUTH);
    count = without_line_ends(bytes, count);
    if (err == 0 && (count < CLUSTER_SECRET_MIN || count > CLUSTER_SECRET_MAX))
        err = fail_file(problem, path,
                        "must hold 32 to 4096 bytes; `openssl rand -hex 32` makes a good secret",
                        ERR_INVAL);
    if (err == 0) {
        out->count = count;
        memcpy(out->bytes, bytes, count);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err;
}

static int hmac(struct slice key, struct slice bytes, uint8_t out[CLUSTER_KEY_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (!HMAC(EVP_sha256(), key.data, (int)key.bytes, bytes.data, bytes.bytes, digest, NULL))
        return ERR_CRYPTO;
    memcpy(out, digest, CLUSTER_KEY_BYTES);
    OPENSSL_cleanse(digest, sizeof(digest));
    return 0;
}

int cluster_key_make(struct cluster_key *out, const struct cluster_secret *secret,
                     const char *label)
{
    return hmac(slice_of(secret->bytes, secret->count), slice_text(label), out->bytes);
}

int cluster_key_derive(struct cluster_key *out, const struct cluster_key *key, struct slice context)
{
    return hmac(slice_of(key->bytes, sizeof(key->bytes)), context, out->bytes);
}

int cluster_mac(const struct cluster_key *key, struct slice bytes, uint8_t out[CLUSTER_MAC_BYTES])
{
    uint8_t digest[CLUSTER_KEY_BYTES];
    int err = hmac(slice_of(key->bytes, sizeof(key->bytes)), bytes, digest);
    if (err == 0)
        memcpy(out, digest, CLUSTER_MAC_BYTES);
    return err;
}

bool cluster_mac_equal(const uint8_t a[CLUSTER_MAC_BYTES], const uint8_t b[CLUSTER_MAC_BYTES])
{
    return CRYPTO_memcmp(a, b, CLUSTER_MAC_BYTES) == 0;
}
