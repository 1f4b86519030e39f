#include "pki/openssl_error.h"

#include <openssl/err.h>

#include "base/banned.h"

enum base_code
pki_openssl_fail(struct base_error *err, enum base_code code, const char *what)
{
    char reason[128] = "no reason given";
    unsigned long number = ERR_peek_last_error();
    if (number != 0) {
        ERR_error_string_n(number, reason, sizeof(reason));
    }
    ERR_clear_error();
    return base_fail(err, code, "%s: %s", what, reason);
}
