/* loopback.c - preloaded into Janus: hides that the loopback interface is one.
 *
 * Janus gathers no candidates from interfaces that are flagged as loopback, whatever its
 * ice_enforce_list says, and everything here is measured on loopback.
 */
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

__attribute__((visibility("default"))) int getifaddrs(struct ifaddrs **list)
{
    int (*real)(struct ifaddrs **);
    void *symbol = dlsym(RTLD_NEXT, "getifaddrs");
    memcpy(&real, &symbol, sizeof(real)); /* ISO C knows no cast from an object to a function */
    if (!symbol)
        return -1;
    int result = real(list);
    if (result != 0)
        return result;
    for (struct ifaddrs *at = *list; at; at = at->ifa_next)
        at->ifa_flags &= ~(unsigned)IFF_LOOPBACK;
    return 0;
}
