/*
 * engine.h - what an engine does for store.h: the same functions, one table for each engine.
 *
 * store.c checks what it is given and calls through the table; what all engines share (rows'
 * memory, the journal's records and chain, look-up keys) stands beside it, not in the engines.
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/store.h"

/* X(name): an engine's function has the type and the meaning of store_<name>() in store.h. */
#define STORE_ENGINE_FUNCTIONS(X)                                                                  \
    X(check)                                                                                       \
    X(commit)                                                                                      \
    X(find_challenge)                                                                              \
    X(find_delivery)                                                                               \
    X(find_certificate)                                                                            \
    X(find_bound)                                                                                  \
    X(find_bound_key)                                                                              \
    X(each_bound_key)                                                                              \
    X(find_identity)                                                                               \
    X(find_transaction)                                                                            \
    X(find_crl)                                                                                    \
    X(find_meta)                                                                                   \
    X(search)                                                                                      \
    X(each_delivery)                                                                               \
    X(each_delivery_of_challenge)                                                                  \
    X(each_event)                                                                                  \
    X(each_certificate)                                                                            \
    X(each_revoked)                                                                                \
    X(each_unsigned)                                                                               \
    X(each_contact)                                                                                \
    X(each_due_notice)                                                                             \
    X(each_notice_of)                                                                              \
    X(each_notice)                                                                                 \
    X(count_notices)                                                                               \
    X(each_journal)                                                                                \
    X(last_serial)                                                                                 \
    X(last_challenge)                                                                              \
    X(count_certificates)

struct store_engine {
    void (*free)(struct store *store);
#define X(name) __typeof__(store_##name) *name;
    STORE_ENGINE_FUNCTIONS(X)
#undef X
};

/* The first member of every engine's own struct. */
struct store {
    const struct store_engine *engine;
};

#endif
