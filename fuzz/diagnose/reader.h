/* One reader over any text: each line is offered to it, past the filter that saves it most of them.
 */
#ifndef FUZZ_DIAGNOSE_READER_H
#define FUZZ_DIAGNOSE_READER_H

#include <string.h>

#include "diagnose/readers.h"

typedef bool (*fuzzed_reader)(struct diag_file *file, struct bytes line);

static void
drop(void *arg, const struct diag_observation *observation)
{
    size_t *count = arg;
    *count += observation->text[0] != '\0' ? 1 : 0;
}

static void
run_reader(fuzzed_reader reader, const uint8_t *data, size_t size)
{
    static struct diag_catalogue *catalogue; /* made once: compiling it is not what is fuzzed */
    static struct diag_file file;
    size_t count = 0;
    if (catalogue == NULL && diag_catalogue_new(&catalogue, NULL) != BASE_OK) {
        return;
    }
    diag_file_init(&file, "fuzzed", catalogue, NULL, drop, &count);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end == NULL ? size : (size_t)(end - data);
        file.line++;
        (void)reader(&file, (struct bytes){data, len});
        data += end == NULL ? len : len + 1;
        size -= end == NULL ? len : len + 1;
    }
    diag_file_end(&file);
}

#endif
