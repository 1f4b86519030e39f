#include "diagnose/evtx.h"

#include <errno.h>
#include <libevtx.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

#define CPU_MAX_S 120
#define MEMORY_MAX ((rlim_t)768 * 1024 * 1024)
#define XML_MAX ((size_t)1024 * 1024) /* of one event */

/* The sanitizers reserve terabytes of addresses. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

bool
diag_is_evtx(struct bytes beginning)
{
    return beginning.len >= 8 && memcmp(beginning.ptr, "ElfFile\0", 8) == 0;
}

/* ---- in the process of its own
 * ----------------------------------------------------------------------------- */

static void
limit_ourselves(void)
{
    const struct rlimit time = {CPU_MAX_S, CPU_MAX_S};
    const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
    const struct rlimit none = {0, 0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CPU, &time);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setrlimit(RLIMIT_FSIZE, &none);
    if (!IS_SANITIZED) {
        (void)setrlimit(RLIMIT_AS, &memory);
    }
}

static void
write_all(int fd, const uint8_t *octets, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, octets, len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            _exit(0); /* nobody reads any more */
        }
        octets += written;
        len -= (size_t)written;
    }
}

static void
write_record(libevtx_record_t *record, int to)
{
    size_t size = 0;
    if (libevtx_record_get_utf8_xml_string_size(record, &size, NULL) != 1 || size < 2 ||
        size > XML_MAX) {
        return;
    }
    OWN_MEMORY uint8_t *xml = malloc(size);
    if (xml != NULL && libevtx_record_get_utf8_xml_string(record, xml, size, NULL) == 1) {
        write_all(to, xml, strnlen((const char *)xml, size));
        write_all(to, (const uint8_t *)"\n", 1);
    }
}

typedef int (*get_record)(libevtx_file_t *, int, libevtx_record_t **, libevtx_error_t **);

static void
write_records(libevtx_file_t *file, int count, get_record get, int to)
{
    for (int i = 0; i < count; i++) {
        libevtx_record_t *record = NULL;
        if (get(file, i, &record, NULL) == 1) {
            write_record(record, to);
            (void)libevtx_record_free(&record, NULL);
        }
    }
}

_Noreturn static void
convert(int from, int to)
{
    char path[64];
    libevtx_file_t *file = NULL;
    int count = 0;
    limit_ourselves();
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", from);
    if (libevtx_file_initialize(&file, NULL) == 1 &&
        libevtx_file_open(file, path, LIBEVTX_OPEN_READ, NULL) == 1) {
        if (libevtx_file_get_number_of_records(file, &count, NULL) == 1) {
            write_records(file, count, libevtx_file_get_record_by_index, to);
        }
        if (libevtx_file_get_number_of_recovered_records(file, &count, NULL) == 1) {
            write_records(file, count, libevtx_file_get_recovered_record_by_index, to);
        }
    }
    _exit(0);
}

/* ---- in ours
 * -----------------------------------------------------------------------------------------------
 */

enum base_code
diag_evtx_begin(int fd, struct diag_evtx *out, struct base_error *err)
{
    int ends[2] = {-1, -1};
    if (pipe(ends) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        convert(fd, ends[1]);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return base_fail_errno(err, E_SYSTEM, errno, "fork");
    }
    *out = (struct diag_evtx){ends[0], pid};
    return BASE_OK;
}

void
diag_evtx_end(struct diag_evtx *evtx)
{
    (void)close(evtx->fd);
    (void)kill(evtx->pid, SIGKILL);
    while (waitpid(evtx->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}
