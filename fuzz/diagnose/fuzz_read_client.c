/* The reader of read_client.c alone. */
#include "reader.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_reader(diag_read_client, data, size);
    return 0;
}
