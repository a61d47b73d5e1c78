#include "config/config_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Any file is either taken or refused with a sentence. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, bytes, "r");
    if (!file)
        return 0;
    struct draft draft = {.problem = ""};
    int err = config_read_file(&draft, file, "fuzz.ini");
    if ((err != 0) != (draft.problem[0] != '\0'))
        abort();
    (void)fclose(file);
    return 0;
}
