/*
 * make_authority.h - how a CA comes to be: a new root, or one's own issuing CA taken over; and the
 * RA certificate under it.
 *
 * Both are back-dated by 24 hours, for devices whose clock is behind. The RA certificate has both
 * usages that SCEP needs, the extended key usage Certificate Request Agent that Windows looks for,
 * and lives as long as its CA. Nothing is written here: the caller journals first, then saves.
 */
#ifndef SIGNER_MAKE_AUTHORITY_H
#define SIGNER_MAKE_AUTHORITY_H

#include "base/clock.h"
#include "base/random.h"
#include "ipc/to_signer.h"
#include "signer/authority.h"

struct signer_maker {
    struct base_clock clock;
    struct base_random random;
};

/* Like every serial of ours: 48 bits of milliseconds, 96 random bits. Errors: E_SIGNER_CLOCK. */
MUST_CHECK enum base_code signer_make_serial(
    const struct signer_maker *maker, uint8_t out[SIGNER_SERIAL_LEN], struct base_error *err);

/* Errors: E_KEY_TYPE, E_NAME_FORMAT, E_CA_UNSUITABLE (its name or its time). */
MUST_CHECK enum base_code signer_authority_create(const struct signer_maker *maker,
    const struct ipc_create_ca *order, struct signer_authority **out, struct base_error *err);

/*
 * The certificates of order->chain may come in any order; those that lead from the CA to the root
 * are kept. Errors: E_CA_UNSUITABLE, E_KEY_FORMAT, E_KEY_PASSPHRASE, E_CERTIFICATE_FORMAT.
 */
MUST_CHECK enum base_code signer_authority_import(const struct signer_maker *maker,
    const struct ipc_import_ca *order, struct bytes passphrase, struct signer_authority **out,
    struct base_error *err);

#endif
