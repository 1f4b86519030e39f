#include "front/contacts.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Sources in one second; beyond, what was counted is told early. A power of two. */
#define TABLE_LEN 256

struct contact {
    uint32_t count; /* 0: free */
    int64_t at_ms;
    uint8_t operation;
    uint8_t endpoint_len;
    uint8_t source_len;
    uint8_t endpoint[IPC_NAME_MAX];
    uint8_t source[IPC_SOURCE_MAX];
};

struct front_contacts {
    struct front_peer *ledger;
    const struct base_clock *clock;
    size_t used;
    struct contact table[TABLE_LEN];
};

struct front_contacts *
front_contacts_new(struct front_peer *ledger, const struct base_clock *clock)
{
    struct front_contacts *contacts = calloc(1, sizeof(*contacts));
    if (contacts != NULL) {
        contacts->ledger = ledger;
        contacts->clock = clock;
    }
    return contacts;
}

void
front_contacts_free(struct front_contacts *contacts)
{
    free(contacts);
}

void
front_contacts_tell(struct front_contacts *contacts)
{
    for (size_t i = 0; contacts->used > 0 && i < TABLE_LEN; i++) {
        struct contact *entry = &contacts->table[i];
        if (entry->count == 0) {
            continue;
        }
        struct ipc_contact message = {.endpoint = {entry->endpoint, entry->endpoint_len},
            .source = {entry->source, entry->source_len},
            .operation = entry->operation,
            .count = entry->count,
            .at_ms = entry->at_ms};
        struct base_error err;
        /* A contact that cannot be told is lost: it is a hint in a trace, never a fact. */
        (void)(front_peer_tell(contacts->ledger, &ipc_contact_spec, &message, &err) == BASE_OK);
        entry->count = 0;
        contacts->used--;
    }
}

static uint32_t
hash_of(struct bytes endpoint, struct bytes source, enum ipc_operation operation)
{
    uint32_t hash =
        2166136261U ^ (uint32_t)operation; /* FNV-1a: an attacker's collisions only tell early */
    for (size_t i = 0; i < source.len; i++) {
        hash = (hash ^ source.ptr[i]) * 16777619U;
    }
    for (size_t i = 0; i < endpoint.len; i++) {
        hash = (hash ^ endpoint.ptr[i]) * 16777619U;
    }
    return hash;
}

static bool
is_same(const struct contact *entry, struct bytes endpoint, struct bytes source,
    enum ipc_operation operation)
{
    return entry->operation == (uint8_t)operation &&
           bytes_equal((struct bytes){entry->source, entry->source_len}, source) &&
           bytes_equal((struct bytes){entry->endpoint, entry->endpoint_len}, endpoint);
}

void
front_contacts_count(struct front_contacts *contacts, struct bytes endpoint, struct bytes source,
    enum ipc_operation operation)
{
    if (endpoint.len > IPC_NAME_MAX || source.len > IPC_SOURCE_MAX) {
        return;
    }
    if (contacts->used >= TABLE_LEN * 3 / 4) {
        front_contacts_tell(contacts);
    }
    size_t at = hash_of(endpoint, source, operation) % TABLE_LEN;
    while (contacts->table[at].count > 0 &&
           !is_same(&contacts->table[at], endpoint, source, operation)) {
        at = (at + 1) % TABLE_LEN;
    }
    struct contact *entry = &contacts->table[at];
    if (entry->count == 0) {
        contacts->used++;
        entry->operation = (uint8_t)operation;
        entry->endpoint_len = (uint8_t)endpoint.len;
        entry->source_len = (uint8_t)source.len;
        memcpy(entry->endpoint, endpoint.ptr, endpoint.len);
        memcpy(entry->source, source.ptr, source.len);
    }
    entry->count++;
    entry->at_ms = base_clock_now_ms(contacts->clock);
}
