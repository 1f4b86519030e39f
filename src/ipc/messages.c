#include "ipc/control.h"
#include "ipc/to_ledger.h"
#include "ipc/to_notifier.h"
#include "ipc/to_role.h"
#include "ipc/to_signer.h"

#include "base/banned.h"

/*
 * One row per field. A list of fields names no struct, so the row's beginning, which does, is put
 * before each kind: FIELDS(U8) U8(role) becomes IN(peer) U8_ROW(role). Hence the lone braces.
 */
/* clang-format off */
#define IN(message) {.offset = __builtin_offsetof(struct ipc_##message,
#define U8_ROW(field) field), .name = #field, .kind = IPC_FIELD_U8},
#define U32_ROW(field) field), .name = #field, .kind = IPC_FIELD_U32},
#define U64_ROW(field) field), .name = #field, .kind = IPC_FIELD_U64},
#define I64_ROW(field) field), .name = #field, .kind = IPC_FIELD_I64},
#define BYTES_ROW(field, max) field), .name = #field, .kind = IPC_FIELD_BYTES, .max_len = (max)},
#define IPC_DEFINE(message, number, FIELDS)                                                        \
    static const struct ipc_field message##_fields[] = {FIELDS(IN(message) U8_ROW,                 \
        IN(message) U32_ROW, IN(message) U64_ROW, IN(message) I64_ROW, IN(message) BYTES_ROW)};    \
    const struct ipc_spec ipc_##message##_spec = {.type = (number), .name = #message,              \
        .size = sizeof(struct ipc_##message), .fields = message##_fields,                          \
        .count = sizeof(message##_fields) / sizeof(message##_fields[0])};                          \
    _Static_assert(sizeof(struct ipc_##message) <= IPC_STRUCT_MAX, "raise IPC_STRUCT_MAX");

/* to_role.h */
IPC_DEFINE(peer, IPC_TYPE_PEER, IPC_PEER_FIELDS)
IPC_DEFINE(listener, IPC_TYPE_LISTENER, IPC_LISTENER_FIELDS)
IPC_DEFINE(listener_closed, IPC_TYPE_LISTENER_CLOSED, IPC_LISTENER_CLOSED_FIELDS)
IPC_DEFINE(log_file, IPC_TYPE_LOG_FILE, IPC_LOG_FILE_FIELDS)
IPC_DEFINE(passphrase, IPC_TYPE_PASSPHRASE, IPC_PASSPHRASE_FIELDS)
IPC_DEFINE(config_general, IPC_TYPE_CONFIG_GENERAL, IPC_CONFIG_GENERAL_FIELDS)
IPC_DEFINE(config_endpoint, IPC_TYPE_CONFIG_ENDPOINT, IPC_CONFIG_ENDPOINT_FIELDS)
IPC_DEFINE(config_profile, IPC_TYPE_CONFIG_PROFILE, IPC_CONFIG_PROFILE_FIELDS)
IPC_DEFINE(config_ca, IPC_TYPE_CONFIG_CA, IPC_CONFIG_CA_FIELDS)
IPC_DEFINE(config_policy, IPC_TYPE_CONFIG_POLICY, IPC_CONFIG_POLICY_FIELDS)
IPC_DEFINE(config_listener, IPC_TYPE_CONFIG_LISTENER, IPC_CONFIG_LISTENER_FIELDS)
IPC_DEFINE(config_proxy, IPC_TYPE_CONFIG_PROXY, IPC_CONFIG_PROXY_FIELDS)
IPC_DEFINE(config_process, IPC_TYPE_CONFIG_PROCESS, IPC_CONFIG_PROCESS_FIELDS)
IPC_DEFINE(config_tls, IPC_TYPE_CONFIG_TLS, IPC_CONFIG_TLS_FIELDS)
IPC_DEFINE(config_admin, IPC_TYPE_CONFIG_ADMIN, IPC_CONFIG_ADMIN_FIELDS)
IPC_DEFINE(config_account, IPC_TYPE_CONFIG_ACCOUNT, IPC_CONFIG_ACCOUNT_FIELDS)
IPC_DEFINE(config_end, IPC_TYPE_CONFIG_END, IPC_CONFIG_END_FIELDS)
IPC_DEFINE(config_error, IPC_TYPE_CONFIG_ERROR, IPC_CONFIG_ERROR_FIELDS)
IPC_DEFINE(drain, IPC_TYPE_DRAIN, IPC_DRAIN_FIELDS)
IPC_DEFINE(probe, IPC_TYPE_PROBE, IPC_PROBE_FIELDS)
IPC_DEFINE(ready, IPC_TYPE_READY, IPC_READY_FIELDS)
IPC_DEFINE(refused, IPC_TYPE_REFUSED, IPC_REFUSED_FIELDS)
IPC_DEFINE(peer_lost, IPC_TYPE_PEER_LOST, IPC_PEER_LOST_FIELDS)

/* to_signer.h */
IPC_DEFINE(open_envelope, IPC_TYPE_OPEN_ENVELOPE, IPC_OPEN_ENVELOPE_FIELDS)
IPC_DEFINE(envelope_key, IPC_TYPE_ENVELOPE_KEY, IPC_ENVELOPE_KEY_FIELDS)
IPC_DEFINE(sign_cert_rep, IPC_TYPE_SIGN_CERT_REP, IPC_SIGN_CERT_REP_FIELDS)
IPC_DEFINE(cert_rep_signature, IPC_TYPE_CERT_REP_SIGNATURE, IPC_CERT_REP_SIGNATURE_FIELDS)
IPC_DEFINE(sign_profile, IPC_TYPE_SIGN_PROFILE, IPC_SIGN_PROFILE_FIELDS)
IPC_DEFINE(profile_signature, IPC_TYPE_PROFILE_SIGNATURE, IPC_PROFILE_SIGNATURE_FIELDS)
IPC_DEFINE(check_body, IPC_TYPE_CHECK_BODY, IPC_CHECK_BODY_FIELDS)
IPC_DEFINE(body_checked, IPC_TYPE_BODY_CHECKED, IPC_BODY_CHECKED_FIELDS)
IPC_DEFINE(sign_body, IPC_TYPE_SIGN_BODY, IPC_SIGN_BODY_FIELDS)
IPC_DEFINE(body_signed, IPC_TYPE_BODY_SIGNED, IPC_BODY_SIGNED_FIELDS)
IPC_DEFINE(certificate, IPC_TYPE_CERTIFICATE, IPC_CERTIFICATE_FIELDS)
IPC_DEFINE(sign_crl, IPC_TYPE_SIGN_CRL, IPC_SIGN_CRL_FIELDS)
IPC_DEFINE(crl_signed, IPC_TYPE_CRL_SIGNED, IPC_CRL_SIGNED_FIELDS)
IPC_DEFINE(read_journal, IPC_TYPE_READ_JOURNAL, IPC_READ_JOURNAL_FIELDS)
IPC_DEFINE(journal_page, IPC_TYPE_JOURNAL_PAGE, IPC_JOURNAL_PAGE_FIELDS)
IPC_DEFINE(describe, IPC_TYPE_DESCRIBE, IPC_DESCRIBE_FIELDS)
IPC_DEFINE(authority, IPC_TYPE_AUTHORITY, IPC_AUTHORITY_FIELDS)
IPC_DEFINE(described, IPC_TYPE_DESCRIBED, IPC_DESCRIBED_FIELDS)
IPC_DEFINE(create_ca, IPC_TYPE_CREATE_CA, IPC_CREATE_CA_FIELDS)
IPC_DEFINE(import_ca, IPC_TYPE_IMPORT_CA, IPC_IMPORT_CA_FIELDS)
IPC_DEFINE(ca_created, IPC_TYPE_CA_CREATED, IPC_CA_CREATED_FIELDS)
IPC_DEFINE(sign_tls, IPC_TYPE_SIGN_TLS, IPC_SIGN_TLS_FIELDS)
IPC_DEFINE(tls_signed, IPC_TYPE_TLS_SIGNED, IPC_TLS_SIGNED_FIELDS)

/* to_ledger.h */
IPC_DEFINE(request, IPC_TYPE_REQUEST, IPC_REQUEST_FIELDS)
IPC_DEFINE(verdict, IPC_TYPE_VERDICT, IPC_VERDICT_FIELDS)
IPC_DEFINE(contact, IPC_TYPE_CONTACT, IPC_CONTACT_FIELDS)
IPC_DEFINE(refusal, IPC_TYPE_REFUSAL, IPC_REFUSAL_FIELDS)
IPC_DEFINE(answered, IPC_TYPE_ANSWERED, IPC_ANSWERED_FIELDS)
IPC_DEFINE(crl, IPC_TYPE_CRL, IPC_CRL_FIELDS)
IPC_DEFINE(challenge_order, IPC_TYPE_CHALLENGE_ORDER, IPC_CHALLENGE_ORDER_FIELDS)
IPC_DEFINE(challenge_made, IPC_TYPE_CHALLENGE_MADE, IPC_CHALLENGE_MADE_FIELDS)
IPC_DEFINE(confirm, IPC_TYPE_CONFIRM, IPC_CONFIRM_FIELDS)
IPC_DEFINE(confirmed, IPC_TYPE_CONFIRMED, IPC_CONFIRMED_FIELDS)

/* to_notifier.h */
IPC_DEFINE(verify, IPC_TYPE_VERIFY, IPC_VERIFY_FIELDS)
IPC_DEFINE(verified, IPC_TYPE_VERIFIED, IPC_VERIFIED_FIELDS)
IPC_DEFINE(notify, IPC_TYPE_NOTIFY, IPC_NOTIFY_FIELDS)
IPC_DEFINE(notified, IPC_TYPE_NOTIFIED, IPC_NOTIFIED_FIELDS)
IPC_DEFINE(revoke_order, IPC_TYPE_REVOKE_ORDER, IPC_REVOKE_ORDER_FIELDS)
IPC_DEFINE(revoke_result, IPC_TYPE_REVOKE_RESULT, IPC_REVOKE_RESULT_FIELDS)

/* control.h */
IPC_DEFINE(control_end, IPC_TYPE_CONTROL_END, IPC_CONTROL_END_FIELDS)
IPC_DEFINE(challenge_new, IPC_TYPE_CHALLENGE_NEW, IPC_CHALLENGE_NEW_FIELDS)
IPC_DEFINE(challenge, IPC_TYPE_CHALLENGE, IPC_CHALLENGE_FIELDS)
IPC_DEFINE(delivery_list, IPC_TYPE_DELIVERY_LIST, IPC_DELIVERY_LIST_FIELDS)
IPC_DEFINE(delivery, IPC_TYPE_DELIVERY, IPC_DELIVERY_FIELDS)
IPC_DEFINE(trace, IPC_TYPE_TRACE, IPC_TRACE_FIELDS)
IPC_DEFINE(event, IPC_TYPE_EVENT, IPC_EVENT_FIELDS)
IPC_DEFINE(contact_row, IPC_TYPE_CONTACT_ROW, IPC_CONTACT_ROW_FIELDS)
IPC_DEFINE(cert_list, IPC_TYPE_CERT_LIST, IPC_CERT_LIST_FIELDS)
IPC_DEFINE(cert_show, IPC_TYPE_CERT_SHOW, IPC_CERT_SHOW_FIELDS)
IPC_DEFINE(cert_row, IPC_TYPE_CERT_ROW, IPC_CERT_ROW_FIELDS)
IPC_DEFINE(cert_revoke, IPC_TYPE_CERT_REVOKE, IPC_CERT_REVOKE_FIELDS)
IPC_DEFINE(request_list, IPC_TYPE_REQUEST_LIST, IPC_REQUEST_LIST_FIELDS)
IPC_DEFINE(request_decide, IPC_TYPE_REQUEST_DECIDE, IPC_REQUEST_DECIDE_FIELDS)
IPC_DEFINE(crl_show, IPC_TYPE_CRL_SHOW, IPC_CRL_SHOW_FIELDS)
IPC_DEFINE(crl_row, IPC_TYPE_CRL_ROW, IPC_CRL_ROW_FIELDS)
IPC_DEFINE(audit, IPC_TYPE_AUDIT, IPC_AUDIT_FIELDS)
IPC_DEFINE(audit_progress, IPC_TYPE_AUDIT_PROGRESS, IPC_AUDIT_PROGRESS_FIELDS)
IPC_DEFINE(audit_finding, IPC_TYPE_AUDIT_FINDING, IPC_AUDIT_FINDING_FIELDS)
IPC_DEFINE(authority_list, IPC_TYPE_AUTHORITY_LIST, IPC_AUTHORITY_LIST_FIELDS)
IPC_DEFINE(authority_row, IPC_TYPE_AUTHORITY_ROW, IPC_AUTHORITY_ROW_FIELDS)
IPC_DEFINE(envelope_open, IPC_TYPE_ENVELOPE_OPEN, IPC_ENVELOPE_OPEN_FIELDS)
IPC_DEFINE(envelope_opened, IPC_TYPE_ENVELOPE_OPENED, IPC_ENVELOPE_OPENED_FIELDS)
IPC_DEFINE(outbox_list, IPC_TYPE_OUTBOX_LIST, IPC_OUTBOX_LIST_FIELDS)
IPC_DEFINE(outbox_row, IPC_TYPE_OUTBOX_ROW, IPC_OUTBOX_ROW_FIELDS)
IPC_DEFINE(outbox_send, IPC_TYPE_OUTBOX_SEND, IPC_OUTBOX_SEND_FIELDS)
IPC_DEFINE(outbox_status, IPC_TYPE_OUTBOX_STATUS, IPC_OUTBOX_STATUS_FIELDS)
IPC_DEFINE(outbox_status_row, IPC_TYPE_OUTBOX_STATUS_ROW, IPC_OUTBOX_STATUS_ROW_FIELDS)
IPC_DEFINE(profile_list, IPC_TYPE_PROFILE_LIST, IPC_PROFILE_LIST_FIELDS)
IPC_DEFINE(profile_row, IPC_TYPE_PROFILE_ROW, IPC_PROFILE_ROW_FIELDS)
IPC_DEFINE(profile_sign, IPC_TYPE_PROFILE_SIGN, IPC_PROFILE_SIGN_FIELDS)
IPC_DEFINE(profile_signed, IPC_TYPE_PROFILE_SIGNED, IPC_PROFILE_SIGNED_FIELDS)
IPC_DEFINE(bound_key_new, IPC_TYPE_BOUND_KEY_NEW, IPC_BOUND_KEY_NEW_FIELDS)
IPC_DEFINE(bound_key_list, IPC_TYPE_BOUND_KEY_LIST, IPC_BOUND_KEY_LIST_FIELDS)
IPC_DEFINE(bound_key_remove, IPC_TYPE_BOUND_KEY_REMOVE, IPC_BOUND_KEY_REMOVE_FIELDS)
IPC_DEFINE(bound_key_row, IPC_TYPE_BOUND_KEY_ROW, IPC_BOUND_KEY_ROW_FIELDS)
/* clang-format on */

const struct ipc_spec *const *
ipc_spec_table(size_t *out_count)
{
    static const struct ipc_spec *const table[] = {
        &ipc_peer_spec,
        &ipc_listener_spec,
        &ipc_listener_closed_spec,
        &ipc_log_file_spec,
        &ipc_passphrase_spec,
        &ipc_config_general_spec,
        &ipc_config_endpoint_spec,
        &ipc_config_profile_spec,
        &ipc_config_ca_spec,
        &ipc_config_policy_spec,
        &ipc_config_listener_spec,
        &ipc_config_proxy_spec,
        &ipc_config_process_spec,
        &ipc_config_tls_spec,
        &ipc_config_admin_spec,
        &ipc_config_account_spec,
        &ipc_config_end_spec,
        &ipc_config_error_spec,
        &ipc_drain_spec,
        &ipc_probe_spec,
        &ipc_ready_spec,
        &ipc_refused_spec,
        &ipc_open_envelope_spec,
        &ipc_envelope_key_spec,
        &ipc_sign_cert_rep_spec,
        &ipc_cert_rep_signature_spec,
        &ipc_sign_profile_spec,
        &ipc_profile_signature_spec,
        &ipc_check_body_spec,
        &ipc_body_checked_spec,
        &ipc_sign_body_spec,
        &ipc_body_signed_spec,
        &ipc_certificate_spec,
        &ipc_sign_crl_spec,
        &ipc_crl_signed_spec,
        &ipc_read_journal_spec,
        &ipc_journal_page_spec,
        &ipc_describe_spec,
        &ipc_authority_spec,
        &ipc_described_spec,
        &ipc_create_ca_spec,
        &ipc_import_ca_spec,
        &ipc_ca_created_spec,
        &ipc_sign_tls_spec,
        &ipc_tls_signed_spec,
        &ipc_request_spec,
        &ipc_verdict_spec,
        &ipc_contact_spec,
        &ipc_refusal_spec,
        &ipc_answered_spec,
        &ipc_crl_spec,
        &ipc_challenge_order_spec,
        &ipc_challenge_made_spec,
        &ipc_confirm_spec,
        &ipc_confirmed_spec,
        &ipc_verify_spec,
        &ipc_verified_spec,
        &ipc_notify_spec,
        &ipc_notified_spec,
        &ipc_revoke_order_spec,
        &ipc_revoke_result_spec,
        &ipc_control_end_spec,
        &ipc_challenge_new_spec,
        &ipc_challenge_spec,
        &ipc_delivery_list_spec,
        &ipc_delivery_spec,
        &ipc_trace_spec,
        &ipc_event_spec,
        &ipc_contact_row_spec,
        &ipc_cert_list_spec,
        &ipc_cert_show_spec,
        &ipc_cert_row_spec,
        &ipc_cert_revoke_spec,
        &ipc_request_list_spec,
        &ipc_request_decide_spec,
        &ipc_crl_show_spec,
        &ipc_crl_row_spec,
        &ipc_audit_spec,
        &ipc_audit_progress_spec,
        &ipc_audit_finding_spec,
        &ipc_authority_list_spec,
        &ipc_authority_row_spec,
        &ipc_envelope_open_spec,
        &ipc_envelope_opened_spec,
        &ipc_outbox_list_spec,
        &ipc_outbox_row_spec,
        &ipc_outbox_send_spec,
        &ipc_outbox_status_spec,
        &ipc_outbox_status_row_spec,
        &ipc_profile_list_spec,
        &ipc_profile_row_spec,
        &ipc_profile_sign_spec,
        &ipc_profile_signed_spec,
        &ipc_bound_key_new_spec,
        &ipc_bound_key_list_spec,
        &ipc_bound_key_remove_spec,
        &ipc_bound_key_row_spec,
    };
    *out_count = sizeof(table) / sizeof(table[0]);
    return table;
}
