#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/banned.h"

static enum base_code
system_fill(void *arg, uint8_t *out, size_t len, struct base_error *err)
{
    (void)arg;
    size_t have = 0;
    while (have < len) {
        ssize_t got = getrandom(out + have, len - have, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return base_fail_errno(err, E_SYSTEM, errno, "getrandom");
        }
        have += (size_t)got;
    }
    return BASE_OK;
}

struct base_random
base_random_system(void)
{
    return (struct base_random){system_fill, NULL};
}

enum base_code
base_random_fill(const struct base_random *random, uint8_t *out, size_t len, struct base_error *err)
{
    return random->fill(random->arg, out, len, err);
}
