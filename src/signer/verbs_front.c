/* The front's verbs: the RA's key for one message, and which certificates there are. */
#include <string.h>

#include "signer/attributes_check.h"
#include "signer/verbs_internal.h"

#include "base/banned.h"

#define KEY_LEN_MAX 32

_Static_assert((int)IPC_TRANSPORT_PKCS1 == (int)PKI_TRANSPORT_PKCS1 &&
                   (int)IPC_TRANSPORT_OAEP_SHA1 == (int)PKI_TRANSPORT_OAEP_SHA1 &&
                   (int)IPC_TRANSPORT_OAEP_SHA256 == (int)PKI_TRANSPORT_OAEP_SHA256,
    "one numbering");
_Static_assert((int)IPC_SHA1 == (int)PKI_SHA1 && (int)IPC_SHA256 == (int)PKI_SHA256 &&
                   (int)IPC_SHA384 == (int)PKI_SHA384 && (int)IPC_SHA512 == (int)PKI_SHA512,
    "one numbering");

/* Each CA has one RA. */
MUST_CHECK static enum base_code
find_ra(struct signer *signer, struct bytes ca, uint8_t ra, const struct signer_authority **out,
    struct base_error *err)
{
    if (ra != 0) {
        return base_fail(err, E_SIGNER_PROFILE, "there is no RA number %d", (int)ra);
    }
    return signer_find_authority(signer, ca, out, err);
}

enum base_code
signer_open_envelope(const struct signer_call *call, struct base_error *err)
{
    struct ipc_open_envelope ask = {0};
    const struct signer_authority *authority = NULL;
    uint8_t key[KEY_LEN_MAX];
    TRY(ipc_decode(&ipc_open_envelope_spec, call->frame, &ask, err));
    base_fault_point("signer_open");
    TRY(find_ra(call->signer, ask.ca, ask.ra, &authority, err));
    if (ask.key_len == 0 || ask.key_len > KEY_LEN_MAX || ask.transport < IPC_TRANSPORT_PKCS1 ||
        ask.transport > IPC_TRANSPORT_OAEP_SHA256) {
        return base_fail(err, E_IPC_FIELD, "a content key of %d octets by transport %d",
            (int)ask.key_len, (int)ask.transport);
    }
    TRY(pki_unwrap_key(authority->ra_key, (enum pki_transport)ask.transport, ask.encrypted_key,
        ask.key_len, key, err));
    const struct ipc_envelope_key answer = {
        .request_id = ask.request_id, .key = {key, ask.key_len}};
    enum base_code code = ipc_send(call->socket_fd, &ipc_envelope_key_spec, &answer, -1, err);
    explicit_bzero(key, sizeof(key));
    return code;
}

MUST_CHECK static enum base_code
make_signature(const struct signer_authority *authority, const struct ipc_sign_cert_rep *ask,
    struct buffer *out, struct base_error *err)
{
    if (ask->digest < IPC_SHA1 || ask->digest > IPC_SHA512) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "digest number %d", (int)ask->digest);
    }
    enum pki_digest digest = (enum pki_digest)ask->digest;
    TRY(signer_attributes_check(ask->attributes, digest, err));
    return pki_sign(authority->ra_key, digest, ask->attributes, out, err);
}

enum base_code
signer_sign_cert_rep(const struct signer_call *call, struct base_error *err)
{
    struct ipc_sign_cert_rep ask = {0};
    const struct signer_authority *authority = NULL;
    struct base_error why = {0};
    BUFFER_LOCAL(signature, IPC_SIGNATURE_MAX);
    TRY(ipc_decode(&ipc_sign_cert_rep_spec, call->frame, &ask, err));
    TRY(find_ra(call->signer, ask.ca, ask.ra, &authority, err));
    base_fault_point("signer_cert_rep");
    enum base_code code = make_signature(authority, &ask, &signature, &why);
    if (code != BASE_OK) {
        struct base_log log = signer_log(call->signer);
        base_log_error(&log, BASE_LOG_WARN, "cert_rep_refused", &why);
        buffer_reset(&signature);
    }
    const struct ipc_cert_rep_signature answer = {.request_id = ask.request_id,
        .code = (uint32_t)code,
        .signature = buffer_bytes(&signature)};
    return ipc_send(call->socket_fd, &ipc_cert_rep_signature_spec, &answer, -1, err);
}

MUST_CHECK static enum base_code
send_one(const struct signer_call *call, uint64_t request_id,
    const struct signer_authority *authority, enum ipc_authority_kind kind, size_t index,
    struct base_error *err)
{
    const struct signer_certificate *certificate = kind == IPC_AUTHORITY_CA ? &authority->ca
                                                   : kind == IPC_AUTHORITY_RA
                                                       ? &authority->ra
                                                       : &authority->chain[index];
    const struct ipc_authority answer = {.request_id = request_id,
        .ca = bytes_from_text(authority->name),
        .kind = (uint8_t)kind,
        .index = (uint8_t)index,
        .certificate = certificate->read.whole};
    return ipc_send(call->socket_fd, &ipc_authority_spec, &answer, -1, err);
}

enum base_code
signer_describe(const struct signer_call *call, struct base_error *err)
{
    struct ipc_describe ask = {0};
    const struct signer_authority *authorities[SIGNER_CA_MAX];
    TRY(ipc_decode(&ipc_describe_spec, call->frame, &ask, err));
    size_t count = signer_list_authorities(call->signer, authorities);
    for (size_t i = 0; i < count; i++) {
        const struct signer_authority *authority = authorities[i];
        TRY(send_one(call, ask.request_id, authority, IPC_AUTHORITY_CA, 0, err));
        for (size_t k = 0; k < authority->chain_count; k++) {
            TRY(send_one(call, ask.request_id, authority, IPC_AUTHORITY_CHAIN, k, err));
        }
        TRY(send_one(call, ask.request_id, authority, IPC_AUTHORITY_RA, 0, err));
    }
    const struct ipc_described answer = {.request_id = ask.request_id};
    return ipc_send(call->socket_fd, &ipc_described_spec, &answer, -1, err);
}
