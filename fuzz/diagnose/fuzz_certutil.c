/* What certutil -store prints, or what somebody says it printed. */
#include "diagnose/certutil.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
pass_over(void *arg, const struct probe_line *line)
{
    (void)arg;
    (void)line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64] = "";
    const char *const paths[] = {path};
    OWN_FD int fd = memfd_create("certutil", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, data, size) == (ssize_t)size) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        (void)(certutil_check(paths, 1, 1764000000, pass_over, NULL, NULL) == BASE_OK);
    }
    return 0;
}
