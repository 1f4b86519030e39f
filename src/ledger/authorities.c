#include "ledger/authorities.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void
ledger_authorities_clear(struct ledger_authorities *authorities)
{
    for (size_t i = 0; i < authorities->row_count; i++) {
        free(authorities->rows[i].der);
    }
    *authorities = (struct ledger_authorities){.ca_count = 0};
}

static enum base_code
add_ca(struct ledger_authorities *authorities, const struct ledger_authority *row,
    struct base_error *err)
{
    if (authorities->ca_count == LEDGER_CAS_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d CAs", LEDGER_CAS_MAX);
    }
    struct ledger_ca *ca = &authorities->cas[authorities->ca_count];
    memcpy(ca->name, row->ca, row->ca_len);
    ca->name_len = row->ca_len;
    TRY(pki_certificate_read((struct bytes){row->der, row->der_len}, &ca->certificate, err));
    OWN_STRUCT(pki_public_key) key = NULL;
    TRY(pki_public_key_read(ca->certificate.spki, &key, err));
    ca->signature = pki_public_key_type(key) == PKI_KEY_RSA ? PKI_RSA_PKCS1 : PKI_ECDSA;
    ca->digest = pki_public_key_type(key) == PKI_KEY_EC_P384 ? PKI_SHA384 : PKI_SHA256;
    authorities->ca_count++;
    return BASE_OK;
}

enum base_code
ledger_authorities_add(struct ledger_authorities *authorities, const struct ipc_authority *message,
    struct base_error *err)
{
    if (authorities->is_complete) {
        ledger_authorities_clear(authorities);
    }
    if (authorities->row_count == LEDGER_CERTIFICATES_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d certificates", LEDGER_CERTIFICATES_MAX);
    }
    struct ledger_authority *row = &authorities->rows[authorities->row_count];
    row->der = bytes_copy(message->certificate);
    if (row->der == NULL) {
        return base_fail(err, E_NO_MEMORY, "authorities");
    }
    authorities->row_count++;
    row->der_len = message->certificate.len;
    row->kind = message->kind;
    row->index = message->index;
    memcpy(row->ca, message->ca.ptr, message->ca.len);
    row->ca_len = message->ca.len;
    return message->kind == IPC_AUTHORITY_CA ? add_ca(authorities, row, err) : BASE_OK;
}

const struct ledger_ca *
ledger_authorities_find(const struct ledger_authorities *authorities, struct bytes name)
{
    for (size_t i = 0; authorities->is_complete && i < authorities->ca_count; i++) {
        if (bytes_equal(
                (struct bytes){authorities->cas[i].name, authorities->cas[i].name_len}, name)) {
            return &authorities->cas[i];
        }
    }
    return NULL;
}

bool
ledger_authorities_has_ra(
    const struct ledger_authorities *authorities, struct bytes ca, uint8_t index)
{
    for (size_t i = 0; i < authorities->row_count; i++) {
        const struct ledger_authority *row = &authorities->rows[i];
        if (row->kind == IPC_AUTHORITY_RA && row->index == index &&
            bytes_equal((struct bytes){row->ca, row->ca_len}, ca)) {
            return true;
        }
    }
    return false;
}
