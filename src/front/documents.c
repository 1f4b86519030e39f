#include "front/documents.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/channel.h"
#include "ipc/types.h"

#include "base/banned.h"

#define CAS_MAX 16
#define CRL_MAX ((size_t)64 * 1024 * 1024) /* about 1,500,000 revoked certificates */

struct ca_documents {
    uint8_t name[IPC_NAME_MAX];
    size_t name_len;
    struct buffer crl;
    struct buffer certificate;
};

struct front_documents {
    struct ca_documents cas[CAS_MAX];
    size_t count;
};

struct front_documents *
front_documents_new(void)
{
    return calloc(1, sizeof(struct front_documents));
}

void
front_documents_free(struct front_documents *documents)
{
    if (documents != NULL) {
        for (size_t i = 0; i < documents->count; i++) {
            buffer_clear(&documents->cas[i].crl);
            buffer_clear(&documents->cas[i].certificate);
        }
        free(documents);
    }
}

static struct bytes
name_of(const struct ca_documents *ca)
{
    return (struct bytes){ca->name, ca->name_len};
}

static enum base_code
find_or_add(struct front_documents *documents, struct bytes name, struct ca_documents **out,
    struct base_error *err)
{
    for (size_t i = 0; i < documents->count; i++) {
        if (bytes_equal(name_of(&documents->cas[i]), name)) {
            *out = &documents->cas[i];
            return BASE_OK;
        }
    }
    if (documents->count == CAS_MAX || name.len > IPC_NAME_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d CAs", CAS_MAX);
    }
    struct ca_documents *ca = &documents->cas[documents->count++];
    memcpy(ca->name, name.ptr, name.len);
    ca->name_len = name.len;
    buffer_init(&ca->crl, CRL_MAX);
    buffer_init(&ca->certificate, IPC_CERTIFICATE_MAX);
    *out = ca;
    return BASE_OK;
}

enum base_code
front_documents_take_crl(
    struct front_documents *documents, struct bytes ca, int crl_fd, struct base_error *err)
{
    struct ca_documents *entry = NULL;
    struct buffer fresh;
    TRY(find_or_add(documents, ca, &entry, err));
    buffer_init(&fresh, CRL_MAX);
    enum base_code code = ipc_blob_read(crl_fd, &fresh, err);
    if (code != BASE_OK) {
        buffer_clear(&fresh);
        return code;
    }
    buffer_clear(&entry->crl);
    entry->crl = fresh;
    return BASE_OK;
}

enum base_code
front_documents_put_ca(struct front_documents *documents, struct bytes ca, struct bytes certificate,
    struct base_error *err)
{
    struct ca_documents *entry = NULL;
    TRY(find_or_add(documents, ca, &entry, err));
    buffer_reset(&entry->certificate);
    return buffer_append(&entry->certificate, certificate, err);
}

/* "/crl/" NAME ".crl" */
static bool
is_path_of(struct bytes path, const char *before, struct bytes name, const char *after)
{
    struct bytes head = bytes_from_text(before);
    struct bytes tail = bytes_from_text(after);
    return path.len == head.len + name.len + tail.len &&
           bytes_equal((struct bytes){path.ptr, head.len}, head) &&
           bytes_equal((struct bytes){path.ptr + head.len, name.len}, name) &&
           bytes_equal(bytes_skip(path, head.len + name.len), tail);
}

bool
front_documents_find(const struct front_documents *documents, struct bytes path,
    struct bytes *out_content, const char **out_type)
{
    for (size_t i = 0; i < documents->count; i++) {
        const struct ca_documents *ca = &documents->cas[i];
        if (ca->crl.len > 0 && is_path_of(path, "/crl/", name_of(ca), ".crl")) {
            *out_content = buffer_bytes(&ca->crl);
            *out_type = "application/pkix-crl";
            return true;
        }
        if (ca->certificate.len > 0 && is_path_of(path, "/ca/", name_of(ca), ".crt")) {
            *out_content = buffer_bytes(&ca->certificate);
            *out_type = "application/pkix-cert";
            return true;
        }
    }
    return false;
}
