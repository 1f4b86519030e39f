#include "diagnose/certutil.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/own.h"
#include "diagnose/scan.h"
#include "diagnose/text.h"

#include "base/banned.h"

#define ENTRIES_MAX 512
#define NAME_MAX_LEN 600
#define DAY_S ((int64_t)86400)

/* A date whose order of day and month is open has two instants. */
struct instant {
    int64_t first_s;
    int64_t second_s;
    bool is_known;
};

struct entry {
    char serial[100];
    char subject[NAME_MAX_LEN];
    char issuer[NAME_MAX_LEN];
    struct instant from;
    struct instant until;
    bool has_key;       /* a key container is named */
    bool is_key_tested; /* Windows has used it just now */
    bool is_key_missing;
};

struct store {
    struct entry entries[ENTRIES_MAX];
    size_t count;
    bool is_full;
    int64_t now_s;
    probe_on_line on_line;
    void *arg;
};

/* ---- reading
 * --------------------------------------------------------------------------------------------- */

static bool
value_of(struct bytes line, const char *english, const char *german, struct bytes *out)
{
    const char *const labels[] = {english, german};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(labels[i]);
        if (line.len > len && strncasecmp((const char *)line.ptr, labels[i], len) == 0) {
            *out = diag_trim(bytes_skip(line, len));
            return true;
        }
    }
    return false;
}

static int64_t
instant(int year, int month, int day, int hour, int minute)
{
    struct tm parts = {.tm_year = year - 1900,
        .tm_mon = month - 1,
        .tm_mday = day,
        .tm_hour = hour,
        .tm_min = minute};
    return month < 1 || month > 12 || day < 1 || day > 31 ? -1 : (int64_t)timegm(&parts);
}

/* "3/5/2020 8:10 AM", "05.03.2020 08:10", "2020-03-05 08:10". */
static struct instant
read_date(struct bytes text)
{
    int parts[5] = {0};
    size_t count = 0;
    for (size_t i = 0; i < text.len && count < 5;) {
        if (isdigit(text.ptr[i]) == 0) {
            i++;
            continue;
        }
        int value = 0;
        for (; i < text.len && isdigit(text.ptr[i]) != 0 && value < 100000; i++) {
            value = value * 10 + (text.ptr[i] - '0');
        }
        parts[count++] = value;
    }
    struct instant date = {.is_known = false};
    if (count < 3) {
        return date;
    }
    int hour = parts[3];
    hour += diag_has_any_case(text, " PM") && hour < 12 ? 12 : 0;
    hour -= diag_has_any_case(text, " AM") && hour == 12 ? 12 : 0;
    if (parts[0] > 1900) {
        date.first_s = instant(parts[0], parts[1], parts[2], hour, parts[4]);
        date.second_s = date.first_s;
    } else {
        date.first_s = instant(parts[2], parts[0], parts[1], hour, parts[4]);
        date.second_s = instant(parts[2], parts[1], parts[0], hour, parts[4]);
        bool is_dotted = memchr(text.ptr, '.', text.len < 10 ? text.len : 10) != NULL;
        date.first_s = is_dotted || date.first_s < 0 ? date.second_s : date.first_s;
        date.second_s = date.second_s < 0 ? date.first_s : date.second_s;
    }
    date.is_known = date.first_s >= 0;
    return date;
}

static bool
is_heading(struct bytes line)
{
    return line.len > 20 && memcmp(line.ptr, "======", 6) == 0 &&
           (diag_has(line, " Certificate ") || diag_has(line, " Zertifikat "));
}

static void
read_line(void *arg, struct bytes whole)
{
    struct store *store = arg;
    struct bytes line = diag_trim(whole);
    struct bytes value = BYTES_NONE;
    if (is_heading(line)) {
        store->is_full = store->count == ENTRIES_MAX;
        store->count += store->is_full ? 0 : 1;
        return;
    }
    if (store->count == 0 || store->is_full) {
        return;
    }
    struct entry *entry = &store->entries[store->count - 1];
    if (value_of(line, "Serial Number:", "Seriennummer:", &value)) {
        diag_copy(entry->serial, sizeof(entry->serial), value);
    } else if (value_of(line, "Issuer:", "Aussteller:", &value)) {
        diag_copy(entry->issuer, sizeof(entry->issuer), value);
    } else if (value_of(line, "Subject:", "Antragsteller:", &value)) {
        diag_copy(entry->subject, sizeof(entry->subject), value);
    } else if (value_of(line, "NotBefore:", "Nicht vor:", &value)) {
        entry->from = read_date(value);
    } else if (value_of(line, "NotAfter:", "Nicht nach:", &value)) {
        entry->until = read_date(value);
    } else if (value_of(line, "Key Container =", "Schl\xc3\xbcsselcontainer =", &value)) {
        entry->has_key = true;
    } else if (diag_has(line, "test passed") || diag_has(line, "test wurde durchgef") ||
               diag_has(line, "test bestanden")) {
        entry->is_key_tested = true;
    } else if (diag_has(line, "Missing stored keyset") ||
               diag_has(line, "Cannot find the certificate and private key") ||
               diag_has(line, "0x80090016") || diag_has(line, "0x8009000b") ||
               diag_has(line, "test FAILED")) {
        entry->is_key_missing = true;
    }
}

static void
begin_file(void *arg, const char *name)
{
    (void)arg;
    (void)name;
}

static void
end_file(void *arg)
{
    (void)arg;
}

/* ---- judging
 * --------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 6, 7))) static void
say(const struct store *store, enum probe_outcome outcome, const char *check, const char *cause,
    const char *remedy, const char *format, ...)
{
    struct probe_line line = {.outcome = outcome, .check = check, .cause = cause};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line.text, sizeof(line.text), format, arguments);
    va_end(arguments);
    (void)snprintf(line.remedy, sizeof(line.remedy), "%s", remedy);
    store->on_line(store->arg, &line);
}

static bool
is_self_issued(const struct entry *entry)
{
    return entry->subject[0] != '\0' && strcmp(entry->subject, entry->issuer) == 0;
}

static const struct entry *
find_issuer(const struct store *store, const struct entry *of)
{
    for (size_t i = 0; i < store->count; i++) {
        const struct entry *it = &store->entries[i];
        if (it != of && strcmp(it->subject, of->issuer) == 0) {
            return it;
        }
    }
    return NULL;
}

static void
check_validity(const struct store *store, const struct entry *it)
{
    int64_t now_s = store->now_s;
    if (!it->from.is_known || !it->until.is_known) {
        say(store, PROBE_WARNING, "valid", NULL, "Look at the dates by eye.",
            "the dates of %.100s cannot be read", it->subject);
        return;
    }
    bool is_over = it->until.first_s < now_s && it->until.second_s < now_s;
    bool is_early = it->from.first_s > now_s + DAY_S && it->from.second_s > now_s + DAY_S;
    bool is_sure = (it->until.first_s < now_s) == (it->until.second_s < now_s);
    if (is_over) {
        say(store, PROBE_FAILURE, "valid", "cert-expired", "Have the device renew or enrol again.",
            "%.100s has expired", it->subject);
    } else if (is_early) {
        say(store, PROBE_FAILURE, "valid", "scep-fail-badtime", "Set the clocks.",
            "%.100s is not valid yet", it->subject);
    } else if (!is_sure) {
        say(store, PROBE_WARNING, "valid", NULL, "Look at the date by eye.",
            "whether %.100s has expired depends on the order of day and month", it->subject);
    } else {
        say(store, PROBE_OK, "valid", NULL, "", "%.100s is valid now", it->subject);
    }
}

static void
check_key(const struct store *store, const struct entry *it)
{
    if (it->is_key_missing || !it->has_key) {
        say(store, PROBE_FAILURE, "key", "key-set-missing",
            "Remove the certificate and have the profile deliver it again.",
            "%.100s has no private key on this device", it->subject);
    } else if (it->is_key_tested) {
        say(store, PROBE_OK, "key", NULL, "", "Windows has used the key of %.100s", it->subject);
    } else {
        say(store, PROBE_WARNING, "key", NULL,
            "Run certutil -store as the user or computer whose key it is.",
            "a key is named for %.100s, but Windows did not test it", it->subject);
    }
}

static void
check_chain(const struct store *store, const struct entry *it)
{
    const struct entry *at = it;
    for (unsigned depth = 0; depth < 8 && at != NULL && !is_self_issued(at); depth++) {
        const struct entry *issuer = find_issuer(store, at);
        if (issuer == NULL) {
            say(store, PROBE_FAILURE, at == it ? "issuer" : "root",
                at == it ? "chain-incomplete" : "untrusted-root",
                "Deliver the trusted root certificate (and intermediate ones) by profile; give "
                "certutil -store CA and -store Root as well.",
                "the issuer %.150s is not among what was given", at->issuer);
            return;
        }
        if (at == it) {
            say(store, PROBE_OK, "issuer", NULL, "", "%.100s is issued by %.150s", it->subject,
                issuer->subject);
        }
        at = issuer;
    }
    if (at != NULL && is_self_issued(at)) {
        say(store, PROBE_OK, "root", NULL, "", "its root %.150s is there", at->subject);
    }
}

static void
judge(const struct store *store)
{
    size_t leaves = 0;
    for (size_t i = 0; i < store->count; i++) {
        const struct entry *it = &store->entries[i];
        bool is_issuer = false;
        for (size_t k = 0; k < store->count; k++) {
            is_issuer = is_issuer || (k != i && strcmp(store->entries[k].issuer, it->subject) == 0);
        }
        bool is_leaf = !is_self_issued(it) && !is_issuer && it->subject[0] != '\0';
        if (is_leaf) {
            leaves++;
            say(store, PROBE_OK, "certificate", NULL, "", "%.150s, serial %s", it->subject,
                it->serial);
            check_chain(store, it);
            check_key(store, it);
            check_validity(store, it);
        }
    }
    if (leaves == 0) {
        say(store, PROBE_FAILURE, "certificate", "win-no-result-after-36",
            "Look at the device's events 36, 39 and 32 (kurier diagnose).",
            "no certificate of a device or user is there, %zu in all", store->count);
    }
}

enum base_code
certutil_check(const char *const *paths, size_t count, int64_t now_s, probe_on_line on_line,
    void *arg, struct base_error *err)
{
    OWN_MEMORY struct store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return base_fail(err, E_NO_MEMORY, "certificate store");
    }
    store->now_s = now_s;
    store->on_line = on_line;
    store->arg = arg;
    const struct diag_text_visitor visitor = {
        .on_file = begin_file, .on_line = read_line, .on_end = end_file, .arg = store};
    for (size_t i = 0; i < count; i++) {
        TRY(diag_text_visit(paths[i], &visitor, err));
    }
    if (store->count == 0) {
        return base_fail(err, E_DIAGNOSE_INPUT, "%.200s: no output of certutil -store", paths[0]);
    }
    judge(store);
    return BASE_OK;
}
