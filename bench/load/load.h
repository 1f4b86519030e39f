/*
 * load.h - the parts of kurier-load: messages made before, a run that only sends and receives,
 * replies checked after.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"

#define LOAD_ID_LEN 20

/* One request with its answer. */
struct load_item {
    struct buffer request; /* whole HTTP request */
    struct buffer reply;   /* body of the answer */
    char transaction_id[LOAD_ID_LEN + 1];
    uint8_t nonce[16];
    unsigned key;  /* in the pool */
    int status;    /* HTTP; 0: none */
    double due_s;  /* open loop: when it was to be sent */
    double took_s; /* from sent (or due) to the last octet */
};

struct load_options {
    const char *host;
    unsigned port;
    const char *path;       /* of the endpoint */
    const char *challenges; /* file, one a line */
    const char *keys;       /* file of the clients' keys: made when it is not there; NULL: none */
    unsigned count;
    unsigned connections;
    bool is_fresh;       /* a connection for each request */
    double rate;         /* requests a second, open loop; 0: closed loop */
    bool is_foreign;     /* a server that answers in single DES is believed */
    bool is_caps;        /* GetCACaps instead of enrolments */
    unsigned dribbling;  /* connections that send an octet a second beside the others */
    unsigned idle;       /* connections that say nothing */
    const char *serials; /* file that each certificate's serial is appended to; NULL: none */
};

/* ---- messages.c */
struct load_messages;
struct load_messages *load_messages_new(const struct load_options *options);
void load_messages_free(struct load_messages *messages);
/* Fills items[0..count): everything that costs cryptography. Ends the program on a fault. */
void load_messages_make(struct load_messages *messages, struct load_item *items, unsigned count);
/* Reads each reply: signature, nonce, id, key, chain. Returns how many are wrong, each told on
 * standard error (the first ten). */
unsigned load_messages_check(
    struct load_messages *messages, struct load_item *items, unsigned count);

/* ---- run.c */
/* Sends all and receives all. Returns the seconds it took. */
double load_run(const struct load_options *options, struct load_item *items, unsigned count);
double load_now_s(void);
/* One GET on a connection of its own. */
int load_fetch(const struct load_options *options, const char *target, struct buffer *body);

#endif
