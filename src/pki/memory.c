#include "pki/memory.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/need.h"

#include "base/banned.h"

static void *
allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return base_need(size);
}

static void *
allocate_again(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        free(old);
        return NULL;
    }
    return base_need_again(old, size);
}

static void
release(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

void
pki_memory_need(const struct base_log *log)
{
    base_need_log(log);
    /* Refused only when something was allocated before: then libcrypto keeps the C library's. */
    (void)CRYPTO_set_mem_functions(allocate, allocate_again, release);
}
