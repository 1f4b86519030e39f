#include "front/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "front/settings.h"
#include "pki/algorithm.h"
#include "pki/password.h"

#include "base/banned.h"

#define ACCOUNTS_MAX 64
#define TOKEN_MAX 1024

struct front_accounts {
    struct front_account list[ACCOUNTS_MAX];
    struct buffer texts[ACCOUNTS_MAX];
    size_t count;
};

struct front_accounts *
front_accounts_new(void)
{
    return calloc(1, sizeof(struct front_accounts));
}

void
front_accounts_free(struct front_accounts *accounts)
{
    if (accounts != NULL) {
        for (size_t i = 0; i < accounts->count; i++) {
            buffer_clear(&accounts->texts[i]);
        }
        free(accounts);
    }
}

MUST_CHECK static enum base_code
check(const struct ipc_config_account *message, struct buffer *token, struct base_error *err)
{
    if (message->password.len > 0) {
        TRY(pki_password_check_form(message->password, err));
    }
    if (base_hex_decode(message->token, token, NULL) != BASE_OK ||
        (message->token.len > 0 && token->len != 32)) {
        return base_fail(err, E_ACCOUNT_FORMAT, "a token is kept as 64 hexadecimal digits");
    }
    return BASE_OK;
}

enum base_code
front_accounts_add(struct front_accounts *accounts, const struct ipc_config_account *message,
    struct base_error *err)
{
    BUFFER_LOCAL(token, 64);
    if (accounts->count == ACCOUNTS_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d accounts", ACCOUNTS_MAX);
    }
    if (check(message, &token, err) != BASE_OK) {
        return base_error_add(err, "account %.*s", base_size_to_int(message->name.len),
            (const char *)message->name.ptr);
    }
    struct buffer *storage = &accounts->texts[accounts->count];
    size_t total = message->name.len + message->password.len + message->profiles.len + 1;
    uint8_t *at = NULL;
    buffer_init(storage, total);
    TRY(buffer_reserve(storage, total, &at, err)); /* all at once: what follows does not move */
    const struct bytes parts[] = {message->name, message->password, message->profiles};
    struct bytes kept[3];
    for (size_t i = 0; i < 3; i++) {
        kept[i] = (struct bytes){storage->ptr + storage->len, parts[i].len};
        TRY(buffer_append(storage, parts[i], err));
    }
    struct front_account *account = &accounts->list[accounts->count++];
    *account = (struct front_account){
        .name = kept[0], .password = kept[1], .profiles = kept[2], .has_token = token.len == 32};
    if (account->has_token) {
        memcpy(account->token_sha256, token.ptr, 32);
    }
    return BASE_OK;
}

const struct front_account *
front_accounts_find(const struct front_accounts *accounts, struct bytes name)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (bytes_equal(accounts->list[i].name, name)) {
            return &accounts->list[i];
        }
    }
    return NULL;
}

const struct front_account *
front_accounts_find_token(const struct front_accounts *accounts, struct bytes token)
{
    uint8_t sha256[PKI_DIGEST_MAX];
    const struct front_account *found = NULL;
    if (token.len == 0 || token.len > TOKEN_MAX ||
        pki_digest(PKI_SHA256, token, sha256, NULL) != BASE_OK) {
        return NULL;
    }
    for (size_t i = 0; i < accounts->count; i++) {
        const struct front_account *account = &accounts->list[i];
        bool is_it =
            base_secret_equal(BYTES_ARRAY(account->token_sha256), (struct bytes){sha256, 32});
        found = is_it && account->has_token ? account : found;
    }
    return found;
}

const struct front_account *
front_accounts_first_password(const struct front_accounts *accounts)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (accounts->list[i].password.len > 0) {
            return &accounts->list[i];
        }
    }
    return NULL;
}

bool
front_account_may(const struct front_account *account, struct bytes profile)
{
    return front_list_has(account->profiles, profile);
}
