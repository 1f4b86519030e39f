/*
 * store.h - the folder of an enrolled device: key.pem, cert.pem, chain.pem, root.pem. Files appear
 * whole or not at all.
 */
#ifndef DEVICE_STORE_H
#define DEVICE_STORE_H

#include <sys/types.h>

#include "base/bytes.h"

#define DEVICE_FILE_MAX ((size_t)256 * 1024)

/* Open the folder (made when missing, 0700). *out_fd is owned. Errors: E_DEVICE_FOLDER. */
MUST_CHECK enum base_code device_store_open(const char *path, int *out_fd, struct base_error *err);
bool device_store_has(int folder_fd, const char *name);
MUST_CHECK enum base_code device_store_read(
    int folder_fd, const char *name, struct buffer *out, struct base_error *err);
/* Under @name with ".tmp" behind it, synced. */
MUST_CHECK enum base_code device_store_prepare(
    int folder_fd, const char *name, struct bytes content, mode_t mode, struct base_error *err);
/* The prepared file takes its place; the folder is synced. */
MUST_CHECK enum base_code device_store_commit(
    int folder_fd, const char *name, struct base_error *err);
/* Both. */
MUST_CHECK enum base_code device_store_write(
    int folder_fd, const char *name, struct bytes content, mode_t mode, struct base_error *err);
void device_store_remove(int folder_fd, const char *name);

#endif
