#include "diagnose/asn1_tree.h"

#include <stdio.h>
#include <string.h>

#include "der/reader.h"

#include "base/banned.h"

struct header {
    uint8_t tag;
    size_t header_len;
    uint64_t len;
    bool is_indefinite;
};

/* False when the octets end within the header, or it is none. */
static bool
read_header(struct bytes at, struct header *out, bool *out_is_cut)
{
    size_t i = 1;
    *out_is_cut = true;
    if (at.len < 2) {
        return false;
    }
    out->tag = at.ptr[0];
    if ((at.ptr[0] & 0x1f) == 0x1f) { /* a long tag; nothing of ours has one */
        while (i < at.len && i < 6 && (at.ptr[i] & 0x80) != 0) {
            i++;
        }
        i++;
    }
    if (i >= at.len) {
        return false;
    }
    uint8_t first = at.ptr[i++];
    out->is_indefinite = first == 0x80;
    out->len = first < 0x80 ? first : 0;
    size_t count = first > 0x80 ? (size_t)(first & 0x7f) : 0;
    if (count > 8) {
        *out_is_cut = false;
        return false;
    }
    if (i + count > at.len) {
        return false;
    }
    for (size_t k = 0; k < count; k++) {
        out->len = out->len << 8 | at.ptr[i++];
    }
    out->header_len = i;
    return true;
}

/* What may be read further: constructed ones. */
static bool
is_constructed(uint8_t tag)
{
    return (tag & 0x20) != 0;
}

static size_t
add_node(struct asn1_tree *tree, size_t offset, const struct header *header, size_t depth)
{
    if (tree->count == ASN1_NODES_MAX) {
        tree->is_broken = true;
        return SIZE_MAX;
    }
    tree->nodes[tree->count] = (struct asn1_node){.offset = (uint32_t)offset,
        .header = (uint32_t)header->header_len,
        .announced = header->len,
        .depth = (uint16_t)depth,
        .tag = header->tag,
        .is_indefinite = header->is_indefinite};
    return tree->count++;
}

/* An element that is open: where it ends, SIZE_MAX for an indefinite one. */
struct open {
    size_t node;
    size_t end;
};

static void
close_node(struct asn1_tree *tree, const struct open *open, size_t at)
{
    struct asn1_node *node = &tree->nodes[open->node];
    node->len = (uint32_t)(at - node->offset - node->header);
}

void
asn1_tree_read(struct asn1_tree *tree, struct bytes octets)
{
    struct open stack[ASN1_DEPTH_MAX];
    size_t depth = 0;
    size_t at = 0;
    tree->octets = octets;
    tree->count = 0;
    tree->is_truncated = false;
    tree->is_broken = octets.len > UINT32_MAX / 2;
    while (!tree->is_broken && at < octets.len) {
        struct header header;
        bool is_cut = false;
        while (depth > 0 && at >= stack[depth - 1].end) {
            close_node(tree, &stack[--depth], at);
        }
        if (depth == 0 && tree->count > 0) {
            break; /* octets behind the first element */
        }
        if (depth > 0 && stack[depth - 1].end == SIZE_MAX && octets.len - at >= 2 &&
            octets.ptr[at] == 0 && octets.ptr[at + 1] == 0) {
            close_node(tree, &stack[--depth], at);
            at += 2;
            continue;
        }
        size_t limit =
            depth > 0 && stack[depth - 1].end != SIZE_MAX ? stack[depth - 1].end : octets.len;
        if (!read_header((struct bytes){octets.ptr + at, limit - at}, &header, &is_cut)) {
            is_cut = is_cut && limit == octets.len; /* else it crosses the end of what holds it */
            tree->is_truncated = tree->is_truncated || is_cut;
            tree->is_broken = tree->is_broken || !is_cut;
            break;
        }
        size_t node = add_node(tree, at, &header, depth);
        if (node == SIZE_MAX) {
            break;
        }
        at += header.header_len;
        size_t room = limit - at;
        if (is_constructed(header.tag) && depth < ASN1_DEPTH_MAX) {
            bool is_short = !header.is_indefinite && header.len > room;
            tree->nodes[node].is_cut = is_short;
            tree->is_truncated = tree->is_truncated || is_short;
            stack[depth++] = (struct open){node,
                header.is_indefinite ? SIZE_MAX : at + (size_t)(is_short ? room : header.len)};
            tree->nodes[node].len = (uint32_t)room; /* until it is closed */
            continue;
        }
        size_t len = header.len > room ? room : (size_t)header.len;
        tree->nodes[node].len = (uint32_t)len;
        tree->nodes[node].is_cut = header.len > room;
        tree->is_truncated = tree->is_truncated || header.len > room;
        at += len;
    }
    while (depth > 0) {
        struct open *open = &stack[--depth];
        if (open->end == SIZE_MAX || at < open->end) {
            tree->nodes[open->node].is_cut = true;
            tree->is_truncated = true;
        }
        close_node(tree, open, at < octets.len ? at : octets.len);
    }
}

size_t
asn1_child(const struct asn1_tree *tree, size_t parent, size_t n)
{
    if (parent >= tree->count) {
        return SIZE_MAX;
    }
    uint16_t depth = tree->nodes[parent].depth;
    for (size_t i = parent + 1; i < tree->count && tree->nodes[i].depth > depth; i++) {
        if (tree->nodes[i].depth == depth + 1 && n-- == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

struct bytes
asn1_content(const struct asn1_tree *tree, size_t node)
{
    if (node >= tree->count) {
        return BYTES_NONE;
    }
    const struct asn1_node *it = &tree->nodes[node];
    return (struct bytes){tree->octets.ptr + it->offset + it->header, it->len};
}

struct bytes
asn1_whole(const struct asn1_tree *tree, size_t node)
{
    if (node >= tree->count) {
        return BYTES_NONE;
    }
    const struct asn1_node *it = &tree->nodes[node];
    return (struct bytes){tree->octets.ptr + it->offset, it->header + it->len};
}

enum base_code
asn1_joined(const struct asn1_tree *tree, size_t node, struct buffer *out, struct base_error *err)
{
    if (node >= tree->count) {
        return BASE_OK;
    }
    if (!is_constructed(tree->nodes[node].tag)) {
        return buffer_append(out, asn1_content(tree, node), err);
    }
    uint16_t depth = tree->nodes[node].depth;
    for (size_t i = node + 1; i < tree->count && tree->nodes[i].depth > depth; i++) {
        if (!is_constructed(tree->nodes[i].tag)) {
            TRY(buffer_append(out, asn1_content(tree, i), err));
        }
    }
    return BASE_OK;
}

const char *
asn1_tag_name(const struct asn1_node *node, char out[32])
{
    static const struct {
        uint8_t tag;
        const char *name;
    } names[] = {{0x01, "BOOLEAN"}, {0x02, "INTEGER"}, {0x03, "BIT STRING"}, {0x04, "OCTET STRING"},
        {0x24, "OCTET STRING (constructed)"}, {0x05, "NULL"}, {0x06, "OBJECT IDENTIFIER"},
        {0x0c, "UTF8String"}, {0x13, "PrintableString"}, {0x14, "T61String"}, {0x16, "IA5String"},
        {0x17, "UTCTime"}, {0x18, "GeneralizedTime"}, {0x1e, "BMPString"}, {0x30, "SEQUENCE"},
        {0x31, "SET"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].tag == node->tag) {
            return names[i].name;
        }
    }
    (void)snprintf(out, 32, (node->tag & 0xc0) == 0x80 ? "[%u]" : "tag %u", node->tag & 0x1fU);
    return out;
}

const char *
asn1_oid_name(struct bytes oid, char *out, size_t size)
{
    static const struct {
        struct bytes oid;
        const char *name;
    } names[] = {
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"), "data"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), "signedData"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"), "envelopedData"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), "rsaEncryption"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"), "md5WithRSAEncryption"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"), "sha1WithRSAEncryption"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07"), "id-RSAES-OAEP"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), "id-RSASSA-PSS"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), "sha256WithRSAEncryption"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"), "sha384WithRSAEncryption"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"), "sha512WithRSAEncryption"},
        {BYTES_INIT("\x2a\x86\x48\xce\x3d\x02\x01"), "id-ecPublicKey"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x02\x05"), "MD5"},
        {BYTES_INIT("\x2b\x0e\x03\x02\x1a"), "SHA-1"},
        {BYTES_INIT("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), "SHA-256"},
        {BYTES_INIT("\x60\x86\x48\x01\x65\x03\x04\x02\x02"), "SHA-384"},
        {BYTES_INIT("\x60\x86\x48\x01\x65\x03\x04\x02\x03"), "SHA-512"},
        {BYTES_INIT("\x2b\x0e\x03\x02\x07"), "DES-CBC"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x03\x07"), "3DES-CBC"},
        {BYTES_INIT("\x60\x86\x48\x01\x65\x03\x04\x01\x02"), "AES-128-CBC"},
        {BYTES_INIT("\x60\x86\x48\x01\x65\x03\x04\x01\x16"), "AES-192-CBC"},
        {BYTES_INIT("\x60\x86\x48\x01\x65\x03\x04\x01\x2a"), "AES-256-CBC"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"), "contentType"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"), "messageDigest"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"), "signingTime"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07"), "challengePassword"},
        {BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"), "extensionRequest"},
        {BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x02"), "messageType"},
        {BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x03"), "pkiStatus"},
        {BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x04"), "failInfo"},
        {BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x05"), "senderNonce"},
        {BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x06"), "recipientNonce"},
        {BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x07"), "transactionID"},
        {BYTES_INIT("\x2b\x06\x01\x05\x05\x07\x18\x01"), "failInfoText"},
        {BYTES_INIT("\x2b\x06\x01\x04\x01\x82\x37\x15\x21"), "HRESULT (Microsoft)"},
        {BYTES_INIT("\x55\x04\x03"), "commonName"},
        {BYTES_INIT("\x55\x04\x06"), "countryName"},
        {BYTES_INIT("\x55\x04\x0a"), "organizationName"},
        {BYTES_INIT("\x55\x04\x0b"), "organizationalUnitName"},
        {BYTES_INIT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), "domainComponent"},
        {BYTES_INIT("\x55\x1d\x0e"), "subjectKeyIdentifier"},
        {BYTES_INIT("\x55\x1d\x0f"), "keyUsage"},
        {BYTES_INIT("\x55\x1d\x11"), "subjectAltName"},
        {BYTES_INIT("\x55\x1d\x13"), "basicConstraints"},
        {BYTES_INIT("\x55\x1d\x1f"), "cRLDistributionPoints"},
        {BYTES_INIT("\x55\x1d\x23"), "authorityKeyIdentifier"},
        {BYTES_INIT("\x55\x1d\x25"), "extKeyUsage"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bytes_equal(names[i].oid, oid)) {
            (void)snprintf(out, size, "%s", names[i].name);
            return out;
        }
    }
    return der_oid_text(oid, out, size);
}
