/*
 * intune_codes.h - every code with which Intune answers, and what it means here: one table.
 *
 * "Success" alone is success, and stands not in it. A code that is not in the table is a failure
 * (notifier_intune_code_find() gives the row of the unknown), and is carried as the service wrote
 * it.
 */
#ifndef NOTIFIER_INTUNE_CODES_H
#define NOTIFIER_INTUNE_CODES_H

#include "base/bytes.h"

struct notifier_intune_code {
    const char *text;    /* as the service writes it; "": the unknown one */
    enum base_code code; /* why, remedy and failInfo are the catalogue's */
    uint32_t hresult;    /* what a device on NDES's path is told */
    uint8_t step;        /* of a delivery, at which it stops */
    const char *cause;   /* slug of the catalogue of causes (diagnose) */
    bool is_final;       /* of a notice: it will never be taken; false: later again */
};

/* Never NULL. */
const struct notifier_intune_code *notifier_intune_code_find(struct bytes text);
const struct notifier_intune_code *notifier_intune_code_table(size_t *out_count);

#endif
