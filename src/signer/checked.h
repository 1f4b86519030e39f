/*
 * checked.h - bodies that were within all limits a moment ago.
 *
 * The ledger asks for a check before it commits and for the signature after. Nothing of the body,
 * its profile or its CA can have changed in between, so what costs time (the arithmetic on its key)
 * is done once. A reload forgets all. Direct-mapped and bounded: an entry that was pushed out only
 * means that the body is checked again.
 */
#ifndef SIGNER_CHECKED_H
#define SIGNER_CHECKED_H

#include <stdbool.h>

#include "base/own.h"
#include "journal/journal.h"
#include "signer/authority.h"

/* More than the ledger may have in flight. */
#define SIGNER_CHECKED_MAX 256

struct signer_checked;

struct signer_checked *signer_checked_new(void); /* NULL without memory */
void signer_checked_free(struct signer_checked *checked);
OWNER_STRUCT(signer_checked)

/* @profile: the name that the limits were taken from. */
void signer_checked_add(struct signer_checked *checked, const struct signer_authority *authority,
    struct bytes profile, const uint8_t sha256[JOURNAL_HASH_LEN]);
bool signer_checked_has(struct signer_checked *checked, const struct signer_authority *authority,
    struct bytes profile, const uint8_t sha256[JOURNAL_HASH_LEN]);
void signer_checked_forget(struct signer_checked *checked);

#endif
