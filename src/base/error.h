/*
 * error.h - one error type for all rooms.
 *
 * A fallible function returns the code, MUST be checked, and on failure has filled *err and left
 * its outputs untouched. The catalogue errors.def holds, per code, a stable number (shown as
 * KUR-1234, never reused), why it is an error, what an operator does next, and the failInfo that a
 * SCEP peer gets. Logs, answers, `kurier trace` and docs/errors.md are all made from it. The detail
 * says what was found here; it is for operators and accounts, and never sent to a device.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum base_code {
    BASE_OK = 0,
#define E(name, number, fail_info, why, remedy) E_##name = (number),
#include "base/errors.def"
#undef E
};

/* What a SCEP peer is told (RFC 8894, section 3.2.1.4); BASE_FAIL_NONE: never answered with a
 * CertRep. */
enum base_fail_info {
    BASE_FAIL_NONE = -1,
    BASE_FAIL_BAD_ALG = 0,
    BASE_FAIL_BAD_MESSAGE_CHECK = 1,
    BASE_FAIL_BAD_REQUEST = 2,
    BASE_FAIL_BAD_TIME = 3,
    BASE_FAIL_BAD_CERT_ID = 4,
};

#define BASE_DETAIL_MAX 256

struct base_error {
    enum base_code code;
    char detail[BASE_DETAIL_MAX]; /* what happened here: the value found, the value wanted; never a
                                     secret */
};

/* One row of the catalogue. All texts are static. */
struct base_error_entry {
    enum base_code code;
    const char *name; /* as in errors.def, lower case with hyphens: "nonce-mismatch" */
    enum base_fail_info fail_info;
    const char *why;
    const char *remedy;
};

/* Fill *err and return @code, for `return base_fail(err, E_X, "...")`. The detail is cut to fit.
 * @err may be NULL. */
enum base_code base_fail(struct base_error *err, enum base_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same; written so that a reader of one file, man or program, sees which code is returned. */
#define base_fail(err, code, ...)                                                                  \
    ((void)(base_fail)((err), (code), __VA_ARGS__), (enum base_code)(code))
/* base_fail() with ": strerror(errnum)" behind the detail. */
enum base_code base_fail_errno(struct base_error *err, enum base_code code, int errnum,
    const char *format, ...) PRINTF_LIKE(4, 5);
/* Put "context: " before the detail, keep the code; returns the code. */
enum base_code base_error_add(struct base_error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The catalogue row of @code; never NULL (an unknown number has a row of its own). */
const struct base_error_entry *base_error_find(enum base_code code);
/* All rows in the order of errors.def. */
const struct base_error_entry *base_error_table(size_t *out_count);
/* "KUR-1234" into @out, NUL-terminated. */
#define BASE_CODE_TEXT_LEN 16
void base_code_text(enum base_code code, char out[BASE_CODE_TEXT_LEN]);

/* Return from the enclosing function when @call fails. Our only macro with a return in it. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum base_code try_code_ = (call);                                                         \
        if (try_code_ != BASE_OK) {                                                                \
            return try_code_;                                                                      \
        }                                                                                          \
    } while (0)

#endif
