/*
 * password.h - passwords of accounts: kept as scrypt texts (RFC 7914), checked in constant time.
 *
 * The text has its own parameters: "$scrypt$ln=15,r=8,p=3$SALT$HASH", base64 without padding. A
 * check needs 128 * r * 2^ln octets of memory and a quarter of a second, so that whoever gets a
 * configuration file cannot try many.
 */
#ifndef PKI_PASSWORD_H
#define PKI_PASSWORD_H

#include "base/bytes.h"
#include "base/random.h"

#define PKI_PASSWORD_TEXT_LEN 128       /* of what we make, with its NUL */
#define PKI_PASSWORD_MAX ((size_t)1024) /* octets of a password */

/* Errors: E_TEXT_FORMAT (empty or too long a password), E_CRYPTO. */
MUST_CHECK enum base_code pki_password_hash(struct bytes password, const struct base_random *random,
    char out[PKI_PASSWORD_TEXT_LEN], struct base_error *err);
/* Is @text one that can be checked: its form, and parameters that are neither weak (ln from 14, r
 * from 8) nor need more than 64 MiB or p above 16? Errors: E_ACCOUNT_FORMAT. */
MUST_CHECK enum base_code pki_password_check_form(struct bytes text, struct base_error *err);
/* Takes its time, whatever the password is. Errors: E_ACCOUNT_FORMAT, E_CRYPTO. */
MUST_CHECK enum base_code pki_password_check(
    struct bytes text, struct bytes password, bool *out_is_right, struct base_error *err);

#endif
