/*
 * control_profile.h - administration of what devices are given: the profiles of the configuration,
 * each with the address at which it is served, and the RA's signature under an exported one.
 */
#ifndef LEDGER_CONTROL_PROFILE_H
#define LEDGER_CONTROL_PROFILE_H

#include "ledger/ledger.h"

/* PROFILE_LIST: its rows, a page at a time. Errors: E_PROFILE_UNKNOWN when the question names one
 * that does not exist. */
MUST_CHECK enum base_code ledger_profile_list(struct ledger *ledger, int fd,
    const struct ipc_frame *frame, bool *out_is_more, char out_cursor[65], struct base_error *err);
/* PROFILE_SIGN: handed on to the signer, which judges it. Errors: also E_NOT_FOUND (no such CA),
 * E_SIGNER_GONE, E_SIGNER_ATTRIBUTES. */
MUST_CHECK enum base_code ledger_profile_sign(
    struct ledger *ledger, int fd, const struct ipc_frame *frame, struct base_error *err);

#endif
