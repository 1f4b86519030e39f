#include "ledger/outstanding.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/control.h"
#include "ledger/state.h"

#include "base/banned.h"

/* A full list is looked through for used ones this often at most. */
#define LOOK_MS 1000
/* So many of the newest open deliveries are looked at after a start. */
#define LEARN_MAX 20000

struct entry {
    uint64_t id;
    int64_t expires_ms;
};

struct ledger_outstanding {
    bool is_learnt;
    int64_t looked_mono_ms;
    size_t count;
    struct entry list[LEDGER_OUTSTANDING_MAX];
};

struct ledger_outstanding *
ledger_outstanding_new(void)
{
    return calloc(1, sizeof(struct ledger_outstanding));
}

void
ledger_outstanding_free(struct ledger_outstanding *outstanding)
{
    free(outstanding);
}

void
ledger_outstanding_add(struct ledger *ledger, uint64_t challenge_id, int64_t expires_ms)
{
    struct ledger_outstanding *all = ledger->outstanding;
    if (all->count < LEDGER_OUTSTANDING_MAX) {
        all->list[all->count++] = (struct entry){challenge_id, expires_ms};
    }
}

/* Was it made for the page? Its first event says by whom, and how. */
struct origin {
    bool is_page;
};

static enum base_code
look_at_event(void *arg, const struct store_event *row, struct base_error *err)
{
    static const char mark[] = LEDGER_PAGE_MARK;
    struct origin *origin = arg;
    size_t len = sizeof(mark) - 1;
    (void)err;
    origin->is_page =
        row->detail.len > len && memcmp(row->detail.ptr + row->detail.len - len, mark, len) == 0;
    return BASE_OK;
}

static enum base_code
learn_one(void *arg, const struct store_delivery *row, struct base_error *err)
{
    struct ledger *ledger = arg;
    struct store_row memory;
    struct store_challenge challenge;
    struct origin origin = {false};
    bool is_found = false;
    TRY(store_each_event(ledger->store, row->id, 1, look_at_event, &origin, err));
    if (!origin.is_page) {
        return BASE_OK;
    }
    store_row_init(&memory);
    enum base_code code =
        store_find_challenge(ledger->store, row->challenge_id, &memory, &challenge, &is_found, err);
    if (code == BASE_OK && is_found && challenge.state == STORE_CHALLENGE_NEW &&
        challenge.expires_ms > base_clock_now_ms(&ledger->clock)) {
        ledger_outstanding_add(ledger, challenge.id, challenge.expires_ms);
    }
    store_row_clear(&memory);
    return code;
}

static enum base_code
learn(struct ledger *ledger, struct base_error *err)
{
    if (ledger->outstanding->is_learnt) {
        return BASE_OK;
    }
    ledger->outstanding->count = 0;
    TRY(store_each_delivery(ledger->store, 0, bytes_from_text(ledger_state_name(LEDGER_OFFERED)),
        LEARN_MAX, learn_one, ledger, err));
    ledger->outstanding->is_learnt = true;
    return BASE_OK;
}

/* Drop what is open no more. */
static enum base_code
look(struct ledger *ledger, struct base_error *err)
{
    struct ledger_outstanding *all = ledger->outstanding;
    int64_t now_ms = base_clock_now_ms(&ledger->clock);
    size_t kept = 0;
    enum base_code code = BASE_OK;
    struct store_row memory;
    store_row_init(&memory);
    for (size_t i = 0; i < all->count; i++) {
        struct store_challenge challenge;
        bool is_found = false;
        if (all->list[i].expires_ms <= now_ms) {
            continue;
        }
        if (code == BASE_OK) {
            code = store_find_challenge(
                ledger->store, all->list[i].id, &memory, &challenge, &is_found, err);
        }
        if (code != BASE_OK || (is_found && challenge.state == STORE_CHALLENGE_NEW)) {
            all->list[kept++] = all->list[i];
        }
    }
    store_row_clear(&memory);
    all->count = kept;
    return code;
}

enum base_code
ledger_outstanding_check(struct ledger *ledger, struct base_error *err)
{
    struct ledger_outstanding *all = ledger->outstanding;
    size_t max = ledger->settings->page_outstanding;
    int64_t now_ms = base_clock_mono_ms(&ledger->clock);
    TRY(learn(ledger, err));
    if (all->count >= max &&
        (all->looked_mono_ms == 0 || now_ms - all->looked_mono_ms >= LOOK_MS)) {
        all->looked_mono_ms = now_ms;
        TRY(look(ledger, err));
    }
    return all->count < max ? BASE_OK : base_fail(err, E_PAGE_FULL, "%zu are open", all->count);
}
