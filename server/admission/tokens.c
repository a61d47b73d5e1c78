#include "admission/tokens.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

_Static_assert(TOKEN_HASH_BYTES == SHA256_DIGEST_LENGTH, "a token is kept as its SHA-256");

enum {
    WELL_FORMED_MIN = 20,
    WELL_FORMED_MAX = 128,
};

void token_make(char out[TOKEN_CHARS + 1])
{
    random_url_chars(out, TOKEN_CHARS);
}

/* RFC 4648 §5 */
static bool is_url_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool token_is_well_formed(const char *token)
{
    size_t chars = 0;
    for (; token[chars]; chars++)
        if (chars == WELL_FORMED_MAX || !is_url_char(token[chars]))
            return false;
    return chars >= WELL_FORMED_MIN;
}

struct token_hash token_hash(const char *token)
{
    struct token_hash hash;
    (void)SHA256((const unsigned char *)token, strlen(token), hash.bytes);
    return hash;
}

bool token_hash_equal(const struct token_hash *a, const struct token_hash *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* ERR_NOENT: no such file. ERR_DAMAGED: it holds something else than one token. */
static int read_token(char out[TOKEN_CHARS + 1], const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOENT : ERR_IO;
    int err = ERR_IO;
    struct stat info;
    char text[TOKEN_CHARS + 3] = ""; /* the token, a line end, and one that is too many */
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        goto done;
    /* a secret that others can read is one no more: take the right away before trusting it */
    if ((info.st_mode & 077) != 0 && fchmod(fd, 0600) != 0)
        goto done;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    if (got < 0)
        goto done;
    err = ERR_DAMAGED;
    text[strcspn(text, "\r\n")] = '\0';
    if (strlen(text) != TOKEN_CHARS || !token_is_well_formed(text) || got > TOKEN_CHARS + 1)
        goto done;
    memcpy(out, text, TOKEN_CHARS + 1);
    err = 0;
done:
    (void)close(fd);
    OPENSSL_cleanse(text, sizeof(text));
    return err;
}

static void sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t chars = slash ? (size_t)(slash - path) : 0;
    if (chars >= sizeof(folder))
        return;
    memcpy(folder, path, chars);
    folder[chars] = '\0';
    if (chars == 0)
        (void)snprintf(folder, sizeof(folder), "%s", slash ? "/" : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

/* Written beside and renamed, so that a crash leaves the whole token or none. */
static int write_token(const char *token, const char *path)
{
    char beside[PATH_MAX];
    int chars = snprintf(beside, sizeof(beside), "%s.new", path);
    if (chars < 0 || (size_t)chars >= sizeof(beside))
        return ERR_IO;
    (void)unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ERR_IO;
    bool written =
        write(fd, token, TOKEN_CHARS) == TOKEN_CHARS && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    if (!written || rename(beside, path) != 0) {
        (void)unlink(beside);
        return ERR_IO;
    }
    sync_folder_of(path);
    return 0;
}

int token_load_or_make(char out[TOKEN_CHARS + 1], const char *path)
{
    int err = read_token(out, path);
    if (err != ERR_NOENT)
        return err;
    char token[TOKEN_CHARS + 1];
    token_make(token);
    err = write_token(token, path);
    if (err == 0)
        memcpy(out, token, sizeof(token));
    OPENSSL_cleanse(token, sizeof(token));
    return err;
}
