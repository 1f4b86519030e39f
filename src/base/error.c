#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

static const struct base_error_entry table[] = {
#define E(name, number, fail, why, remedy) {E_##name, #name, BASE_FAIL_##fail, why, remedy},
#include "base/errors.def"
#undef E
};

static const struct base_error_entry unknown_entry = {BASE_OK, "UNKNOWN", BASE_FAIL_NONE,
    "This number is not in the catalogue.",
    "Report this; the programs may be of different versions."};

const struct base_error_entry *
base_error_table(size_t *out_count)
{
    *out_count = sizeof(table) / sizeof(table[0]);
    return table;
}

const struct base_error_entry *
base_error_find(enum base_code code)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].code == code) {
            return &table[i];
        }
    }
    return &unknown_entry;
}

void
base_code_text(enum base_code code, char out[BASE_CODE_TEXT_LEN])
{
    (void)snprintf(out, BASE_CODE_TEXT_LEN, "KUR-%04u", (unsigned)code);
}

enum base_code(base_fail)(struct base_error *err, enum base_code code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->detail, sizeof(err->detail), format, args);
        va_end(args);
        err->code = code;
    }
    return code;
}

enum base_code
base_fail_errno(struct base_error *err, enum base_code code, int errnum, const char *format, ...)
{
    if (err != NULL) {
        char text[BASE_DETAIL_MAX] = "";
        char reason[96] = "";
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        (void)snprintf(err->detail, sizeof(err->detail), "%.150s: %.95s", text,
            strerror_r(errnum, reason, sizeof(reason)));
        err->code = code;
    }
    return code;
}

enum base_code
base_error_add(struct base_error *err, const char *format, ...)
{
    if (err == NULL) {
        return E_INTERNAL;
    }
    char context[BASE_DETAIL_MAX] = "";
    char joined[2 * BASE_DETAIL_MAX + 2] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    (void)snprintf(joined, sizeof(joined), "%s: %s", context, err->detail);
    (void)snprintf(err->detail, sizeof(err->detail), "%.*s", BASE_DETAIL_MAX - 1, joined);
    return err->code;
}
