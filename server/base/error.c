#include "rostrum/error.h"

const char *error_name(int err)
{
    static const char *const names[] = {
        [0] = "success",
        [-ERR_INVAL] = "invalid argument",
        [-ERR_NOMEM] = "no memory",
        [-ERR_PROTO] = "malformed input",
        [-ERR_FULL] = "full",
        [-ERR_AGAIN] = "nothing to do now",
        [-ERR_AUTH] = "not authentic",
        [-ERR_NOENT] = "no such thing",
        [-ERR_EXIST] = "exists already",
        [-ERR_BADSTATE] = "not in this state",
        [-ERR_IO] = "input/output failed",
        [-ERR_DAMAGED] = "damaged file",
        [-ERR_CRYPTO] = "cryptography failed",
        [-ERR_UNSUPPORTED] = "not supported",
    };
    if (err > 0 || err <= -(int)(sizeof(names) / sizeof(names[0])))
        return "unknown error";
    return names[-err];
}
