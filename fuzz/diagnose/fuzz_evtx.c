/* Binary event logs: what libevtx makes of them, in its own process, is read to its end. */
#include "diagnose/evtx.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char read_into[4096];
    struct diag_evtx evtx;
    OWN_FD int fd = memfd_create("evtx", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0 ||
        diag_evtx_begin(fd, &evtx, NULL) != BASE_OK) {
        return 0;
    }
    while (read(evtx.fd, read_into, sizeof(read_into)) > 0) {
    }
    diag_evtx_end(&evtx);
    return 0;
}
