/* Every message's decoder over any frame; what is taken must encode to the same octets. */
#include <stdlib.h>
#include <string.h>

#include "ipc/codec.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ipc_frame frame;
    static struct ipc_frame again;
    uint8_t message[IPC_STRUCT_MAX] = {0};
    struct base_error err = {0};
    size_t count = 0;
    if (size > IPC_FRAME_MAX) {
        return 0;
    }
    if (size > 0) {
        memcpy(frame.octets, data, size);
    }
    frame.len = size;
    frame.fd = -1;
    const struct ipc_spec *const *table = ipc_spec_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (ipc_decode(table[i], &frame, message, &err) != BASE_OK) {
            continue;
        }
        if (ipc_encode(table[i], message, &again, &err) != BASE_OK || again.len != frame.len ||
            memcmp(again.octets, frame.octets, frame.len) != 0) {
            abort();
        }
    }
    return 0;
}
