#include "ledger/control_bound.h"

#include <string.h>

#include "base/text.h"
#include "ledger/bound.h"
#include "pki/seal.h"

#include "base/banned.h"

#define ID_OCTETS 10
#define ID_TEXT_LEN 16 /* characters of base32 */

/* ---- keys ---- */

struct new_key {
    uint8_t key_id[LEDGER_BOUND_KEY_ID_LEN];
    uint8_t key[PKI_SEAL_KEY_LEN];
};

static void
log_key(const struct ledger *ledger, const char *event, struct bytes name, struct bytes key_id)
{
    char hex[2 * LEDGER_BOUND_KEY_ID_LEN + 1] = "";
    struct base_log_record record;
    base_log_begin(&record, ledger->log, BASE_LOG_INFO, event, BYTES_NONE);
    base_log_text(&record, "name", name);
    if (key_id.len == LEDGER_BOUND_KEY_ID_LEN) {
        base_hex(key_id, hex);
        base_log_word(&record, "key_id", hex);
    }
    base_log_end(&record);
}

static enum base_code
make_key(struct ledger *ledger, struct bytes name, struct bytes profiles, struct new_key *out,
    struct base_error *err)
{
    TRY(base_random_fill(&ledger->random, out->key_id, sizeof(out->key_id), err));
    TRY(base_random_fill(&ledger->random, out->key, sizeof(out->key), err));
    const struct store_bound_key row = {.key_id = BYTES_ARRAY(out->key_id),
        .name = name,
        .key = BYTES_ARRAY(out->key),
        .profiles = profiles,
        .created_ms = base_clock_now_ms(&ledger->clock)};
    struct store_op add = {.kind = STORE_ADD_BOUND_KEY, .bound_key = &row, .at_ms = row.created_ms};
    TRY(store_commit(ledger->store, &add, 1, err));
    if (add.verdict != STORE_DONE) {
        return base_fail(err, E_BOUND_KEY_NAME, "'%.*s' is there already", (int)name.len,
            (const char *)name.ptr);
    }
    log_key(ledger, "bound_key_added", name, BYTES_ARRAY(out->key_id));
    return BASE_OK;
}

static bool
is_name(struct bytes name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '\0' || strchr(allowed, name.ptr[i]) == NULL) {
            return false;
        }
    }
    return name.len > 0 && name.ptr[0] != '-' && !bytes_equal_text(name, LEDGER_BOUND_OWN_KEY);
}

/* Each is one of ours: a key for a profile that is not there would never be of use. */
static enum base_code
check_profiles(const struct ledger *ledger, struct bytes lines, struct base_error *err)
{
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.ptr);
        const struct bytes name = {lines.ptr, len};
        if (len > 0 && ledger_settings_find_profile(ledger->settings, NULL, name) == NULL) {
            return base_fail(
                err, E_PROFILE_UNKNOWN, "'%.*s'", (int)name.len, (const char *)name.ptr);
        }
        lines = bytes_skip(lines, len + 1);
    }
    return BASE_OK;
}

static enum base_code
count_key(void *arg, const struct store_bound_key *row, struct base_error *err)
{
    size_t *count = arg;
    (void)row;
    (void)err;
    ++*count;
    return BASE_OK;
}

enum base_code
ledger_control_bound_key_new(
    struct ledger *ledger, int fd, const struct ipc_bound_key_new *question, struct base_error *err)
{
    struct new_key made;
    size_t count = 0;
    if (!is_name(question->name)) {
        return base_fail(err, E_BOUND_KEY_NAME, "small letters, digits and hyphens");
    }
    TRY(check_profiles(ledger, question->profiles, err));
    TRY(store_each_bound_key(
        ledger->store, BYTES_NONE, LEDGER_BOUND_KEYS_MAX, count_key, &count, err));
    if (count == LEDGER_BOUND_KEYS_MAX) {
        return base_fail(err, E_TOO_LARGE, "%d keys", LEDGER_BOUND_KEYS_MAX);
    }
    TRY(make_key(ledger, question->name, question->profiles, &made, err));
    const struct ipc_bound_key_row row = {.name = question->name,
        .key_id = BYTES_ARRAY(made.key_id),
        .key = BYTES_ARRAY(made.key),
        .profiles = question->profiles,
        .created_ms = base_clock_now_ms(&ledger->clock)};
    enum base_code code = ipc_send(fd, &ipc_bound_key_row_spec, &row, -1, err);
    explicit_bzero(&made, sizeof(made));
    return code;
}

struct key_page {
    int fd;
    size_t count;
    char cursor[IPC_NAME_MAX + 1];
};

static enum base_code
send_key(void *arg, const struct store_bound_key *key, struct base_error *err)
{
    struct key_page *page = arg;
    const struct ipc_bound_key_row row = {.name = key->name,
        .key_id = key->key_id,
        .profiles = key->profiles,
        .created_ms = key->created_ms};
    size_t len = key->name.len < IPC_NAME_MAX ? key->name.len : IPC_NAME_MAX;
    memcpy(page->cursor, key->name.ptr, len);
    page->cursor[len] = '\0';
    page->count++;
    return ipc_send(page->fd, &ipc_bound_key_row_spec, &row, -1, err);
}

enum base_code
ledger_control_bound_key_list(struct ledger *ledger, int fd, struct bytes after, size_t *out_count,
    char cursor[IPC_NAME_MAX + 1], struct base_error *err)
{
    struct key_page page = {.fd = fd};
    TRY(store_each_bound_key(ledger->store, after, IPC_PAGE_MAX, send_key, &page, err));
    *out_count = page.count;
    memcpy(cursor, page.cursor, sizeof(page.cursor));
    return BASE_OK;
}

enum base_code
ledger_control_bound_key_remove(struct ledger *ledger, struct bytes name, struct base_error *err)
{
    const struct store_bound_key row = {.name = name};
    struct store_op drop = {.kind = STORE_DROP_BOUND_KEY,
        .bound_key = &row,
        .at_ms = base_clock_now_ms(&ledger->clock)};
    TRY(store_commit(ledger->store, &drop, 1, err));
    if (drop.verdict != STORE_DONE) {
        return base_fail(err, E_NOT_FOUND, "no key has this name");
    }
    log_key(ledger, "bound_key_removed", name, BYTES_NONE);
    return BASE_OK;
}

/* ---- challenges of our own ---- */

static enum base_code
take_own_key(void *arg, const struct store_bound_key *row, struct base_error *err)
{
    struct new_key *own = arg;
    (void)err;
    if (bytes_equal_text(row->name, LEDGER_BOUND_OWN_KEY) &&
        row->key_id.len == sizeof(own->key_id) && row->key.len == sizeof(own->key)) {
        memcpy(own->key_id, row->key_id.ptr, sizeof(own->key_id));
        memcpy(own->key, row->key.ptr, sizeof(own->key));
    }
    return BASE_OK;
}

static enum base_code
load_own_key(struct ledger *ledger, struct new_key *out, struct base_error *err)
{
    static const struct new_key none = {.key_id = {0}};
    *out = none;
    TRY(store_each_bound_key(
        ledger->store, BYTES_NONE, LEDGER_BOUND_KEYS_MAX + 1, take_own_key, out, err));
    if (bytes_equal(BYTES_ARRAY(out->key), BYTES_ARRAY(none.key))) {
        return make_key(ledger, BYTES_LITERAL(LEDGER_BOUND_OWN_KEY), BYTES_NONE, out, err);
    }
    return BASE_OK;
}

static enum base_code
send_one(struct ledger *ledger, int fd, const struct new_key *own,
    const struct ledger_statement_spec *spec, struct base_error *err)
{
    BUFFER_LOCAL(json, LEDGER_BOUND_JSON_MAX);
    BUFFER_LOCAL(text, LEDGER_BOUND_TEXT_MAX);
    TRY(ledger_statement_write(spec, &json, err));
    TRY(ledger_bound_seal(BYTES_ARRAY(own->key_id), BYTES_ARRAY(own->key), buffer_bytes(&json),
        &ledger->random, &text, err));
    const struct ipc_challenge row = {.challenge = buffer_bytes(&text),
        .challenge_id = spec->id,
        .expires_ms = 1000 * spec->exp_s};
    return ipc_send(fd, &ipc_challenge_spec, &row, -1, err);
}

static enum base_code
check_question(const struct ipc_challenge_new *question, int64_t ttl_s, struct base_error *err)
{
    if (question->count == 0 || question->count > IPC_PAGE_MAX) {
        return base_fail(err, E_USAGE, "%u challenges at once, at most %d",
            (unsigned)question->count, IPC_PAGE_MAX);
    }
    if (question->uses != 1) {
        return base_fail(err, E_USAGE, "a bound challenge is for one enrolment");
    }
    if (question->device.len == 0) {
        return base_fail(err, E_USAGE, "a bound challenge names its device");
    }
    if (ttl_s <= 0 || ttl_s > LEDGER_BOUND_LIFE_MAX_S) {
        return base_fail(err, E_USAGE, "a bound challenge is valid for 31 days at most");
    }
    return BASE_OK;
}

enum base_code
ledger_control_bound_new(struct ledger *ledger, int fd, const struct ipc_challenge_new *question,
    const struct ledger_profile *profile, struct base_error *err)
{
    struct new_key own;
    int64_t now_s = base_clock_now_s(&ledger->clock);
    int64_t ttl_s = question->ttl_s != 0 ? question->ttl_s : profile->challenge_ttl_s;
    TRY(check_question(question, ttl_s, err));
    TRY(load_own_key(ledger, &own, err));
    enum base_code code = BASE_OK;
    for (uint32_t i = 0; code == BASE_OK && i < question->count; i++) {
        uint8_t octets[ID_OCTETS];
        char id[ID_TEXT_LEN + 1] = "";
        code = base_random_fill(&ledger->random, octets, sizeof(octets), err);
        base_base32(BYTES_ARRAY(octets), id);
        const struct ledger_statement_spec spec = {.id = bytes_from_text(id),
            .profile = profile->name,
            .device = question->device,
            .subject = question->subject,
            .is_san_bound = question->is_san_bound != 0,
            .sans = question->sans,
            .iat_s = now_s,
            .exp_s = now_s + ttl_s};
        code = code == BASE_OK ? send_one(ledger, fd, &own, &spec, err) : code;
    }
    explicit_bzero(&own, sizeof(own));
    return code;
}
