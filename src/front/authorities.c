#include "front/authorities.h"

#include <stdlib.h>
#include <string.h>

#include "scep/authorities.h"

#include "base/banned.h"

#define CAS_MAX 16
#define BODY_MAX ((size_t)256 * 1024)

/* One CA with the octets that its slices point into. */
struct ca_entry {
    struct front_ca ca;
    uint8_t name[IPC_NAME_MAX];
    uint8_t *owned[1 + FRONT_RAS_MAX + FRONT_CHAIN_MAX];
    size_t owned_count;
    bool has_certificate;
    struct buffer bodies[2]; /* GetCACert without and with the chain; empty: not made yet */
};

struct table {
    struct ca_entry entries[CAS_MAX];
    size_t count;
};

struct front_authorities {
    struct table *now;      /* owned; NULL: nothing described yet */
    struct table *incoming; /* owned; NULL: none */
};

static void
table_free(struct table *table)
{
    for (size_t i = 0; table != NULL && i < table->count; i++) {
        struct ca_entry *entry = &table->entries[i];
        for (size_t k = 0; k < entry->owned_count; k++) {
            free(entry->owned[k]);
        }
        buffer_clear(&entry->bodies[0]);
        buffer_clear(&entry->bodies[1]);
    }
    free(table);
}

struct front_authorities *
front_authorities_new(void)
{
    return calloc(1, sizeof(struct front_authorities));
}

void
front_authorities_free(struct front_authorities *authorities)
{
    if (authorities != NULL) {
        table_free(authorities->now);
        table_free(authorities->incoming);
        free(authorities);
    }
}

static struct ca_entry *
find_entry(struct table *table, struct bytes name)
{
    for (size_t i = 0; table != NULL && i < table->count; i++) {
        if (bytes_equal(table->entries[i].ca.name, name)) {
            return &table->entries[i];
        }
    }
    return NULL;
}

static enum base_code
find_or_add(struct table *table, struct bytes name, struct ca_entry **out, struct base_error *err)
{
    *out = find_entry(table, name);
    if (*out != NULL) {
        return BASE_OK;
    }
    if (table->count == CAS_MAX || name.len > IPC_NAME_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d CAs", CAS_MAX);
    }
    struct ca_entry *entry = &table->entries[table->count++];
    memcpy(entry->name, name.ptr, name.len);
    entry->ca.name = (struct bytes){entry->name, name.len};
    buffer_init(&entry->bodies[0], BODY_MAX);
    buffer_init(&entry->bodies[1], BODY_MAX);
    *out = entry;
    return BASE_OK;
}

/* Put a certificate where its kind and index say. */
static enum base_code
place(struct ca_entry *entry, const struct ipc_authority *message, struct bytes der,
    struct base_error *err)
{
    struct pki_certificate certificate;
    TRY(pki_certificate_read(der, &certificate, err));
    if (message->kind == IPC_AUTHORITY_CA) {
        entry->ca.certificate = certificate;
        entry->has_certificate = true;
    } else if (message->kind == IPC_AUTHORITY_RA && entry->ca.ra_count < FRONT_RAS_MAX &&
               message->index == entry->ca.ra_count) {
        entry->ca.ras[entry->ca.ra_count++] = certificate;
    } else if (message->kind == IPC_AUTHORITY_CHAIN && entry->ca.chain_count < FRONT_CHAIN_MAX) {
        entry->ca.chain[entry->ca.chain_count++] = der;
    } else {
        return base_fail(err, E_TOO_LARGE, "authority of kind %u, index %u",
            (unsigned)message->kind, (unsigned)message->index);
    }
    return BASE_OK;
}

enum base_code
front_authorities_add(struct front_authorities *authorities, const struct ipc_authority *message,
    struct base_error *err)
{
    struct ca_entry *entry = NULL;
    if (authorities->incoming == NULL) {
        authorities->incoming = calloc(1, sizeof(struct table));
    }
    if (authorities->incoming == NULL) {
        return base_fail(err, E_NO_MEMORY, "authorities");
    }
    TRY(find_or_add(authorities->incoming, message->ca, &entry, err));
    if (entry == NULL || entry->owned_count == sizeof(entry->owned) / sizeof(entry->owned[0])) {
        return base_fail(err, E_TOO_LARGE, "certificates of one CA");
    }
    uint8_t *copy = bytes_copy(message->certificate);
    if (copy == NULL) {
        return base_fail(err, E_NO_MEMORY, "authorities");
    }
    entry->owned[entry->owned_count++] = copy;
    return place(entry, message, (struct bytes){copy, message->certificate.len}, err);
}

enum base_code
front_authorities_end(struct front_authorities *authorities, struct base_error *err)
{
    struct table *const incoming = authorities->incoming;
    authorities->incoming = NULL;
    for (size_t i = 0; incoming != NULL && i < incoming->count; i++) {
        if (!incoming->entries[i].has_certificate || incoming->entries[i].ca.ra_count == 0) {
            table_free(incoming);
            return base_fail(err, E_CA_MISSING, "a CA without its certificate or without an RA");
        }
    }
    if (incoming == NULL) {
        return base_fail(err, E_CA_MISSING, "the signer has none");
    }
    table_free(authorities->now);
    authorities->now = incoming;
    return BASE_OK;
}

const struct front_ca *
front_authorities_find(const struct front_authorities *authorities, struct bytes ca)
{
    const struct ca_entry *entry = find_entry(authorities->now, ca);
    return entry == NULL ? NULL : &entry->ca;
}

size_t
front_authorities_count(const struct front_authorities *authorities)
{
    return authorities->now == NULL ? 0 : authorities->now->count;
}

const struct front_ca *
front_authorities_peek(const struct front_authorities *authorities, size_t index)
{
    return &authorities->now->entries[index].ca;
}

enum base_code
front_authorities_ca_cert(struct front_authorities *authorities, struct bytes ca, bool with_chain,
    struct bytes *out_body, const char **out_type, struct base_error *err)
{
    struct bytes certificates[1 + FRONT_RAS_MAX + FRONT_CHAIN_MAX];
    size_t count = 0;
    struct ca_entry *entry = find_entry(authorities->now, ca);
    if (entry == NULL) {
        return base_fail(err, E_CA_MISSING, "not described by the signer yet");
    }
    struct buffer *body = &entry->bodies[with_chain ? 1 : 0];
    if (body->len == 0) {
        for (size_t i = 0; i < entry->ca.ra_count; i++) {
            certificates[count++] = entry->ca.ras[i].whole;
        }
        certificates[count++] = entry->ca.certificate.whole;
        for (size_t i = 0; with_chain && i < entry->ca.chain_count; i++) {
            certificates[count++] = entry->ca.chain[i];
        }
        TRY(scep_authorities_build(certificates, count, body, err));
    }
    *out_body = buffer_bytes(body);
    *out_type = "application/x-x509-ca-ra-cert";
    return BASE_OK;
}
