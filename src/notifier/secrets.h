/*
 * secrets.h - HOME/notifier/: files that kurier secret set has put there, read when a configuration
 * is taken.
 */
#ifndef NOTIFIER_SECRETS_H
#define NOTIFIER_SECRETS_H

#include "base/secret.h"

/*
 * The content of HOME/notifier/@name; one trailing line end is dropped. The file must belong to us
 * or to root, and be closed to group and others. Errors: E_POLICY_SECRET.
 */
MUST_CHECK enum base_code notifier_secret_read(
    const char *home, struct bytes name, struct secret *out, struct base_error *err);

/* The absolute path of a file there, for libraries that read it themselves; it must be readable.
 * Errors: E_POLICY_SECRET. */
MUST_CHECK enum base_code notifier_secret_path(
    const char *home, struct bytes name, char *out, size_t size, struct base_error *err);

#endif
