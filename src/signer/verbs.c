#include "signer/verbs.h"

#include "signer/verbs_internal.h"

#include "base/banned.h"

#define MAY(role) (1U << (unsigned)(role))

static const struct {
    uint16_t type;
    unsigned askers;
    enum base_code (*handle)(const struct signer_call *call, struct base_error *err);
} verbs[] = {
    {IPC_TYPE_OPEN_ENVELOPE, MAY(IPC_FRONT) | MAY(IPC_LEDGER), signer_open_envelope},
    {IPC_TYPE_SIGN_CERT_REP, MAY(IPC_FRONT), signer_sign_cert_rep},
    {IPC_TYPE_SIGN_TLS, MAY(IPC_FRONT), signer_sign_tls},
    {IPC_TYPE_CHECK_BODY, MAY(IPC_LEDGER), signer_check_body},
    {IPC_TYPE_SIGN_BODY, MAY(IPC_LEDGER), signer_sign_body},
    {IPC_TYPE_SIGN_CRL, MAY(IPC_LEDGER), signer_sign_crl},
    {IPC_TYPE_SIGN_PROFILE, MAY(IPC_LEDGER), signer_sign_profile},
    {IPC_TYPE_READ_JOURNAL, MAY(IPC_LEDGER), signer_read_journal},
    {IPC_TYPE_DESCRIBE, MAY(IPC_FRONT) | MAY(IPC_LEDGER), signer_describe},
    {IPC_TYPE_CREATE_CA, MAY(IPC_SUPERVISOR), signer_create_ca},
    {IPC_TYPE_IMPORT_CA, MAY(IPC_SUPERVISOR), signer_import_ca},
};

enum base_code
signer_handle(void *signer, enum ipc_role asker, int socket_fd, const struct ipc_frame *frame,
    struct base_error *err)
{
    const struct signer_call call = {signer, asker, socket_fd, frame};
    uint16_t type = ipc_frame_type(frame);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (verbs[i].type == type && (verbs[i].askers & MAY(asker)) != 0) {
            return verbs[i].handle(&call, err);
        }
    }
    return base_fail(err, E_IPC_UNEXPECTED, "message of type %u from the %s", (unsigned)type,
        ipc_role_name(asker));
}
