/*
 * shell.h - lines of a POSIX shell script: the one place where words are quoted.
 *
 * Errors stick, as in xml.h: the first is reported by profile_shell_finish().
 */
#ifndef PROFILE_SHELL_H
#define PROFILE_SHELL_H

#include "base/bytes.h"

struct profile_shell {
    struct buffer *out; /* borrowed */
    enum base_code code;
    struct base_error error;
};

void profile_shell_begin(struct profile_shell *shell, struct buffer *out);
/* Text of our own, as it is. */
void profile_shell_put(struct profile_shell *shell, const char *text);
/* A blank and one word, in single quotes, whatever is in it. A NUL cannot be in a word:
 * E_PROFILE_UNFIT. */
void profile_shell_word(struct profile_shell *shell, struct bytes word);
/* The same without the blank. */
void profile_shell_quoted(struct profile_shell *shell, struct bytes word);
/* A comment line; control characters become '?', so that it stays one line. */
void profile_shell_comment(struct profile_shell *shell, const char *text, struct bytes value);
bool profile_is_https(struct bytes url);
/* For an https URL, comment lines say what the machine needs for it: these clients believe the
 * machine's CAs and no file of ours. For another, nothing. */
void profile_shell_tls_comment(struct profile_shell *shell, struct bytes url);
/* A here-document of certificates as PEM into the file @name (ours, without special characters). */
void profile_shell_certificates(
    struct profile_shell *shell, const char *name, const struct bytes *certificates, size_t count);
MUST_CHECK enum base_code profile_shell_finish(
    const struct profile_shell *shell, struct base_error *err);

#endif
