/*
 * control_rows.h - rows of the store as administration sees them: names as text, thumbprints, a
 * status.
 */
#ifndef LEDGER_CONTROL_ROWS_H
#define LEDGER_CONTROL_ROWS_H

#include "store/store.h"

MUST_CHECK enum base_code ledger_send_delivery(
    int fd, const struct store_delivery *row, struct base_error *err);
MUST_CHECK enum base_code ledger_send_certificate(int fd, const struct store_certificate *row,
    int64_t now_s, bool with_der, struct base_error *err);

#endif
