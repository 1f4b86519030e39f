/*
 * text.h - files, folders, archives and standard input as lines of UTF-8.
 *
 * UTF-16 with and without BOM, CRLF, gzip and zip are recognised by content. Memory does not grow
 * with the input.
 */
#ifndef DIAGNOSE_TEXT_H
#define DIAGNOSE_TEXT_H

#include "base/bytes.h"
#include "base/error.h"

struct diag_text_visitor {
    /* A file begins; @name lives until its end. */
    void (*on_file)(void *arg, const char *name);
    void (*on_line)(void *arg, struct bytes line);
    void (*on_end)(void *arg);
    /* Octets read so far of all, for progress. NULL: none. */
    void (*on_progress)(void *arg, size_t octets);
    void *arg;
};

/* @path: a file, a folder, or "-". Errors: E_DIAGNOSE_INPUT (cannot be read), E_TOO_LARGE. */
MUST_CHECK enum base_code diag_text_visit(
    const char *path, const struct diag_text_visitor *visitor, struct base_error *err);

#endif
