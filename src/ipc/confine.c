#include "ipc/confine.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/confine_filters.h"
#include "ipc/landlock.h"
#include "ipc/role.h"

#include "base/banned.h"

/* valgrind has no seccomp(2): in a test build, and nowhere else, a role may do without for it. */
static bool
is_filter_left_out(void)
{
#ifdef KURIER_TEST_HOOKS
    return getenv("KURIER_NO_SECCOMP") != NULL;
#else
    return false;
#endif
}

static const struct ipc_filter *
find_filter(enum ipc_role role)
{
    for (size_t i = 0; i < ipc_filter_count; i++) {
        if (ipc_filters[i].role == role) {
            return &ipc_filters[i];
        }
    }
    return NULL;
}

MUST_CHECK static enum base_code
apply_seccomp(const struct ipc_confinement *confinement, struct base_error *err)
{
    if (is_filter_left_out()) {
        return BASE_OK;
    }
    const struct ipc_filter *filter = find_filter(confinement->role);
    if (filter == NULL) {
        return base_fail(err, E_CONFINEMENT, "there is no table of system calls for role %d",
            (int)confinement->role);
    }
    struct sock_filter program[IPC_FILTER_MAX];
    memcpy(program, filter->program, filter->len * sizeof(program[0]));
    program[filter->pid_at].k = (uint32_t)getpid();
    struct sock_fprog loaded = {.len = (unsigned short)filter->len, .filter = program};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) != 0) {
        return base_fail_errno(err, E_CONFINEMENT, errno, "seccomp");
    }
    return BASE_OK;
}

/* A feature that this system lacks: a warning, or the end when the configuration is strict. */
MUST_CHECK static enum base_code
note_absent(const struct ipc_confinement *confinement, const struct base_log *log,
    const char *feature, const struct base_error *why, struct base_error *err)
{
    if (confinement->is_strict) {
        return base_fail(err, E_CONFINEMENT, "%s is missing and confinement is strict: %.180s",
            feature, why->detail);
    }
    struct base_log_record record;
    base_log_begin(&record, log, BASE_LOG_WARN, "confinement_missing", BYTES_NONE);
    base_log_word(&record, "feature", feature);
    base_log_code(&record, why);
    base_log_end(&record);
    return BASE_OK;
}

/* Keys must not be written to the swap. Pages are locked as they are touched (MCL_ONFAULT), because
 * each thread's stack would otherwise be resident whole. A sanitizer's shadow memory cannot be. */
MUST_CHECK static enum base_code
lock_memory(const struct ipc_confinement *confinement, const struct base_log *log, bool *out_locked,
    struct base_error *err)
{
    struct base_error why = {0};
    *out_locked = false;
    if (!confinement->is_memory_locked) {
        return BASE_OK;
    }
#ifndef KURIER_SANITIZED
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) {
        *out_locked = true;
        return BASE_OK;
    }
#endif
    (void)base_fail_errno(&why, E_CONFINEMENT, errno, "mlockall");
    return note_absent(confinement, log, "locked_memory", &why, err);
}

/* Where a sanitizer writes its reports, KURIER_SANITIZER_REPORTS, is one folder more: it opens a
 * file there when it has something to say. No other build has this. */
static void
add_report_folder(const char *writable[IPC_CONFINE_PATHS_MAX + 1])
{
#ifdef KURIER_SANITIZED
    size_t count = 0;
    while (writable[count] != NULL) {
        count++;
    }
    if (count < IPC_CONFINE_PATHS_MAX) {
        writable[count] = getenv("KURIER_SANITIZER_REPORTS");
    }
#else
    (void)writable;
#endif
}

MUST_CHECK static enum base_code
apply_landlock(const struct ipc_confinement *confinement, const struct base_log *log,
    int *out_version, struct base_error *err)
{
    const char *writable[IPC_CONFINE_PATHS_MAX + 1] = {NULL};
    const char *readable[IPC_CONFINE_PATHS_MAX + 1] = {NULL};
    memcpy(writable, confinement->writable, sizeof(confinement->writable));
    memcpy(readable, confinement->readable, sizeof(confinement->readable));
    add_report_folder(writable);
    struct base_error why = {0};
    int version = ipc_landlock_version();
    *out_version = 0;
    if (version == 0) {
        (void)base_fail(&why, E_CONFINEMENT, "this kernel has no Landlock");
    } else if (ipc_landlock_apply(version, writable, readable, confinement->may_connect, &why) ==
               BASE_OK) {
        *out_version = version;
        return BASE_OK;
    }
    return note_absent(confinement, log, "landlock", &why, err);
}

static void
log_confined(const struct ipc_confinement *confinement, const struct base_log *log, int landlock,
    bool is_locked)
{
    char version[16] = "none";
    if (landlock > 0) {
        (void)snprintf(version, sizeof(version), "abi%d", landlock);
    }
    struct base_log_record record;
    base_log_begin(&record, log, BASE_LOG_INFO, "confined", BYTES_NONE);
    base_log_word(
        &record, "seccomp", is_filter_left_out() ? "none" : ipc_role_name(confinement->role));
    base_log_word(&record, "landlock", version);
    base_log_word(&record, "no_new_privs", "yes");
    base_log_number(&record, "user", (int64_t)geteuid());
    base_log_word(&record, "dumpable", "no");
    base_log_number(&record, "core", 0);
    base_log_word(&record, "locked", is_locked ? "yes" : "no");
    base_log_end(&record);
}

enum base_code
ipc_confine(
    const struct ipc_confinement *confinement, const struct base_log *log, struct base_error *err)
{
    const struct rlimit nothing = {0, 0};
    int landlock = 0;
    bool is_locked = false;
    if (setrlimit(RLIMIT_CORE, &nothing) != 0) {
        return base_fail_errno(err, E_CONFINEMENT, errno, "RLIMIT_CORE");
    }
    /* Not dumpable also means that no process of the same user may trace us or read our memory. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return base_fail_errno(err, E_CONFINEMENT, errno, "prctl");
    }
    TRY(lock_memory(confinement, log, &is_locked, err));
    TRY(apply_landlock(confinement, log, &landlock, err));
    TRY(apply_seccomp(confinement, err));
    log_confined(confinement, log, landlock, is_locked);
    return BASE_OK;
}
