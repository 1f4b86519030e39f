/*
 * verbs_internal.h - what the files of verbs share. Not for others.
 */
#ifndef SIGNER_VERBS_INTERNAL_H
#define SIGNER_VERBS_INTERNAL_H

#include "base/fault.h"
#include "ipc/to_signer.h"
#include "signer/signer.h"

/* One question and where its answer goes. */
struct signer_call {
    struct signer *signer;
    enum ipc_role asker;
    int socket_fd;
    const struct ipc_frame *frame;
};

/* Each decodes its message, answers, and fails only when the connection is to end. */
MUST_CHECK enum base_code signer_open_envelope(
    const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_sign_cert_rep(
    const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_sign_tls(const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_describe(const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_check_body(const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_sign_body(const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_sign_crl(const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_sign_profile(
    const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_read_journal(
    const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_create_ca(const struct signer_call *call, struct base_error *err);
MUST_CHECK enum base_code signer_import_ca(const struct signer_call *call, struct base_error *err);

#endif
