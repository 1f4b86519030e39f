/*
 * challenge_order.h - making one-time challenges, whoever wants them: an administrator at the
 * control socket, or an account by way of the front.
 */
#ifndef LEDGER_CHALLENGE_ORDER_H
#define LEDGER_CHALLENGE_ORDER_H

#include "ledger/challenge.h"
#include "ledger/ledger.h"

/* subject: RFC 4514 text, empty: not bound. sans: "DNS:a.example", newline-separated. ttl_s 0: the
 * profile's. account: who orders it, empty: an administrator. */
struct ledger_challenge_order {
    struct bytes profile;
    struct bytes device;
    struct bytes subject;
    struct bytes sans;
    bool is_san_bound;
    int64_t ttl_s;
    uint32_t uses;
    uint32_t count; /* 1 to IPC_PAGE_MAX */
    struct bytes account;
    bool is_page; /* by NDES's page */
};

/* A challenge that is durable. The text is a secret: whoever gets it wipes it. */
struct ledger_challenge_made {
    char text[LEDGER_CHALLENGE_TEXT_LEN + 1];
    char id_text[LEDGER_CHALLENGE_ID_TEXT_LEN + 1];
    uint64_t id;
    int64_t expires_ms;
    uint64_t delivery_id;
};

/*
 * Make and commit order->count challenges, each with its delivery.
 *
 * @out     room for order->count
 * Errors: E_USAGE, E_PROFILE_UNKNOWN, E_NAME_FORMAT, E_SAN_FORMAT, E_TEXT_FORMAT, the store's.
 */
MUST_CHECK enum base_code ledger_challenge_order(struct ledger *ledger,
    const struct ledger_challenge_order *order, struct ledger_challenge_made *out,
    struct base_error *err);

/* Is it well-formed, and for which profile? Makes nothing. Errors: as above. */
MUST_CHECK enum base_code ledger_challenge_order_check(struct ledger *ledger,
    const struct ledger_challenge_order *order, const struct ledger_profile **out_profile,
    struct base_error *err);

/* CHALLENGE_ORDER of the front: answered with CHALLENGE_MADE. */
void ledger_take_challenge_order(struct ledger *ledger, const struct ipc_challenge_order *message);

#endif
