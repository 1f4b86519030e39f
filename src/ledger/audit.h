/*
 * audit.h - where an audit stands between its pages. One at a time: a new one makes the pages of an
 * older one an error.
 */
#ifndef LEDGER_AUDIT_H
#define LEDGER_AUDIT_H

#include "journal/record.h"

enum ledger_audit_pass { LEDGER_AUDIT_LEDGER = 1, LEDGER_AUDIT_SIGNER, LEDGER_AUDIT_CERTIFICATES };

struct ledger_audit {
    uint64_t token;
    enum ledger_audit_pass pass;
    uint64_t next_seq;
    uint8_t chain[JOURNAL_HASH_LEN];
    struct journal_chain signer_chain;
    bool is_signer_broken; /* what follows proves nothing */
    uint8_t last_serial[20];
    size_t last_serial_len;
    uint64_t reserved;   /* records of certificates in the ledger's journal */
    uint64_t journalled; /* records of bodies in the signer's */
    uint64_t signed_count;
    uint64_t certificates;
    uint64_t revocations; /* records of them in the ledger's journal */
    uint64_t revoked;     /* certificates that are */
    uint8_t
        reserved_sum[JOURNAL_HASH_LEN]; /* XOR of a hash of each: two equal sets have equal sums */
    uint8_t certificate_sum[JOURNAL_HASH_LEN];
};

#endif
