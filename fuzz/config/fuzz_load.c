/* The configuration reader over any text: taken or refused with file and line, never more. */
#include <stdlib.h>
#include <string.h>

#include "config/load.h"

#include "base/banned.h"

#define NAME "fuzzed.yaml"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_error err = {0};
    OWN_STRUCT(config_settings) settings = config_settings_new();
    if (settings == NULL) {
        return 0;
    }
    struct bytes text = {data, size};
    if (config_load(text, NAME, settings, &err) != BASE_OK) {
        bool is_placed = strncmp(err.detail, NAME ":", sizeof NAME) == 0;
        if (!is_placed && err.code != E_NO_MEMORY) {
            abort();
        }
    }
    return 0;
}
