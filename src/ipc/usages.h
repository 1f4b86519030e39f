/*
 * usages.h - the names of key usages and extended key usages, as the configuration and bound
 * challenges write them.
 */
#ifndef IPC_USAGES_H
#define IPC_USAGES_H

#include "base/bytes.h"

/* RFC 5280, section 4.2.1.3: X(name, its bit in the first octet of the BIT STRING). Those of a CA
 * are not for profiles. */
#define IPC_KEY_USAGES(X)                                                                          \
    X(digitalSignature, 0x80)                                                                      \
    X(nonRepudiation, 0x40)                                                                        \
    X(keyEncipherment, 0x20) X(dataEncipherment, 0x10) X(keyAgreement, 0x08)

/* The bit of that name; 0: no such name. */
uint8_t ipc_key_usage_bit(struct bytes name);

#define IPC_EKU_NAMES                                                                              \
    "clientAuth, serverAuth, emailProtection, codeSigning, ipsecIKE, smartcardLogon"
/* A name of those or a dotted OID: *out is the dotted OID, static or @in itself. false: neither. */
bool ipc_eku_read(struct bytes in, struct bytes *out);

#endif
