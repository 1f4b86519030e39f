/*
 * folder.h - HOME/signer/: the signer's own folder, its files' names, modes, and how they are
 * written.
 *
 * A file is there whole or not at all: it is written under another name, synced, renamed, and the
 * folder synced. What is secret has mode 0600 and belongs to the signer's user; a key that others
 * could read is refused, because nobody knows whether they did.
 */
#ifndef SIGNER_FOLDER_H
#define SIGNER_FOLDER_H

#include "base/bytes.h"
#include "signer/limits.h"

/*
 * Open HOME/signer, making it (0700) when it is missing. *out_fd is owned. Errors:
 * E_SIGNER_KEY_FILE when it is not a folder of ours or others may write there.
 */
MUST_CHECK enum base_code signer_folder_open(const char *home, int *out_fd, struct base_error *err);

/* The file that "file:NAME" names: letters, digits, '-', '_', '.', not beginning with '.'. Errors:
 * E_SIGNER_KEY_FILE. */
MUST_CHECK enum base_code signer_key_uri_read(
    struct bytes uri, char out_name[SIGNER_FILE_NAME_MAX], struct base_error *err);
/* Lower-case letters, digits, '-': what configuration calls things. */
bool signer_name_is_valid(struct bytes name);

bool signer_file_exists(int folder_fd, const char *name);
/* Appends the whole file to @out. @is_secret: refuse one that is not ours or that others may read.
 * Errors: E_SIGNER_KEY_FILE, E_TOO_LARGE. */
MUST_CHECK enum base_code signer_file_read(
    int folder_fd, const char *name, bool is_secret, struct buffer *out, struct base_error *err);
/* Replaces or makes the file, mode 0600; durable when this returns. Errors: E_SIGNER_KEY_FILE. */
MUST_CHECK enum base_code signer_file_write(
    int folder_fd, const char *name, struct bytes content, struct base_error *err);
/* Gone, or never there. Errors: E_SIGNER_KEY_FILE. */
MUST_CHECK enum base_code signer_file_remove(
    int folder_fd, const char *name, struct base_error *err);

#endif
