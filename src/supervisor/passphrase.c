#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "supervisor/limits.h"
#include "supervisor/supervisor.h"

#include "base/banned.h"

MUST_CHECK static enum base_code
copy_all(int from, int to, uint8_t *octets, size_t size, struct base_error *err)
{
    size_t sum = 0;
    for (;;) {
        ssize_t got = read(from, octets, size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return base_fail_errno(err, E_SYSTEM, errno, "reading the passphrase");
        }
        if (got == 0) {
            return BASE_OK;
        }
        sum += (size_t)got;
        if (sum > SUPERVISOR_PASSPHRASE_MAX) {
            return base_fail(err, E_TOO_LARGE, "a passphrase of more than %zu octets",
                SUPERVISOR_PASSPHRASE_MAX);
        }
        if (write(to, octets, (size_t)got) != got) {
            return base_fail_errno(err, E_SYSTEM, errno, "keeping the passphrase");
        }
    }
}

enum base_code
supervisor_keep_passphrase(int fd, int *out_fd, struct base_error *err)
{
    uint8_t octets[512] = {0};
    OWN_FD int kept = memfd_create("kurier-passphrase", MFD_CLOEXEC);
    if (kept < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "memfd_create");
    }
    enum base_code code = copy_all(fd, kept, octets, sizeof(octets), err);
    explicit_bzero(octets, sizeof(octets));
    if (code != BASE_OK) {
        return code;
    }
    if (lseek(kept, 0, SEEK_SET) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "keeping the passphrase");
    }
    *out_fd = kept;
    kept = -1;
    return BASE_OK;
}
