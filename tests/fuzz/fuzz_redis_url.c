#include "config/redis_url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What is taken has a place to go to, and exactly one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char text[512];
    if (bytes >= sizeof(text))
        return 0;
    if (bytes > 0)
        memcpy(text, data, bytes);
    text[bytes] = '\0';
    struct redis_url url;
    if (redis_url_parse(&url, text) != 0)
        return 0;
    if ((url.host[0] == '\0') == (url.path[0] == '\0') || url.db > REDIS_DB_MAX ||
        (url.host[0] != '\0' && url.port == 0) || strlen(url.password) > REDIS_PASSWORD_MAX)
        abort();
    return 0;
}
