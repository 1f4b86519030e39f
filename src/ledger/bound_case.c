#include "ledger/bound_case.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/algorithm.h"
#include "pki/name.h"

#include "base/banned.h"

#define MEMORY_MAX ((size_t)64 * 1024)

void
ledger_bound_case_init(struct ledger_bound_case *it)
{
    *it = (struct ledger_bound_case){.is_opened = false};
    buffer_init(&it->json, LEDGER_BOUND_TEXT_MAX);
    arena_init(&it->memory, MEMORY_MAX);
    store_row_init(&it->used_row);
}

void
ledger_bound_case_clear(struct ledger_bound_case *it)
{
    buffer_clear(&it->json);
    arena_clear(&it->memory);
    store_row_clear(&it->used_row);
}

/* A refusal is a fact; what the machine lacks is an error. */
static bool
is_refusal(enum base_code code)
{
    return code == E_CHALLENGE_SEAL || code == E_CHALLENGE_STATEMENT || code == E_CHALLENGE_KEY;
}

/* What the key says besides: may it be used for this profile, and how it is called. */
struct key_facts {
    bool is_for_profile;
    char name[IPC_NAME_MAX + 1];
};

static enum base_code
open_with(const struct ledger_bound_parts *parts, const struct store_bound_key *key,
    struct ledger_bound_case *it, struct key_facts *out, struct bytes profile,
    struct base_error *err)
{
    size_t len = key->name.len < IPC_NAME_MAX ? key->name.len : IPC_NAME_MAX;
    memcpy(out->name, key->name.ptr, len);
    out->name[len] = '\0';
    out->is_for_profile = key->profiles.len == 0 || ledger_lines_have(key->profiles, profile);
    TRY(ledger_bound_open(parts, key->key, &it->json, err));
    return ledger_statement_read(buffer_bytes(&it->json), &it->memory, &it->statement, err);
}

static enum base_code
open_text(struct ledger *ledger, struct bytes text, struct bytes profile,
    struct ledger_bound_case *it, struct key_facts *out, struct base_error *err)
{
    BUFFER_LOCAL(octets, LEDGER_BOUND_TEXT_MAX);
    struct ledger_bound_parts parts;
    struct store_row row;
    struct store_bound_key key;
    bool is_found = false;
    TRY(ledger_bound_read(text, &octets, &parts, err));
    memcpy(it->key_id, parts.key_id.ptr, sizeof(it->key_id));
    store_row_init(&row);
    enum base_code code =
        store_find_bound_key(ledger->store, parts.key_id, &row, &key, &is_found, err);
    if (code == BASE_OK && !is_found) {
        char hex[2 * LEDGER_BOUND_KEY_ID_LEN + 1] = "";
        base_hex(parts.key_id, hex);
        code = base_fail(err, E_CHALLENGE_KEY, "key id %s", hex);
    } else if (code == BASE_OK) {
        code = open_with(&parts, &key, it, out, profile, err);
    }
    store_row_clear(&row);
    return code;
}

static void
judge(const struct ipc_request *request, const struct ledger_profile *profile,
    const struct key_facts *key, const struct ledger_bound_case *it, struct policy_facts *facts)
{
    const struct ledger_statement *statement = &it->statement;
    int64_t first_contact_s = request->received_ms / 1000;
    facts->challenge = POLICY_CHALLENGE_BOUND;
    facts->challenge_state = !it->is_used                              ? POLICY_NEW
                             : it->used.state == STORE_CHALLENGE_HELD  ? POLICY_HELD_BY_OTHER
                             : it->used.state == STORE_CHALLENGE_SPENT ? POLICY_SPENT
                                                                       : POLICY_DEAD;
    facts->is_challenge_expired = statement->exp_s + LEDGER_BOUND_TOLERANCE_S < first_contact_s;
    facts->is_challenge_early = statement->iat_s > first_contact_s + LEDGER_BOUND_TOLERANCE_S;
    facts->has_challenge_profile =
        key->is_for_profile && bytes_equal(statement->profile, profile->name);
    facts->has_challenge_subject =
        statement->subject.len == 0 || pki_name_equal(statement->subject, request->subject);
    facts->has_challenge_sans =
        !statement->is_san_bound || pki_sans_equal(statement->sans, request->sans);
    facts->challenge_code =
        ledger_statement_fits(statement, profile->key_usage, profile->ekus, profile->valid_s)
            ? BASE_OK
            : E_CHALLENGE_USAGE;
}

enum base_code
ledger_bound_case_gather(struct ledger *ledger, const struct ipc_request *request,
    const struct ledger_profile *profile, struct bytes inherited_key_id, struct bytes inherited_id,
    struct ledger_bound_case *it, struct policy_facts *facts, struct base_error *err)
{
    struct key_facts key = {.is_for_profile = false};
    struct base_error why = {BASE_OK, ""};
    enum base_code code = open_text(ledger, request->challenge, profile->name, it, &key, &why);
    if (code != BASE_OK && !is_refusal(code)) {
        return base_fail(err, code, "%s", why.detail);
    }
    if (code != BASE_OK) {
        facts->challenge = POLICY_CHALLENGE_UNKNOWN;
        facts->challenge_code = code;
        memcpy(it->detail, why.detail, sizeof(it->detail));
        return BASE_OK;
    }
    if (bytes_equal(BYTES_ARRAY(it->key_id), inherited_key_id) &&
        bytes_equal(it->statement.id, inherited_id)) {
        facts->challenge = POLICY_CHALLENGE_NONE;
        return BASE_OK;
    }
    const struct bytes parts[] = {BYTES_ARRAY(it->key_id), it->statement.id};
    TRY(pki_sha256(parts, 2, it->authority_id, err));
    TRY(store_find_bound(ledger->store, BYTES_ARRAY(it->key_id), it->statement.id, &it->used_row,
        &it->used, &it->is_used, err));
    it->is_opened = true;
    (void)snprintf(it->name, sizeof(it->name), "bound challenge %.*s of key %s",
        (int)it->statement.id.len, (const char *)it->statement.id.ptr, key.name);
    judge(request, profile, &key, it, facts);
    return BASE_OK;
}
