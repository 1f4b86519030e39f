#include "der/ber.h"

#include <string.h>

#include "base/own.h"
#include "der/reader.h"

#include "base/need.h"

#include "base/banned.h"

/*
 * Two passes. The first walks the BER once and writes down every element in the order in which it
 * begins: tag, depth, where its primitive content is. The second goes through that list backwards
 * and writes into one buffer from its end to its beginning, so that each length is known when it is
 * written. Both are linear, neither recurses.
 */
struct node {
    uint8_t tag;
    bool is_constructed;
    bool is_joined;       /* a constructed OCTET STRING, whose pieces become its content */
    bool is_piece;        /* of such a one: only its octets count */
    uint32_t parent;      /* index; its own for the first */
    struct bytes content; /* of a primitive one */
    size_t written_end;   /* second pass: where the content ends */
};

struct walk {
    struct node *nodes;
    size_t count;
    size_t capacity;
    bool is_der; /* nothing had to change so far */
};

struct open_element {
    uint32_t node;
    const uint8_t *end; /* NULL: indefinite */
};

static enum base_code
add_node(struct walk *walk, const struct node *node, struct base_error *err)
{
    if (walk->count == walk->capacity) {
        return base_fail(err, E_TOO_LARGE, "more than %d elements", DER_ELEMENT_COUNT_MAX);
    }
    walk->nodes[walk->count++] = *node;
    return BASE_OK;
}

struct ber_length {
    bool is_indefinite;
    size_t len;
    size_t used;
    bool is_minimal;
};

static enum base_code
read_ber_length(const uint8_t *at, size_t left, struct ber_length *out, struct base_error *err)
{
    *out = (struct ber_length){false, 0, 1, true};
    if (left == 0) {
        return base_fail(err, E_DER_TRUNCATED, "the length is missing");
    }
    if (at[0] < 0x80) {
        out->len = at[0];
        return BASE_OK;
    }
    if (at[0] == 0x80) {
        out->is_indefinite = true;
        out->is_minimal = false;
        return BASE_OK;
    }
    size_t count = at[0] & 0x7fU;
    if (count >= left) {
        return base_fail(err, E_DER_TRUNCATED, "the length is cut off");
    }
    for (size_t i = 1; i <= count; i++) {
        if (out->len > (SIZE_MAX >> 8)) {
            return base_fail(err, E_DER_LENGTH, "a length of %zu octets", count);
        }
        out->len = out->len << 8 | at[i];
    }
    out->used = 1 + count;
    out->is_minimal = at[1] != 0 && out->len >= 0x80;
    return BASE_OK;
}

/* The element at @at; *out_next is where reading goes on: inside a constructed one, behind a
 * primitive one. */
static enum base_code
take_element(struct walk *walk, const struct open_element *parent, const uint8_t *at, size_t left,
    const uint8_t **out_next, struct open_element *out_opened, bool *out_is_opened,
    struct base_error *err)
{
    struct ber_length length;
    if ((at[0] & 0x1f) == 0x1f || at[0] == 0) {
        return base_fail(err, E_DER_TAG, "tag 0x%02x", at[0]);
    }
    TRY(read_ber_length(at + 1, left - 1, &length, err));
    const uint8_t *content = at + 1 + length.used;
    size_t room = left - 1 - length.used;
    bool is_constructed = (at[0] & 0x20) != 0;
    if (length.len > room) {
        return base_fail(err, E_DER_TRUNCATED, "%zu octets announced, %zu there", length.len, room);
    }
    if (length.is_indefinite && !is_constructed) {
        return base_fail(err, E_DER_LENGTH, "an indefinite length on a primitive element");
    }
    const struct node *above = parent == NULL ? NULL : &walk->nodes[parent->node];
    struct node node = {
        .tag = at[0], .is_constructed = is_constructed, .parent = (uint32_t)walk->count};
    if (above != NULL) {
        node.parent = parent->node;
        node.is_piece = above->is_joined;
    }
    node.is_joined = at[0] == (DER_OCTET_STRING | 0x20);
    if (node.is_piece && !node.is_joined && at[0] != DER_OCTET_STRING) {
        return base_fail(err, E_DER_TAG, "tag 0x%02x as a piece of an OCTET STRING", at[0]);
    }
    walk->is_der = walk->is_der && length.is_minimal && !node.is_joined;
    *out_is_opened = is_constructed;
    if (is_constructed) {
        *out_opened = (struct open_element){
            (uint32_t)walk->count, length.is_indefinite ? NULL : content + length.len};
        *out_next = content;
    } else {
        node.content = (struct bytes){content, length.len};
        *out_next = content + length.len;
    }
    return add_node(walk, &node, err);
}

/* Where the innermost open element ends at the latest: its own end, or that of the nearest definite
 * one around it. */
static const uint8_t *
bound_of(const struct open_element *open, size_t depth, const uint8_t *end)
{
    for (size_t i = depth; i > 0; i--) {
        if (open[i - 1].end != NULL) {
            return open[i - 1].end;
        }
    }
    return end;
}

/* Close what ends at @at; *at moves over end-of-contents octets. */
static enum base_code
close_elements(struct open_element *open, size_t *depth, const uint8_t **at, const uint8_t *end,
    struct base_error *err)
{
    while (*depth > 0) {
        const struct open_element *innermost = &open[*depth - 1];
        if (innermost->end != NULL) {
            if (*at != innermost->end) {
                return BASE_OK;
            }
        } else {
            const uint8_t *bound = bound_of(open, *depth, end);
            if (bound - *at < 2) {
                return base_fail(
                    err, E_DER_TRUNCATED, "the end of an indefinite length is missing");
            }
            if ((*at)[0] != 0 || (*at)[1] != 0) {
                return BASE_OK;
            }
            *at += 2;
        }
        (*depth)--;
    }
    return BASE_OK;
}

static enum base_code
walk_ber(struct walk *walk, struct bytes ber, size_t *out_used, struct base_error *err)
{
    struct open_element open[DER_DEPTH_MAX];
    size_t depth = 0;
    const uint8_t *at = ber.ptr;
    const uint8_t *end = ber.ptr + ber.len;
    do {
        const uint8_t *bound = bound_of(open, depth, end);
        struct open_element opened = {0, NULL};
        bool is_opened = false;
        if (at >= bound) {
            return base_fail(err, E_DER_TRUNCATED, "an element is missing");
        }
        TRY(take_element(walk, depth == 0 ? NULL : &open[depth - 1], at, (size_t)(bound - at), &at,
            &opened, &is_opened, err));
        if (is_opened) {
            if (depth == DER_DEPTH_MAX) {
                return base_fail(err, E_DER_DEPTH, "more than %d levels", DER_DEPTH_MAX);
            }
            open[depth++] = opened;
        }
        TRY(close_elements(open, &depth, &at, end, err));
    } while (depth > 0);
    *out_used = (size_t)(at - ber.ptr);
    return BASE_OK;
}

/* Write octets in front of *at. */
static void
put_before(uint8_t **at, const uint8_t *octets, size_t len)
{
    *at -= len;
    memcpy(*at, octets, len);
}

static void
put_header_before(uint8_t **at, uint8_t tag, size_t len)
{
    uint8_t header[6];
    size_t count = len < 0x80 ? 0 : len > 0xffffff ? 4 : len > 0xffff ? 3 : len > 0xff ? 2 : 1;
    header[0] = tag;
    header[1] = (uint8_t)(count == 0 ? len : 0x80 | count);
    for (size_t i = 0; i < count; i++) {
        header[2 + i] = (uint8_t)(len >> (8 * (count - 1 - i)));
    }
    put_before(at, header, 2 + count);
}

/*
 * Backwards over the list. An element's content ends where writing stood when its last descendant
 * was met: that is when the first node with it as an ancestor comes, seen from behind. Each node,
 * once it is met, tells its open ancestors.
 */
static uint8_t *
write_backwards(const struct walk *walk, uint8_t *end)
{
    uint8_t *at = end;
    for (size_t i = walk->count; i > 0; i--) {
        struct node *node = &walk->nodes[i - 1];
        /* Ancestors that have no end yet end here; each is marked once, so the whole is linear. */
        for (uint32_t p = node->parent;
             walk->nodes[p].is_constructed && walk->nodes[p].written_end == 0;
             p = walk->nodes[p].parent) {
            walk->nodes[p].written_end = (size_t)(end - at) + 1;
        }
        if (!node->is_constructed) {
            put_before(&at, node->content.ptr, node->content.len);
            if (!node->is_piece) {
                put_header_before(&at, node->tag, node->content.len);
            }
            continue;
        }
        size_t content_end = node->written_end == 0 ? (size_t)(end - at) : node->written_end - 1;
        size_t len = (size_t)(end - at) - content_end;
        if (!node->is_piece) {
            put_header_before(&at, node->is_joined ? DER_OCTET_STRING : node->tag, len);
        }
    }
    return at;
}

/* Some peers pad a message with zero octets. */
static enum base_code
check_rest(struct bytes rest, struct base_error *err)
{
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] != 0) {
            return base_fail(err, E_DER_TRAILING, "%zu octets behind the message", rest.len);
        }
    }
    return BASE_OK;
}

enum base_code
der_from_ber(
    struct bytes ber, struct buffer *storage, struct bytes *out_der, struct base_error *err)
{
    size_t used = 0;
    size_t capacity = ber.len / 2 + 1; /* no element is shorter than two octets */
    struct walk walk = {
        .capacity = capacity < DER_ELEMENT_COUNT_MAX ? capacity : DER_ELEMENT_COUNT_MAX,
        .is_der = true};
    if (ber.len == 0) {
        return base_fail(err, E_DER_TRUNCATED, "an empty message");
    }
    OWN_MEMORY struct node *nodes = base_need(walk.capacity * sizeof(*nodes));
    if (nodes == NULL) {
        return base_fail(err, E_NO_MEMORY, "%zu elements", walk.capacity);
    }
    walk.nodes = nodes;
    TRY(walk_ber(&walk, ber, &used, err));
    TRY(check_rest(bytes_skip(ber, used), err));
    if (walk.is_der) {
        *out_der = (struct bytes){ber.ptr, used};
        return BASE_OK;
    }
    /* A definite header is at most 4 octets longer than the indefinite one with its end, and only
     * for large content. */
    uint8_t *room = NULL;
    size_t room_len = used + 4 * walk.count;
    size_t begin = storage->len;
    TRY(buffer_reserve(storage, room_len, &room, err));
    uint8_t *at = write_backwards(&walk, room + room_len);
    size_t len = (size_t)(room + room_len - at);
    memmove(room, at, len);
    storage->len = begin + len;
    *out_der = (struct bytes){room, len};
    return BASE_OK;
}

enum base_code
der_join_octets(const struct der_element *element, struct buffer *storage, struct bytes *out_octets,
    struct base_error *err)
{
    if ((element->tag & 0x20) == 0) {
        *out_octets = element->content;
        return BASE_OK;
    }
    struct der_reader reader = der_reader_over(element->content);
    size_t begin = storage->len;
    uint8_t *room = NULL;
    TRY(buffer_reserve(storage, element->content.len, &room, err));
    while (!der_at_end(&reader)) {
        struct der_element piece;
        TRY(der_expect(&reader, DER_OCTET_STRING, &piece, err));
        TRY(buffer_append(storage, piece.content, err));
    }
    *out_octets = (struct bytes){room, storage->len - begin};
    return BASE_OK;
}
