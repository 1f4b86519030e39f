#include "base/secret.h"

#include "base/banned.h"

void
secret_init(struct secret *secret, size_t max)
{
    buffer_init(&secret->octets, max);
}

void
secret_clear(struct secret *secret)
{
    buffer_clear(&secret->octets);
}

enum base_code
secret_set(struct secret *secret, struct bytes octets, struct base_error *err)
{
    buffer_reset(&secret->octets);
    return buffer_append(&secret->octets, octets, err);
}

struct bytes
secret_peek(const struct secret *secret)
{
    return buffer_bytes(&secret->octets);
}

bool
base_secret_equal(struct bytes a, struct bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < a.len; i++) {
        difference = (uint8_t)(difference | (a.ptr[i] ^ b.ptr[i]));
    }
    return difference == 0;
}
