/*
 * accounts.h - who may ask for challenges over HTTP, and for which profiles.
 */
#ifndef FRONT_ACCOUNTS_H
#define FRONT_ACCOUNTS_H

#include "base/own.h"
#include "ipc/to_role.h"

struct front_accounts;

/* Octet strings live as long as the accounts. */
struct front_account {
    struct bytes name;
    struct bytes password; /* scrypt text; empty: none */
    struct bytes profiles; /* newline-separated */
    bool has_token;
    uint8_t token_sha256[32];
};

struct front_accounts *front_accounts_new(void); /* NULL without memory */
void front_accounts_free(struct front_accounts *accounts);
OWNER_STRUCT(front_accounts)
/* Errors: E_ACCOUNT_FORMAT, E_TOO_LARGE, E_NO_MEMORY. */
MUST_CHECK enum base_code front_accounts_add(struct front_accounts *accounts,
    const struct ipc_config_account *message, struct base_error *err);

/* By name; NULL: none. */
const struct front_account *front_accounts_find(
    const struct front_accounts *accounts, struct bytes name);
/* Whose token this is; NULL: nobody's. In the same time, whoever it is. */
const struct front_account *front_accounts_find_token(
    const struct front_accounts *accounts, struct bytes token);
/* The first one that has a password: what an unknown name is compared with. NULL: none has. */
const struct front_account *front_accounts_first_password(const struct front_accounts *accounts);
bool front_account_may(const struct front_account *account, struct bytes profile);

#endif
