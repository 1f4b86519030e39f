#include "pki/modulus.h"

#include <openssl/bn.h>

#include "base/own.h"
#include "base/text.h"
#include "pki/openssl_error.h"

#include "base/banned.h"

__extension__ typedef unsigned __int128 wide; /* both compilers have it on 64 bits */

#define WORDS_MAX 128 /* 8192 bits */
/* Fermat's method finds primes whose difference is below 2^(bits/4) in the first step; two more
 * cost little. */
#define FERMAT_STEPS 3

/* The odd primes below 752: where the CA/Browser Forum's Baseline Requirements (6.1.6) draw the
 * line. */
static const uint16_t primes[] = {
    /* clang-format off */
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191,
    193, 197, 199, 211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283,
    293, 307, 311, 313, 317, 331, 337, 347, 349, 353, 359, 367, 373, 379, 383, 389, 397, 401,
    409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463, 467, 479, 487, 491, 499, 503, 509,
    521, 523, 541, 547, 557, 563, 569, 571, 577, 587, 593, 599, 601, 607, 613, 617, 619, 631,
    641, 643, 647, 653, 659, 661, 673, 677, 683, 691, 701, 709, 719, 727, 733, 739, 743, 751
    /* clang-format on */
};
#define PRIME_COUNT (sizeof(primes) / sizeof(primes[0]))

/* Little-endian words; returns how many. */
static size_t
to_words(struct bytes octets, uint64_t words[WORDS_MAX])
{
    size_t count = (octets.len + 7) / 8;
    for (size_t i = 0; i < count; i++) {
        words[i] = 0;
    }
    for (size_t i = 0; i < octets.len; i++) {
        words[i / 8] |= (uint64_t)octets.ptr[octets.len - 1 - i] << (8 * (i % 8));
    }
    return count;
}

/* The inverse of an odd number modulo 2^64, by Newton's method: 3, 6, 12, ... bits are right. */
static uint64_t
inverse(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 5; i++) {
        x *= 2 - odd * x;
    }
    return x;
}

/*
 * n * 2^(-64 * count) modulo the odd @modulus (Montgomery's reduction, a word at a time). The
 * factor is prime to the modulus, so a prime of the modulus divides the result where it divides n:
 * no division is needed, which costs ten times as much.
 */
static uint64_t
reduce(const uint64_t *words, size_t count, uint64_t modulus)
{
    uint64_t negative = 0 - inverse(modulus);
    uint64_t rest = 0;
    for (size_t i = 0; i < count; i++) {
        wide sum = (wide)words[i] + rest;
        uint64_t low = (uint64_t)sum;
        wide product = (wide)(low * negative) * modulus;
        /* low + (product's low word) is 0 modulo 2^64 and carries unless both are zero. */
        rest = (uint64_t)(sum >> 64) + (uint64_t)(product >> 64) + (low != 0 ? 1 : 0);
        rest = rest >= modulus ? rest - modulus : rest;
    }
    return rest;
}

static unsigned
small_factor(struct bytes modulus)
{
    uint64_t words[WORDS_MAX];
    size_t count = to_words(modulus, words);
    size_t next = 0;
    while (next < PRIME_COUNT) {
        size_t first = next;
        uint64_t product = 1;
        /* Below 2^62, so that the sums of reduce() fit. */
        while (next < PRIME_COUNT && product < (UINT64_C(1) << 50)) {
            product *= primes[next++];
        }
        uint64_t rest = reduce(words, count, product);
        for (size_t i = first; i < next; i++) {
            if (rest % primes[i] == 0) {
                return primes[i];
            }
        }
    }
    return 0;
}

static uint64_t
small_root(uint64_t of)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1) {
        root = (root | bit) * (root | bit) <= of ? root | bit : root;
    }
    return root;
}

/* The integer square root by Newton's method from above, begun with 31 right bits. */
static bool
square_root(BIGNUM *root, const BIGNUM *of, BIGNUM *quotient, BN_CTX *context)
{
    OWN(BIGNUM) top = BN_new();
    int shift = BN_num_bits(of) - 62;
    shift = shift < 0 ? 0 : shift + (shift & 1);
    if (top == NULL || BN_rshift(top, of, shift) != 1 ||
        BN_set_word(root, small_root(BN_get_word(top)) + 1) != 1 ||
        BN_lshift(root, root, shift / 2) != 1) {
        return false;
    }
    for (int round = 0; round < 64; round++) {
        if (BN_div(quotient, NULL, of, root, context) != 1) {
            return false;
        }
        if (BN_cmp(quotient, root) >= 0) {
            return true;
        }
        if (BN_add(root, root, quotient) != 1 || BN_rshift1(root, root) != 1) {
            return false;
        }
    }
    return true;
}

/* Most numbers are no squares already modulo 64 and 63 * 65. */
static bool
may_be_square(const BIGNUM *number)
{
    static const uint64_t squares_64 = UINT64_C(0x0202021202030213);
    BN_ULONG rest = BN_mod_word(number, 63 * 65);
    bool is_square_63 = false;
    bool is_square_65 = false;
    for (BN_ULONG i = 0; i < 33; i++) {
        is_square_63 = is_square_63 || i * i % 63 == rest % 63;
        is_square_65 = is_square_65 || i * i % 65 == rest % 65;
    }
    return (squares_64 >> BN_mod_word(number, 64) & 1) != 0 && is_square_63 && is_square_65;
}

/* n = a^2 - b^2 with a just above the root of n. */
static enum base_code
check_close_primes(struct bytes modulus, struct base_error *err)
{
    OWN(BN_CTX) context = BN_CTX_new();
    OWN(BIGNUM) n = BN_bin2bn(modulus.ptr, base_size_to_int(modulus.len), NULL);
    OWN(BIGNUM) root = BN_new();
    OWN(BIGNUM) rest = BN_new();
    OWN(BIGNUM) rest_root = BN_new();
    OWN(BIGNUM) scratch = BN_new();
    if (context == NULL || n == NULL || root == NULL || rest == NULL || rest_root == NULL ||
        scratch == NULL) {
        return base_fail(err, E_NO_MEMORY, "key check");
    }
    bool is_good = square_root(root, n, scratch, context);
    for (int step = 0; is_good && step < FERMAT_STEPS; step++) {
        is_good = BN_add_word(root, 1) == 1 && BN_sqr(rest, root, context) == 1 &&
                  BN_sub(rest, rest, n) == 1;
        if (!is_good || !may_be_square(rest)) {
            continue;
        }
        is_good = square_root(rest_root, rest, scratch, context) &&
                  BN_sqr(scratch, rest_root, context) == 1;
        if (is_good && BN_cmp(scratch, rest) == 0) {
            return base_fail(
                err, E_KEY_WEAK, "an RSA modulus of two primes that lie close together");
        }
    }
    return is_good ? BASE_OK : pki_openssl_fail(err, E_CRYPTO, "key check");
}

enum base_code
pki_modulus_check(struct bytes modulus, struct base_error *err)
{
    if (modulus.len == 0 || modulus.len > 8 * (size_t)WORDS_MAX) {
        return base_fail(err, E_KEY_WEAK, "an RSA modulus of %zu octets", modulus.len);
    }
    unsigned factor = small_factor(modulus);
    if (factor != 0) {
        return base_fail(err, E_KEY_WEAK, "an RSA modulus with the factor %u", factor);
    }
    return check_close_primes(modulus, err);
}
