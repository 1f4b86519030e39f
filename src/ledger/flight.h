/*
 * flight.h - certificates that are being made: their body at the signer's check, in the commit, at
 * its signature.
 *
 * A request with the identity of a flight waits for it. A flight ends with its signature, or with a
 * fault; what the commit reserved stays reserved, and the next request of that identity has it
 * signed.
 */
#ifndef LEDGER_FLIGHT_H
#define LEDGER_FLIGHT_H

#include "base/arena.h"
#include "ledger/ledger.h"

#define LEDGER_WAITERS_MAX                                                                         \
    64 /* front requests for one certificate; beyond: a fault, the client comes again */

enum ledger_flight_stage {
    LEDGER_CHECKING = 1,
    LEDGER_COMMITTING,
    LEDGER_SIGNING,
    LEDGER_REPORTING, /* withheld.h */
};

struct ledger_flight {
    struct ledger_flight *next;
    uint64_t id; /* the request_id of our questions to the signer */
    enum ledger_flight_stage stage;
    uint64_t waiters[LEDGER_WAITERS_MAX];
    size_t waiter_count;
    bool is_reserved; /* the row exists already: this is a signature that was missing */
    struct arena memory;
    /* Slices into memory. */
    struct bytes identity; /* 32 octets */
    struct store_delivery delivery;
    struct store_certificate certificate;
    /* The certificate that had this identity and may not be served again. */
    struct bytes identity_over;
    uint64_t challenge_id; /* to be spent; 0: none */
    bool has_bound;        /* a bound challenge is to be spent */
    struct store_bound bound;
    struct bytes authorised_by; /* for the trace */
    struct bytes csr;           /* PKCS#10, for a policy that is told of it; may be empty */
    size_t gate_count;          /* notices that must be taken before the certificate leaves */
    int64_t reporting_since_mono_ms;
};

struct ledger_flights *ledger_flights_new(void); /* NULL without memory */
void ledger_flights_free(struct ledger_flights *flights);
size_t ledger_flights_count(const struct ledger_flights *flights);
/* Would a commit with @count verdicts gain from waiting? When a body is being checked (it goes into
 * the next commit), or the signer has at least as many to sign as wait, and a few: nobody is served
 * sooner by a smaller one. */
bool ledger_flights_are_coming(const struct ledger_flights *flights, size_t count);

/* A new one, owned by the flights. NULL without memory. */
struct ledger_flight *ledger_flight_begin(struct ledger *ledger);
void ledger_flight_end(struct ledger *ledger, struct ledger_flight *flight);
/* The newest one, and from each the next; NULL: no more. */
struct ledger_flight *ledger_flights_first(const struct ledger_flights *flights);
struct ledger_flight *ledger_flight_find(const struct ledger_flights *flights, uint64_t id);
struct ledger_flight *ledger_flight_find_identity(
    const struct ledger_flights *flights, struct bytes identity);
struct ledger_flight *ledger_flight_find_serial(
    const struct ledger_flights *flights, struct bytes serial);
/* false: too many wait already. */
bool ledger_flight_wait(struct ledger_flight *flight, uint64_t front_request_id);

/* Ask the signer whether it would sign; then what ledger_flight_checked() says. */
void ledger_flight_check(struct ledger *ledger, struct ledger_flight *flight);
/* The signer's verdict on the body: into the batch, or refused. */
void ledger_flight_checked(struct ledger *ledger, const struct ipc_body_checked *answer);
/* Put the reservation into the batch. */
MUST_CHECK enum base_code ledger_flight_reserve(
    struct ledger *ledger, struct ledger_flight *flight, struct base_error *err);
void ledger_flight_sign(struct ledger *ledger, struct ledger_flight *flight);
void ledger_flight_signed(struct ledger *ledger, const struct ipc_body_signed *answer);
/* A fault: everybody who waits is told, and the flight ends. */
void ledger_flight_fail(struct ledger *ledger, struct ledger_flight *flight, enum base_code code);
/* Another flight spent the challenge first: everybody who waits asks again, and the flight ends. */
void ledger_flight_send_back(struct ledger *ledger, struct ledger_flight *flight);

/* A certificate that is reserved and not signed: begin its signature. @front_request_id 0: nobody
 * waits. */
MUST_CHECK enum base_code ledger_flight_resume(struct ledger *ledger,
    const struct store_certificate *certificate, uint64_t front_request_id, struct base_error *err);

/* A new signer: ask again what was unanswered. A new front: nobody of the old one waits any more.
 */
void ledger_flights_ask_again(struct ledger *ledger);
void ledger_flights_forget_front(struct ledger *ledger);

#endif
