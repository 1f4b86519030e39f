#define PCRE2_CODE_UNIT_WIDTH 8
#include "diagnose/catalogue.h"

#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/hresult.h"

#include "base/banned.h"

#define DELIVERED DIAG_DELIVERED
#define IN_PROGRESS DIAG_IN_PROGRESS
#define STOPPED DIAG_STOPPED
#define INCONCLUSIVE DIAG_INCONCLUSIVE
#define CAUSE(slug_, component_, stages_, verdict_, literal_, expression_, meaning_, remedy_,      \
    next_, meaning_de_, remedy_de_, next_de_)                                                      \
    {.slug = (slug_),                                                                              \
        .component = (component_),                                                                 \
        .stages = (stages_),                                                                       \
        .verdict = (verdict_),                                                                     \
        .literal = (literal_),                                                                     \
        .expression = (expression_),                                                               \
        .meaning = {(meaning_), (meaning_de_)},                                                    \
        .remedy = {(remedy_), (remedy_de_)},                                                       \
        .next = {(next_), (next_de_)}},

static const struct diag_cause causes[] = {
#include "diagnose/catalogue.def"
};
#define CAUSE_COUNT (sizeof(causes) / sizeof(causes[0]))

/* Steps of the matcher over one line: an expression cannot take longer than that. */
#define MATCH_LIMIT 20000
#define LITERALS_MAX 20
#define CODES_MAX 4
#define LITERAL_MAX 96

struct compiled {
    const struct diag_cause *cause;
    pcre2_code *code; /* NULL: codes alone */
    size_t code_count;
    uint32_t codes[CODES_MAX];
    uint32_t mask; /* of a code, before it is compared */
    size_t literal_count;
    char literals[LITERALS_MAX][LITERAL_MAX]; /* lower case */
};

struct diag_catalogue {
    struct compiled *rows;
    size_t count;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

const char *
diag_verdict_name(enum diag_verdict verdict)
{
    static const char *const names[] = {"", "delivered", "in-progress", "stopped", "inconclusive"};
    return names[verdict];
}

const struct diag_cause *
diag_cause_find(const char *slug)
{
    for (size_t i = 0; i < CAUSE_COUNT; i++) {
        if (strcmp(causes[i].slug, slug) == 0) {
            return &causes[i];
        }
    }
    return NULL;
}

size_t
diag_cause_count(void)
{
    return CAUSE_COUNT;
}

const struct diag_cause *
diag_cause_at(size_t index)
{
    return &causes[index];
}

int
diag_cause_weight(const struct diag_cause *cause)
{
    static const char *const umbrellas[] = {"win-enroll-failed", "ios-profile-failed",
        "android-scep-failure", "ndes-hresult-attribute", "http-other",
        "http-200-no-scep-information", "challenge-verify-false", "ca-not-issued",
        "connector-setup-failed", "answer-not-scep"};
    static const char *const classes[] = {"scep-fail-badalg", "scep-fail-badmessagecheck",
        "scep-fail-badrequest", "scep-fail-badtime", "scep-fail-badcertid", "http-400", "http-401",
        "http-403", "http-404", "http-500", "http-503", "iis-500-account", "android-http",
        "access-denied", "file-not-found", "ndes-start-e-fail", "challenge-phase1-false",
        "challenge-phase3-false", "crp-verify-failed", "iis-503", "certrep-signer-untrusted"};
    for (size_t i = 0; i < sizeof(umbrellas) / sizeof(umbrellas[0]); i++) {
        if (strcmp(cause->slug, umbrellas[i]) == 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strcmp(cause->slug, classes[i]) == 0) {
            return 2;
        }
    }
    return 3;
}

bool
diag_cause_is_general(const struct diag_cause *cause)
{
    return strncmp(cause->expression, "0x", 2) == 0;
}

unsigned
diag_cause_stage_at(const struct diag_cause *cause, unsigned wanted)
{
    return strchr(cause->stages, (int)('0' + wanted)) != NULL ? wanted
                                                              : diag_cause_first_stage(cause);
}

unsigned
diag_cause_first_stage(const struct diag_cause *cause)
{
    return cause->stages[0] >= '0' && cause->stages[0] <= '6' ? (unsigned)(cause->stages[0] - '0')
                                                              : 0;
}

static void
split_literals(struct compiled *row)
{
    const char *at = row->cause->literal;
    while (*at != '\0' && row->literal_count < LITERALS_MAX) {
        size_t len = strcspn(at, "|");
        char *to = row->literals[row->literal_count];
        for (size_t i = 0; i < len && i < LITERAL_MAX - 1; i++) {
            to[i] = (char)tolower((unsigned char)at[i]);
        }
        row->literal_count += len > 0 ? 1 : 0;
        at += len + (at[len] == '|' ? 1 : 0);
    }
}

/* "0x80091007" or "0x8019????": a code in any spelling. */
static bool
take_code(struct compiled *row, struct bytes alternative)
{
    uint32_t code = 0;
    bool is_class = alternative.len == 10 && memcmp(alternative.ptr + 6, "????", 4) == 0;
    char text[11] = "";
    if (alternative.len != 10 || memcmp(alternative.ptr, "0x", 2) != 0 ||
        row->code_count == CODES_MAX) {
        return false;
    }
    memcpy(text, alternative.ptr, 10);
    if (is_class) {
        memset(text + 6, '0', 4);
    }
    if (!diag_hresult_parse(bytes_from_text(text), &code)) {
        return false;
    }
    row->codes[row->code_count++] = code;
    row->mask = is_class ? 0xffff0000U : UINT32_MAX;
    return true;
}

/* Codes apart; what is left of the expression goes to PCRE2. Codes stand before it, and none of
 * them has a '|' of its own. */
static const char *
split_codes(struct compiled *row)
{
    const char *at = row->cause->expression;
    for (;;) {
        size_t len = strcspn(at, "|");
        if (!take_code(row, (struct bytes){(const uint8_t *)at, len})) {
            return at;
        }
        at += len + (at[len] == '|' ? 1 : 0);
    }
}

static bool
has_code(const struct compiled *row, struct bytes line)
{
    uint32_t code = 0;
    struct bytes rest = line;
    while (row->code_count > 0 && diag_hresult_find(rest, &code, &rest)) {
        for (size_t i = 0; i < row->code_count; i++) {
            if ((code & row->mask) == row->codes[i]) {
                return true;
            }
        }
    }
    return false;
}

static enum base_code
compile(struct compiled *row, const struct diag_cause *cause, struct base_error *err)
{
    int number = 0;
    PCRE2_SIZE offset = 0;
    row->cause = cause;
    split_literals(row);
    const char *expression = split_codes(row);
    if (expression[0] == '\0') {
        return BASE_OK;
    }
    row->code = pcre2_compile(
        (PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS, &number, &offset, NULL);
    if (row->code == NULL || row->literal_count == 0) {
        return base_fail(err, E_INTERNAL, "the expression of %s, at %zu", cause->slug, offset);
    }
    (void)pcre2_jit_compile(row->code, PCRE2_JIT_COMPLETE); /* slower without, not wrong */
    return BASE_OK;
}

enum base_code
diag_catalogue_new(struct diag_catalogue **out, struct base_error *err)
{
    OWN_STRUCT(diag_catalogue) catalogue = calloc(1, sizeof(*catalogue));
    if (catalogue == NULL ||
        (catalogue->rows = calloc(CAUSE_COUNT, sizeof(*catalogue->rows))) == NULL ||
        (catalogue->data = pcre2_match_data_create(1, NULL)) == NULL ||
        (catalogue->context = pcre2_match_context_create(NULL)) == NULL) {
        return base_fail(err, E_NO_MEMORY, "catalogue");
    }
    (void)pcre2_set_match_limit(catalogue->context, MATCH_LIMIT);
    for (size_t i = 0; i < CAUSE_COUNT; i++) {
        if (causes[i].expression[0] != '\0') {
            TRY(compile(&catalogue->rows[catalogue->count++], &causes[i], err));
        }
    }
    *out = MOVE(catalogue);
    return BASE_OK;
}

void
diag_catalogue_free(struct diag_catalogue *catalogue)
{
    if (catalogue != NULL) {
        for (size_t i = 0; i < catalogue->count; i++) {
            pcre2_code_free(catalogue->rows[i].code);
        }
        pcre2_match_data_free(catalogue->data);
        pcre2_match_context_free(catalogue->context);
        free(catalogue->rows);
        free(catalogue);
    }
}

static bool
has_literal(const struct compiled *row, struct bytes lower)
{
    for (size_t i = 0; i < row->literal_count; i++) {
        if (memmem(lower.ptr, lower.len, row->literals[i], strlen(row->literals[i])) != NULL) {
            return true;
        }
    }
    return false;
}

/* Keep the heaviest first; of equals, the one that stands first in the catalogue. */
static size_t
insert(const struct diag_cause *cause, const struct diag_cause **out, size_t count, size_t max)
{
    size_t at = count;
    while (at > 0 && diag_cause_weight(out[at - 1]) < diag_cause_weight(cause)) {
        at--;
    }
    if (at == max) {
        return count;
    }
    size_t moved = count < max ? count - at : max - 1 - at;
    memmove(&out[at + 1], &out[at], moved * sizeof(const struct diag_cause *));
    out[at] = cause;
    return count < max ? count + 1 : count;
}

size_t
diag_catalogue_match(const struct diag_catalogue *catalogue, struct bytes line,
    const struct diag_cause **out, size_t max)
{
    char lower_text[4096];
    size_t len = line.len < sizeof(lower_text) ? line.len : sizeof(lower_text);
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        lower_text[i] = (char)tolower(line.ptr[i]);
    }
    struct bytes lower = {(const uint8_t *)lower_text, len};
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct compiled *row = &catalogue->rows[i];
        if (has_literal(row, lower) &&
            (has_code(row, (struct bytes){line.ptr, len}) ||
                (row->code != NULL && pcre2_match(row->code, line.ptr, len, 0, PCRE2_NO_UTF_CHECK,
                                          catalogue->data, catalogue->context) >= 0))) {
            count = insert(row->cause, out, count, max);
        }
    }
    return count;
}
