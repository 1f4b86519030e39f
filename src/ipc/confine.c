#include "ipc/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/own.h"
#include "ipc/confine_tables.h"
#include "ipc/landlock.h"
#include "ipc/role.h"

#include "base/banned.h"

typedef void seccomp_filter;
OWNER(seccomp_filter, seccomp_release)

/* One rule for each name of a list that is separated by blanks. */
MUST_CHECK static enum base_code
add_names(seccomp_filter *filter, uint32_t action, const char *names, struct base_error *err)
{
    char name[64] = "";
    while (*names != '\0') {
        size_t len = strcspn(names, " ");
        (void)snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), names);
        int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR) {
            return base_fail(err, E_CONFINEMENT, "no system call %s in the filter library", name);
        }
        /* One that this architecture lacks has a negative number and no rule. */
        int status = number < 0 ? 0 : seccomp_rule_add(filter, action, number, 0);
        if (status != 0) {
            return base_fail_errno(err, E_CONFINEMENT, -status, "seccomp rule for %s", name);
        }
        names += len;
        names += strspn(names, " ");
    }
    return BASE_OK;
}

/* Calls that are allowed with certain arguments only. */
MUST_CHECK static enum base_code
add_conditions(
    seccomp_filter *filter, const struct ipc_syscall_table *table, struct base_error *err)
{
    int status = 0;
    /* No memory that is both filled by us and executed: code comes from the program's files. */
    status |= seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    status |= seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* abort(3) signals itself; nobody else is ours to signal. */
    status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
        SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    status |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (table->may_start_threads) {
        /* clone3 hides its flags in memory, where a filter cannot look: with ENOSYS the C library
         * falls back to clone, whose flags are seen. */
        status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    }
    if (table->role == IPC_NOTIFIER) {
        for (size_t i = 0; i < sizeof(ipc_notifier_families) / sizeof(ipc_notifier_families[0]);
             i++) {
            status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                SCMP_A0(SCMP_CMP_EQ, ipc_notifier_families[i], 0));
        }
    }
    if (table->role == IPC_FRONT || table->role == IPC_NOTIFIER) {
        for (size_t i = 0; i < sizeof(ipc_front_ioctls) / sizeof(ipc_front_ioctls[0]); i++) {
            status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                SCMP_A1(SCMP_CMP_EQ, ipc_front_ioctls[i], 0));
        }
    }
    return status == 0 ? BASE_OK : base_fail(err, E_CONFINEMENT, "a conditional seccomp rule");
}

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

MUST_CHECK static enum base_code
apply_seccomp(const struct ipc_confinement *confinement, struct base_error *err)
{
    if (is_filter_left_out()) {
        return BASE_OK;
    }
    const struct ipc_syscall_table *table = ipc_syscall_table_find(confinement->role);
    if (table == NULL) {
        return base_fail(err, E_CONFINEMENT, "there is no table of system calls for role %d",
            (int)confinement->role);
    }
    OWN(seccomp_filter) filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return base_fail(err, E_CONFINEMENT, "seccomp_init");
    }
    /* A call by another architecture's numbers is an attack. A binary tree keeps the cost of a call
     * logarithmic; a library without it makes a list. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    TRY(add_names(filter, SCMP_ACT_ALLOW, ipc_syscalls_common, err));
    TRY(add_names(filter, SCMP_ACT_ALLOW, table->allowed, err));
#ifdef KURIER_SANITIZED
    TRY(add_names(filter, SCMP_ACT_ALLOW, ipc_syscalls_sanitizer, err));
#endif
    TRY(add_names(filter, SCMP_ACT_KILL_PROCESS, ipc_syscalls_deadly, err));
    TRY(add_conditions(filter, table, err));
    int status = seccomp_load(filter);
    if (status != 0) {
        return base_fail_errno(err, E_CONFINEMENT, -status, "seccomp_load");
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
