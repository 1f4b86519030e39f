#include "diagnose/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "diagnose/evtx.h"
#include "diagnose/limits.h"

#include "base/banned.h"

#define CHUNK ((size_t)262144)
/* Of a call that meets damage libarchive gives nothing: so many octets at a time. */
#define ARCHIVE_STEP ((size_t)65536)
#define EVTX_MAX ((size_t)512 * 1024 * 1024) /* octets of one that is no file of its own */
#define ELEMENT_END "</E2ETraceEvent>"

typedef struct archive archive_type;
OWNER(archive_type, archive_read_free)

/* One input that is read. */
struct reading {
    const struct diag_text_visitor *visitor;
    size_t files;
    size_t octets;
    int depth;
    /* of the present file */
    bool is_begun;
    iconv_t converter; /* (iconv_t)-1: UTF-8 */
    bool is_cut;       /* the present line is too long: the rest of it is passed over */
    size_t line_len;
    size_t pending_len; /* octets of an unfinished UTF-16 character */
    char pending[8];
    char line[DIAG_LINE_MAX];
    char converted[2 * CHUNK];
};

static void
flush_line(struct reading *reading)
{
    reading->visitor->on_line(
        reading->visitor->arg, (struct bytes){(const uint8_t *)reading->line, reading->line_len});
    reading->line_len = 0;
    reading->is_cut = false;
}

/* A piece of a line; the line goes on. */
static void
add_piece(struct reading *reading, const char *octets, size_t len)
{
    size_t room = sizeof(reading->line) - reading->line_len;
    if (reading->is_cut) {
        return;
    }
    if (len > room) {
        reading->is_cut = true;
        len = room;
    }
    memcpy(reading->line + reading->line_len, octets, len);
    reading->line_len += len;
}

/* Elements of a rootless XML stand on one line of any length: each is a line of its own. */
static void
split_elements(struct reading *reading, const char *octets, size_t len)
{
    const size_t end_len = sizeof(ELEMENT_END) - 1;
    const char *at = NULL;
    while ((at = memmem(octets, len, ELEMENT_END, end_len)) != NULL) {
        size_t piece = (size_t)(at - octets) + end_len;
        add_piece(reading, octets, piece);
        flush_line(reading);
        octets += piece;
        len -= piece;
    }
    add_piece(reading, octets, len);
}

static void
take_utf8(struct reading *reading, const char *octets, size_t len)
{
    while (len > 0) {
        const char *newline = memchr(octets, '\n', len);
        size_t piece = newline == NULL ? len : (size_t)(newline - octets);
        split_elements(reading, octets, piece);
        if (newline == NULL) {
            return;
        }
        flush_line(reading);
        octets += piece + 1;
        len -= piece + 1;
    }
}

static void
take_utf16(struct reading *reading, const char *octets, size_t len)
{
    char *in = (char *)(uintptr_t)octets; /* iconv(3) does not write to it */
    while (len > 0) {
        char *out = reading->converted;
        size_t room = sizeof(reading->converted);
        size_t before = len;
        size_t status = iconv(reading->converter, &in, &len, &out, &room);
        take_utf8(reading, reading->converted, sizeof(reading->converted) - room);
        if (status == (size_t)-1 && errno == EINVAL) {
            break; /* the rest is the beginning of a character */
        }
        if (status == (size_t)-1 && errno == EILSEQ) {
            size_t skipped = len < 2 ? len : 2;
            in += skipped;
            len -= skipped;
        } else if (len == before) {
            break;
        }
    }
    reading->pending_len = len < sizeof(reading->pending) ? len : 0;
    memcpy(reading->pending, in, reading->pending_len);
}

/* By its beginning: a BOM, or a NUL in every other octet. */
static const char *
encoding_of(const char *octets, size_t len, size_t *out_bom)
{
    size_t odd = 0;
    size_t even = 0;
    size_t sampled = len < 400 ? len : 400;
    *out_bom = 0;
    if (len >= 2 && (memcmp(octets, "\xff\xfe", 2) == 0 || memcmp(octets, "\xfe\xff", 2) == 0)) {
        *out_bom = 2;
        return octets[0] == '\xff' ? "UTF-16LE" : "UTF-16BE";
    }
    if (len >= 3 && memcmp(octets, "\xef\xbb\xbf", 3) == 0) {
        *out_bom = 3;
        return NULL;
    }
    for (size_t i = 0; i + 1 < sampled; i += 2) {
        even += octets[i] == 0 ? 1 : 0;
        odd += octets[i + 1] == 0 ? 1 : 0;
    }
    if (sampled >= 8 && odd > sampled / 4 && even == 0) {
        return "UTF-16LE";
    }
    return sampled >= 8 && even > sampled / 4 && odd == 0 ? "UTF-16BE" : NULL;
}

static void
begin_content(struct reading *reading, const char *octets, size_t len, size_t *out_bom)
{
    const char *encoding = encoding_of(octets, len, out_bom);
    reading->is_begun = true;
    reading->converter = encoding == NULL ? (iconv_t)-1 : iconv_open("UTF-8", encoding);
}

static void
take(struct reading *reading, const char *octets, size_t len)
{
    size_t bom = 0;
    if (!reading->is_begun) {
        begin_content(reading, octets, len, &bom);
    }
    reading->octets += len;
    if (reading->visitor->on_progress != NULL) {
        reading->visitor->on_progress(reading->visitor->arg, reading->octets);
    }
    if (reading->converter == (iconv_t)-1) {
        take_utf8(reading, octets + bom, len - bom);
        return;
    }
    /* What the last chunk began ends octet by octet: it may be two units of two. */
    while (reading->pending_len > 0 && len > 0) {
        char joined[sizeof(reading->pending) + 1];
        size_t joined_len = reading->pending_len + 1;
        memcpy(joined, reading->pending, reading->pending_len);
        joined[reading->pending_len] = octets[0];
        take_utf16(reading, joined, joined_len);
        octets++;
        len--;
    }
    if (len > bom) {
        take_utf16(reading, octets + bom, len - bom);
    }
}

static void
begin_file(struct reading *reading, const char *name)
{
    reading->is_begun = false;
    reading->converter = (iconv_t)-1;
    reading->is_cut = false;
    reading->line_len = 0;
    reading->pending_len = 0;
    reading->visitor->on_file(reading->visitor->arg, name);
}

static void
end_file(struct reading *reading)
{
    if (reading->line_len > 0) {
        flush_line(reading);
    }
    if (reading->converter != (iconv_t)-1) {
        (void)iconv_close(reading->converter);
        reading->converter = (iconv_t)-1;
    }
    reading->visitor->on_end(reading->visitor->arg);
}

/* ---- binary event logs
 * ---------------------------------------------------------------------------------------- */

static enum base_code
visit_evtx(struct reading *reading, const char *name, int fd, struct base_error *err)
{
    struct diag_evtx evtx;
    OWN_MEMORY char *chunk = malloc(CHUNK);
    if (chunk == NULL) {
        return base_fail(err, E_NO_MEMORY, "event log");
    }
    TRY(diag_evtx_begin(fd, &evtx, err));
    begin_file(reading, name);
    for (;;) {
        ssize_t got = read(evtx.fd, chunk, CHUNK);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        take(reading, chunk, (size_t)got);
    }
    end_file(reading);
    diag_evtx_end(&evtx);
    return BASE_OK;
}

/* Octets of an event log that comes out of an archive or a pipe: libevtx wants a file. */
typedef ssize_t (*read_more)(void *from, char *chunk, size_t size);

static enum base_code
spool_evtx(struct reading *reading, const char *name, char *chunk, size_t got, read_more more,
    void *from, struct base_error *err)
{
    OWN_FD int fd = memfd_create("evtx", MFD_CLOEXEC);
    size_t size = 0;
    if (fd < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "memfd_create");
    }
    while (got > 0) {
        size += got;
        if (size > EVTX_MAX) {
            return base_fail(err, E_TOO_LARGE, "%.200s has more than %zu octets", name, EVTX_MAX);
        }
        for (size_t written = 0; written < got;) {
            ssize_t step = write(fd, chunk + written, got - written);
            if (step <= 0) {
                return base_fail_errno(err, E_SYSTEM, errno, "write to a memory file");
            }
            written += (size_t)step;
        }
        ssize_t next = more(from, chunk, CHUNK);
        got = next > 0 ? (size_t)next : 0;
    }
    return visit_evtx(reading, name, fd, err);
}

static ssize_t
more_of_archive(void *from, char *chunk, size_t size)
{
    return archive_read_data(from, chunk, size < ARCHIVE_STEP ? size : ARCHIVE_STEP);
}

static ssize_t
more_of_pipe(void *from, char *chunk, size_t size)
{
    ssize_t got = -1;
    do {
        got = read(*(const int *)from, chunk, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* ---- archives
 * ----------------------------------------------------------------------------------------- */

static bool
is_evtx(const char *octets, size_t len)
{
    return diag_is_evtx((struct bytes){(const uint8_t *)octets, len});
}

static enum base_code
take_entry(struct reading *reading, archive_type *archive, size_t *unpacked, const char *name,
    struct base_error *err)
{
    OWN_MEMORY char *chunk = malloc(CHUNK);
    if (chunk == NULL) {
        return base_fail(err, E_NO_MEMORY, "archive");
    }
    bool is_first = true;
    for (;;) {
        la_ssize_t got = archive_read_data(archive, chunk, ARCHIVE_STEP);
        if (is_first && got > 0 && is_evtx(chunk, (size_t)got)) {
            return spool_evtx(reading, name, chunk, (size_t)got, more_of_archive, archive, err);
        }
        if (is_first) {
            begin_file(reading, name);
            is_first = false;
        }
        if (got <= 0) {
            break; /* what was read of a damaged archive counts */
        }
        *unpacked += (size_t)got;
        if (*unpacked > DIAG_UNPACKED_MAX) {
            end_file(reading);
            return base_fail(err, E_TOO_LARGE, "%.200s unpacks to more than %zu octets", name,
                DIAG_UNPACKED_MAX);
        }
        take(reading, chunk, (size_t)got);
    }
    end_file(reading);
    return BASE_OK;
}

static enum base_code
visit_archive(struct reading *reading, const char *path, int fd, struct base_error *err)
{
    OWN(archive_type) archive = archive_read_new();
    struct archive_entry *entry = NULL;
    size_t unpacked = 0;
    if (archive == NULL || archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
        archive_read_support_format_zip(archive) != ARCHIVE_OK ||
        archive_read_support_format_raw(archive) != ARCHIVE_OK ||
        archive_read_open_fd(archive, fd, CHUNK) != ARCHIVE_OK) {
        return base_fail(err, E_DIAGNOSE_INPUT, "%.200s: no archive that can be read", path);
    }
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        char name[1024];
        const char *inner = archive_entry_pathname(entry);
        bool is_file =
            archive_entry_filetype(entry) == AE_IFREG || archive_entry_filetype(entry) == 0;
        if (!is_file) {
            continue;
        }
        if (++reading->files > DIAG_FILES_MAX) {
            return base_fail(err, E_TOO_LARGE, "more than %d files", DIAG_FILES_MAX);
        }
        (void)snprintf(name, sizeof(name), "%.500s%s%.500s", path,
            inner == NULL || strcmp(inner, "data") == 0 ? "" : "/",
            inner == NULL || strcmp(inner, "data") == 0 ? "" : inner);
        TRY(take_entry(reading, archive, &unpacked, name, err));
    }
    return BASE_OK;
}

/* ---- files and folders
 * -------------------------------------------------------------------------------- */

static bool
is_archive(const char *octets, size_t len)
{
    return len >= 4 && (memcmp(octets, "\x1f\x8b", 2) == 0 || memcmp(octets, "PK\x03\x04", 4) == 0);
}

static enum base_code
visit_fd(struct reading *reading, const char *path, int fd, struct base_error *err)
{
    OWN_MEMORY char *chunk = malloc(CHUNK);
    bool is_first = true;
    if (chunk == NULL) {
        return base_fail(err, E_NO_MEMORY, "file");
    }
    if (++reading->files > DIAG_FILES_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d files", DIAG_FILES_MAX);
    }
    for (;;) {
        ssize_t got = read(fd, chunk, CHUNK);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return base_fail_errno(err, E_DIAGNOSE_INPUT, errno, "%.200s", path);
        }
        if (is_first && is_archive(chunk, (size_t)got) && lseek(fd, 0, SEEK_SET) == 0) {
            return visit_archive(reading, path, fd, err);
        }
        if (is_first && is_evtx(chunk, (size_t)got)) {
            return lseek(fd, 0, SEEK_SET) == 0
                       ? visit_evtx(reading, path, fd, err)
                       : spool_evtx(reading, path, chunk, (size_t)got, more_of_pipe, &fd, err);
        }
        if (is_first) {
            begin_file(reading, path);
            is_first = false;
        }
        if (got == 0) {
            end_file(reading);
            return BASE_OK;
        }
        take(reading, chunk, (size_t)got);
    }
}

static enum base_code visit_path(struct reading *reading, const char *path, struct base_error *err);

static int
is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.' ? 1 : 0;
}

static enum base_code
visit_folder(struct reading *reading, const char *path, struct base_error *err)
{
    struct dirent **entries = NULL;
    if (++reading->depth > DIAG_DEPTH_MAX) {
        return base_fail(
            err, E_TOO_LARGE, "folders deeper than %d at %.200s", DIAG_DEPTH_MAX, path);
    }
    int count = scandir(path, &entries, is_shown, alphasort);
    enum base_code code =
        count < 0 ? base_fail_errno(err, E_DIAGNOSE_INPUT, errno, "%.200s", path) : BASE_OK;
    for (int i = 0; i < count; i++) {
        char name[4096];
        int len = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (code == BASE_OK && len > 0 && len < (int)sizeof(name)) {
            code = visit_path(reading, name, err);
        }
        free(entries[i]);
    }
    free(entries);
    reading->depth--;
    return code;
}

static enum base_code
visit_path(struct reading *reading, const char *path, struct base_error *err)
{
    struct stat about;
    if (strcmp(path, "-") == 0) {
        return visit_fd(reading, "standard input", STDIN_FILENO, err);
    }
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &about) != 0) {
        return base_fail_errno(err, E_DIAGNOSE_INPUT, errno, "%.200s", path);
    }
    if (S_ISDIR(about.st_mode)) {
        return visit_folder(reading, path, err);
    }
    if (!S_ISREG(about.st_mode) && reading->depth > 0) {
        return BASE_OK; /* a device or a socket among the files of a folder */
    }
    (void)fcntl(fd, F_SETFL, 0); /* a pipe that was named is waited for */
    return visit_fd(reading, path, fd, err);
}

enum base_code
diag_text_visit(const char *path, const struct diag_text_visitor *visitor, struct base_error *err)
{
    OWN_MEMORY struct reading *reading = calloc(1, sizeof(*reading));
    if (reading == NULL) {
        return base_fail(err, E_NO_MEMORY, "input");
    }
    reading->visitor = visitor;
    reading->converter = (iconv_t)-1;
    return visit_path(reading, path, err);
}
