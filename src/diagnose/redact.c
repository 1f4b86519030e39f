#include "diagnose/redact.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define TABLE_LEN 8192 /* chains; a power of two */
#define HEX_ID_MIN 16  /* hexadecimal digits of a serial, a thumbprint, a transactionID */
#define DATA_MIN 40    /* characters of base64 */
#define GUID_LEN 36

enum kind {
    KIND_NAME,
    KIND_HOST,
    KIND_ADDRESS,
    KIND_ACCOUNT,
    KIND_ID,
    KIND_SECRET,
    KIND_DATA,
    KINDS
};

static const char *const words[KINDS] = {
    "name", "host", "address", "account", "id", "secret", "data"};

struct known {
    struct known *next;
    enum kind kind;
    unsigned number;
    size_t len;
    char text[];
};

struct redaction {
    struct known *table[TABLE_LEN];
    unsigned counts[KINDS];
    bool is_out_of_memory;
};

/* A text that is being written anew. */
struct sink {
    char text[DIAG_TEXT_MAX];
    size_t len;
};

/* ---- the same word for the same thing
 * --------------------------------------------------------------------------- */

static size_t
hash(enum kind kind, const char *text, size_t len)
{
    size_t value = 2166136261U + (size_t)kind;
    for (size_t i = 0; i < len; i++) {
        value = (value ^ (size_t)tolower((unsigned char)text[i])) * 16777619U;
    }
    return value % TABLE_LEN;
}

static unsigned
number_of(struct redaction *redaction, enum kind kind, const char *text, size_t len)
{
    struct known **chain = &redaction->table[hash(kind, text, len)];
    for (const struct known *at = *chain; at != NULL; at = at->next) {
        if (at->kind == kind && at->len == len && strncasecmp(at->text, text, len) == 0) {
            return at->number;
        }
    }
    struct known *known = malloc(sizeof(*known) + len);
    if (known == NULL) {
        redaction->is_out_of_memory = true;
        return 0;
    }
    known->next = *chain;
    known->kind = kind;
    known->number = ++redaction->counts[kind];
    known->len = len;
    memcpy(known->text, text, len);
    *chain = known;
    return known->number;
}

static void
forget(struct redaction *redaction)
{
    for (size_t i = 0; i < TABLE_LEN; i++) {
        while (redaction->table[i] != NULL) {
            struct known *known = redaction->table[i];
            redaction->table[i] = known->next;
            free(known);
        }
    }
}

static void
put(struct sink *sink, const char *text, size_t len)
{
    size_t room = sizeof(sink->text) - 1 - sink->len;
    len = len < room ? len : room;
    memcpy(sink->text + sink->len, text, len);
    sink->len += len;
    sink->text[sink->len] = '\0';
}

static void
put_word(
    struct redaction *redaction, struct sink *sink, enum kind kind, const char *text, size_t len)
{
    char word[32];
    int written =
        snprintf(word, sizeof(word), "%s-%u", words[kind], number_of(redaction, kind, text, len));
    put(sink, word, (size_t)written);
}

/* ---- what a token is
 * ----------------------------------------------------------------------------------------- */

static size_t
hex_run(const char *text)
{
    size_t len = 0;
    while (isxdigit((unsigned char)text[len]) != 0) {
        len++;
    }
    return len;
}

/* 8-4-4-4-12 hexadecimal digits; '_' stands for '-' in the names of some files. */
static bool
is_guid(const char *text)
{
    for (size_t i = 0; i < GUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' && text[i] != '_' : isxdigit((unsigned char)text[i]) == 0) {
            return false;
        }
    }
    return isxdigit((unsigned char)text[GUID_LEN]) == 0;
}

static bool
is_token(char c)
{
    return isalnum((unsigned char)c) != 0 || (c != '\0' && strchr("._-", c) != NULL) ||
           (unsigned char)c >= 0x80;
}

static size_t
token_len(const char *text)
{
    size_t len = 0;
    while (is_token(text[len])) {
        len++;
    }
    while (len > 0 && strchr("._-", text[len - 1]) != NULL) {
        len--;
    }
    return len;
}

static bool
is_ipv4(const char *text, size_t len)
{
    unsigned groups = 0;
    unsigned value = 0;
    size_t digits = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i == len || text[i] == '.') {
            if (digits == 0 || digits > 3 || value > 255) {
                return false;
            }
            groups++;
            value = 0;
            digits = 0;
        } else if (isdigit((unsigned char)text[i]) != 0) {
            value = value * 10 + (unsigned)(text[i] - '0');
            digits++;
        } else {
            return false;
        }
    }
    return groups == 4;
}

/* Hexadecimal groups with at least three colons, or "::": no time of day has that. */
static size_t
ipv6_len(const char *text)
{
    size_t len = 0;
    unsigned colons = 0;
    bool has_double = false;
    while (isxdigit((unsigned char)text[len]) != 0 || text[len] == ':') {
        colons += text[len] == ':' ? 1 : 0;
        has_double = has_double || (text[len] == ':' && text[len + 1] == ':');
        len++;
    }
    return colons >= 2 && colons <= 7 && (has_double || colons >= 4) && len > 2 ? len : 0;
}

static bool
begins_with_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncasecmp(text, list[i], strlen(list[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Classes of the programs that write these logs. */
static bool
is_class(const char *text)
{
    static const char *const packages[] = {"com.", "org.", "java.", "javax.", "android.",
        "androidx.", "kotlin.", "system.", "microsoft.", "windows.", "schemas.", "dalvik.", "sun.",
        "rx.", "io."};
    return begins_with_one_of(text, packages, sizeof(packages) / sizeof(packages[0]));
}

/* Dotted, and neither a program's file nor a class. */
static bool
is_host(const char *text, size_t len)
{
    static const char *const suffixes[] = {"dll", "exe", "log", "xml", "svc", "txt", "evtx", "asmx",
        "aspx", "p7b", "crt", "cer", "pem", "key", "crl", "sys", "msi", "ps1", "zip", "gz",
        "svclog", "yaml", "json", "java", "kt", "cs", "cpp", "c", "h", "m", "mm", "swift", "go",
        "py", "plist", "mobileconfig", "db", "html", "conf", "cfg", "inf", "tmp", "dat"};
    const char *dot = memrchr(text, '.', len);
    if (dot == NULL || dot == text || isalpha((unsigned char)dot[1]) == 0) {
        return false;
    }
    size_t suffix = len - (size_t)(dot + 1 - text);
    for (size_t i = 0; i < suffix; i++) {
        if (isalpha((unsigned char)dot[1 + i]) == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strlen(suffixes[i]) == suffix && strncasecmp(dot + 1, suffixes[i], suffix) == 0) {
            return false;
        }
    }
    return suffix >= 2 && !is_class(text);
}

/* ---- what a key before a value says
 * -------------------------------------------------------------------------- */

/* The value of a name's attribute ends with the attribute. */
static size_t
name_len(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0' && strchr(",;\"'<>|&/\r\n+)", text[len]) == NULL) {
        len++;
    }
    return len;
}

static size_t
secret_len(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0' && strchr(" ,;\"'<>|&\r\n)", text[len]) == NULL) {
        len++;
    }
    return len;
}

struct key {
    const char *word; /* with its separator; compared without case */
    enum kind kind;
};

/* Is @text, at the beginning of a word, a key whose value names somebody? Its length; 0: no. */
static size_t
key_len(const char *text, enum kind *out_kind)
{
    static const struct key keys[] = {{"CN=", KIND_NAME}, {"OU=", KIND_NAME}, {"O=", KIND_NAME},
        {"DC=", KIND_NAME}, {"L=", KIND_NAME}, {"ST=", KIND_NAME}, {"E=", KIND_NAME},
        {"UID=", KIND_NAME}, {"SERIALNUMBER=", KIND_NAME}, {"emailAddress=", KIND_NAME},
        {"GN=", KIND_NAME}, {"SN=", KIND_NAME}, {"device=", KIND_NAME}, {"DeviceName=", KIND_NAME},
        {"challengePassword=", KIND_SECRET}, {"challengePassword: ", KIND_SECRET},
        {"challenge=", KIND_SECRET}, {"challenge: ", KIND_SECRET}, {"password=", KIND_SECRET},
        {"password: ", KIND_SECRET}, {"secret=", KIND_SECRET}, {"token=", KIND_SECRET},
        {"message=", KIND_DATA}, {"transaction_id=", KIND_ID}, {"transactionID=", KIND_ID},
        {"transactionID: ", KIND_ID}, {"Transaction ID: ", KIND_ID}, {"computer=", KIND_HOST},
        {"Computer: ", KIND_HOST}, {"Users\\", KIND_ACCOUNT}, {"/home/", KIND_ACCOUNT},
        {"/Users/", KIND_ACCOUNT}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t len = strlen(keys[i].word);
        if (strncasecmp(text, keys[i].word, len) == 0) {
            *out_kind = keys[i].kind;
            return len;
        }
    }
    return 0;
}

static size_t
value_len(enum kind kind, const char *text)
{
    if (kind == KIND_NAME) {
        return name_len(text);
    }
    return kind == KIND_ACCOUNT ? strcspn(text, "\\/ \"'<>|&\r\n") : secret_len(text);
}

/* ---- a text
 * --------------------------------------------------------------------------------------------------
 */

/* Escaped or not; '=' stands at its end only. */
static size_t
base64_len(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) != 0 || text[len] == '+' || text[len] == '/' ||
           (text[len] == '%' && isxdigit((unsigned char)text[len + 1]) != 0)) {
        len++;
    }
    while (text[len] == '=') {
        len++;
    }
    return len;
}

/* Has base64 both cases and a digit? A path of words has not. */
static bool
is_data(const char *text, size_t len)
{
    bool has_upper = false;
    bool has_lower = false;
    bool has_digit = false;
    for (size_t i = 0; i < len; i++) {
        has_upper = has_upper || isupper((unsigned char)text[i]) != 0;
        has_lower = has_lower || islower((unsigned char)text[i]) != 0;
        has_digit = has_digit || isdigit((unsigned char)text[i]) != 0;
    }
    return len >= DATA_MIN && has_upper && has_lower && has_digit;
}

/* @at: the beginning of a word. Takes what names somebody; 0: nothing does. */
static size_t
take_word(struct redaction *redaction, struct sink *sink, const char *at)
{
    enum kind kind = KIND_NAME;
    size_t key = key_len(at, &kind);
    if (key > 0) {
        size_t value = value_len(kind, at + key);
        put(sink, at, key);
        if (value > 0) {
            put_word(redaction, sink, kind, at + key, value);
        }
        return key + value;
    }
    size_t len = is_guid(at) ? GUID_LEN : hex_run(at);
    if (len == GUID_LEN || (len >= HEX_ID_MIN && !is_token(at[len]))) {
        put_word(redaction, sink, KIND_ID, at, len);
        return len;
    }
    len = ipv6_len(at);
    if (len > 0) {
        put_word(redaction, sink, KIND_ADDRESS, at, len);
        return len;
    }
    len = base64_len(at);
    if (is_data(at, len)) {
        put_word(redaction, sink, KIND_DATA, at, len);
        return len;
    }
    len = token_len(at);
    if (len > 0 && at[len] == '@' && !is_class(at) && token_len(at + len + 1) > 0) {
        size_t whole = len + 1 + token_len(at + len + 1);
        put_word(redaction, sink, KIND_ACCOUNT, at, whole);
        return whole;
    }
    if (len > 1 && at[len] == '\\' && at[len + 1] != '\\' && isalpha((unsigned char)at[0]) != 0 &&
        token_len(at + len + 1) > 0 && at[len + 1 + token_len(at + len + 1)] != '\\') {
        size_t whole = len + 1 + token_len(at + len + 1);
        put_word(redaction, sink, KIND_ACCOUNT, at, whole);
        return whole;
    }
    if (len > 0 && (is_ipv4(at, len) || is_host(at, len))) {
        put_word(redaction, sink, is_ipv4(at, len) ? KIND_ADDRESS : KIND_HOST, at, len);
        return len;
    }
    return 0;
}

/* Ids within longer words, as in ModelName=AC_51bad41f-...%2FLogicalName_39907e78_... */
static size_t
take_inside(struct redaction *redaction, struct sink *sink, const char *at)
{
    size_t run = hex_run(at);
    size_t len = is_guid(at) ? GUID_LEN : run >= HEX_ID_MIN ? run : 0;
    if (len > 0) {
        put_word(redaction, sink, KIND_ID, at, len);
    }
    return len;
}

/* Is the character before @at one that a word goes on after? */
static bool
is_word_begin(const char *text, const char *at)
{
    return at == text || !is_token(at[-1]);
}

static bool
is_digit_run_begin(const char *text, const char *at)
{
    return at == text || isxdigit((unsigned char)at[-1]) == 0;
}

static void
redact_text(struct redaction *redaction, char *text, size_t size)
{
    struct sink sink = {.len = 0};
    const char *at = text;
    sink.text[0] = '\0';
    while (*at != '\0') {
        size_t taken = is_word_begin(text, at)        ? take_word(redaction, &sink, at)
                       : is_digit_run_begin(text, at) ? take_inside(redaction, &sink, at)
                                                      : 0;
        if (taken == 0) {
            put(&sink, at, 1);
            taken = 1;
        }
        at += taken;
    }
    (void)snprintf(text, size, "%s", sink.text);
}

/* ---- a delivery
 * ------------------------------------------------------------------------------------------------
 */

static void
redact_id(struct redaction *redaction, char *text, size_t size, enum kind kind)
{
    char word[32];
    if (text[0] != '\0') {
        (void)snprintf(word, sizeof(word), "%s-%u", words[kind],
            number_of(redaction, kind, text, strlen(text)));
        (void)snprintf(text, size, "%s", word);
    }
}

/* A path tells of folders, and folders of people. */
static const char *
without_folders(const char *path)
{
    const char *name = path == NULL ? NULL : strrchr(path, '/');
    return name == NULL ? path : name + 1;
}

static void
redact_delivery(void *arg, struct diag_delivery *delivery)
{
    struct redaction *redaction = arg;
    redact_text(redaction, delivery->ids.subject, sizeof(delivery->ids.subject));
    redact_text(redaction, delivery->ids.model, sizeof(delivery->ids.model));
    redact_text(redaction, delivery->ids.client, sizeof(delivery->ids.client));
    redact_id(redaction, delivery->ids.transaction, sizeof(delivery->ids.transaction), KIND_ID);
    redact_id(redaction, delivery->ids.serial, sizeof(delivery->ids.serial), KIND_ID);
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        struct diag_evidence *evidence = &delivery->evidence[i];
        redact_text(redaction, evidence->text, sizeof(evidence->text));
        evidence->file = without_folders(evidence->file);
    }
}

enum base_code
diag_redact(struct diag_deliveries *deliveries, struct base_error *err)
{
    struct redaction *redaction = calloc(1, sizeof(*redaction));
    if (redaction == NULL) {
        return base_fail(err, E_NO_MEMORY, "redaction");
    }
    diag_deliveries_each(deliveries, redact_delivery, redaction);
    bool is_good = !redaction->is_out_of_memory;
    forget(redaction);
    free(redaction);
    return is_good ? BASE_OK : base_fail(err, E_NO_MEMORY, "redaction");
}
