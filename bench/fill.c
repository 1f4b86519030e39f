/*
 * kurier-fill - a ledger with many certificates, for measuring.
 *
 *   kurier-fill FILE COUNT
 *
 * FILE is the database of a stopped server that has issued one certificate at least. The last one
 * is stored COUNT times more, each with a serial, key, identity and delivery of its own, spread
 * over the 29 days before it: all within the window in which identities are kept. Their signatures
 * do not verify and the signer's journal does not know them, so kurier audit will say so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "store/store.h"

#include "base/banned.h"

#define GROUP 400
#define SERIAL_LEN 18
#define DER_MAX 8192
#define LOOKUPS 4

struct made {
    uint8_t serial[SERIAL_LEN];
    uint8_t random[128]; /* identity, key hash, transaction key, look-ups */
    uint8_t body[DER_MAX];
    uint8_t certificate[DER_MAX];
    struct store_delivery delivery;
    struct store_certificate row;
    struct store_event event;
    struct store_lookup lookups[LOOKUPS];
};

struct fill {
    struct store *store;
    struct base_random random;
    struct store_row row;
    struct store_certificate model;
    int64_t at_ms;
    struct made made[GROUP];
    struct store_op ops[3 * GROUP];
};

static void
must(enum base_code code, const struct base_error *err)
{
    if (code != BASE_OK) {
        (void)fprintf(stderr, "kurier-fill: %s [%d]\n", err->detail, (int)code);
        exit(3);
    }
}

static enum base_code
ignore(void *arg, const struct store_certificate *row, struct base_error *err)
{
    struct fill *fill = arg;
    bool is_found = false;
    return store_find_certificate(
        fill->store, row->serial, &fill->row, &fill->model, &is_found, err);
}

/* The DER with another serial in its place. */
static struct bytes
patch(const struct fill *fill, struct bytes der, const uint8_t serial[SERIAL_LEN], uint8_t *out)
{
    memcpy(out, der.ptr, der.len);
    uint8_t *at = memmem(out, der.len, fill->model.serial.ptr, fill->model.serial.len);
    if (at != NULL) {
        memcpy(at, serial, SERIAL_LEN);
    }
    return (struct bytes){out, der.len};
}

static void
make(struct fill *fill, struct made *m, int64_t at_ms)
{
    struct base_error err = {0};
    must(base_random_fill(&fill->random, m->random, sizeof(m->random), &err), &err);
    must(base_random_fill(&fill->random, m->serial, SERIAL_LEN, &err), &err);
    for (size_t i = 0; i < 6; i++) {
        m->serial[i] = (uint8_t)((uint64_t)at_ms >> (8 * (5 - i)));
    }
    m->row = fill->model;
    m->row.serial = BYTES_ARRAY(m->serial);
    m->row.body = patch(fill, fill->model.body, m->serial, m->body);
    m->row.certificate = patch(fill, fill->model.certificate, m->serial, m->certificate);
    m->row.issued_ms = at_ms;
    m->row.key_sha256 = (struct bytes){m->random + 32, 32};
    m->row.transaction_id = (struct bytes){(const uint8_t *)"filled", 6};
    m->row.challenge_id = 0;
    m->row.delivery_id = (uint64_t)at_ms << 12;
    m->delivery = (struct store_delivery){.id = m->row.delivery_id,
        .endpoint = fill->model.endpoint,
        .profile = fill->model.profile,
        .ca = fill->model.ca,
        .transaction_id = m->row.transaction_id,
        .transaction_key = (struct bytes){m->random + 64, 32},
        .key_sha256 = m->row.key_sha256,
        .identity = (struct bytes){m->random, 32},
        .serial = m->row.serial,
        .source = BYTES_LITERAL("192.0.2.1"),
        .state = BYTES_LITERAL("answered"),
        .step = 5,
        .created_ms = at_ms,
        .updated_ms = at_ms};
    m->event = (struct store_event){.delivery_id = m->delivery.id,
        .at_ms = at_ms,
        .step = 5,
        .event = BYTES_LITERAL("answered")};
    for (size_t i = 0; i < LOOKUPS; i++) {
        m->lookups[i] = (struct store_lookup){(enum store_lookup_kind)(STORE_BY_SHA256 + (int)i),
            {m->random + 96 + 8 * i, 8}, m->delivery.id};
    }
}

static void
add_group(struct fill *fill, size_t count, int64_t step_ms)
{
    struct base_error err = {0};
    for (size_t i = 0; i < count; i++) {
        struct made *m = &fill->made[i];
        fill->at_ms += step_ms;
        make(fill, m, fill->at_ms);
        fill->ops[3 * i] = (struct store_op){.kind = STORE_RESERVE,
            .identity = m->delivery.identity,
            .certificate = &m->row,
            .delivery = &m->delivery,
            .events = &m->event,
            .event_count = 1,
            .at_ms = fill->at_ms};
        fill->ops[3 * i + 1] =
            (struct store_op){.kind = STORE_ADD_SIGNATURE, .certificate = &m->row};
        fill->ops[3 * i + 2] = (struct store_op){
            .kind = STORE_ADD_LOOKUPS, .lookups = m->lookups, .lookup_count = LOOKUPS};
    }
    must(store_commit(fill->store, fill->ops, 3 * count, &err), &err);
    for (size_t i = 0; i < 3 * count; i++) {
        if (fill->ops[i].verdict != STORE_DONE) {
            (void)fprintf(stderr, "kurier-fill: verdict %d\n", (int)fill->ops[i].verdict);
            exit(3);
        }
    }
}

int
main(int argc, char **argv)
{
    static struct fill fill;
    struct base_error err = {0};
    uint64_t count = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (argc != 3 || count == 0) {
        (void)fprintf(stderr, "usage: kurier-fill FILE COUNT\n");
        return 2;
    }
    fill.random = base_random_system();
    store_row_init(&fill.row);
    must(store_open_sqlite(argv[1], false, &fill.store, &err), &err);
    must(store_each_certificate(fill.store, BYTES_NONE, 1, ignore, &fill, &err), &err);
    if (fill.model.certificate.len == 0 || fill.model.certificate.len > DER_MAX ||
        fill.model.serial.len != SERIAL_LEN) {
        (void)fprintf(stderr, "kurier-fill: no certificate to take as a model\n");
        return 3;
    }
    const int64_t span_ms = (int64_t)29 * 86400 * 1000;
    fill.at_ms = fill.model.issued_ms - span_ms;
    for (uint64_t done = 0; done < count;) {
        size_t group = count - done < GROUP ? (size_t)(count - done) : GROUP;
        add_group(&fill, group, span_ms / (int64_t)count);
        done += group;
    }
    store_row_clear(&fill.row);
    store_free(fill.store);
    return 0;
}
