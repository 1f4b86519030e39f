/*
 * asn1_tree.h - any BER or DER as a tree, also damaged or cut off: for looking at, never for
 * believing.
 *
 * The strict reader of der/ refuses what is wrong; this one goes on as far as anything can be made
 * out and says where it was cut off. Depth and number of nodes are bounded.
 */
#ifndef DIAGNOSE_ASN1_TREE_H
#define DIAGNOSE_ASN1_TREE_H

#include "base/bytes.h"
#include "base/error.h"

#define ASN1_NODES_MAX 6000
#define ASN1_DEPTH_MAX 40

struct asn1_node {
    uint32_t offset;    /* of its first octet */
    uint32_t header;    /* octets of tag and length */
    uint32_t len;       /* of its content as far as it is there */
    uint64_t announced; /* length that it says; of an indefinite one as much as was found */
    uint16_t depth;
    uint8_t tag; /* first octet */
    bool is_indefinite;
    bool is_cut; /* it ends before its announced length */
};

struct asn1_tree {
    struct bytes octets; /* borrowed */
    size_t count;
    bool is_truncated; /* something is cut off */
    bool is_broken;    /* something is no ASN.1 */
    struct asn1_node nodes[ASN1_NODES_MAX];
};

/* Whole or in part; never fails. */
void asn1_tree_read(struct asn1_tree *tree, struct bytes octets);
/* The @n-th child of a node; SIZE_MAX when there is none. */
size_t asn1_child(const struct asn1_tree *tree, size_t parent, size_t n);
struct bytes asn1_content(const struct asn1_tree *tree, size_t node);
struct bytes asn1_whole(const struct asn1_tree *tree, size_t node);
/* The octets of an OCTET STRING (or implicit one), put together from its pieces. Errors: the
 * buffer's. */
MUST_CHECK enum base_code asn1_joined(
    const struct asn1_tree *tree, size_t node, struct buffer *out, struct base_error *err);
/* "SEQUENCE", "[0]", ... Returns @out. */
const char *asn1_tag_name(const struct asn1_node *node, char out[32]);
/* The field's name for an OID's content octets, or its dotted form. Returns @out. */
const char *asn1_oid_name(struct bytes oid, char *out, size_t size);

#endif
