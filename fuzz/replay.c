/*
 * replay.c - runs a fuzz target over the files named on the command line, with any compiler.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        static uint8_t data[1 << 20];
        size_t size = fread(data, 1, sizeof(data), file);
        (void)fclose(file);
        /* A copy of its exact size lets a sanitizer see a read beyond the end. */
        uint8_t *exact = malloc(size > 0 ? size : 1);
        if (exact == NULL) {
            return 1;
        }
        for (size_t k = 0; k < size; k++) {
            exact[k] = data[k];
        }
        (void)LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    (void)printf("%d inputs replayed\n", argc - 1);
    return 0;
}
