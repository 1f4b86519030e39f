/*
 * kurier-filters: ipc/confine_filters.c, from the tables of ipc/confine_tables.c, by libseccomp. A
 * build runs it; it is not installed.
 */
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ipc/confine_filters.h"
#include "ipc/confine_tables.h"

#include "base/banned.h"

static void
need(int status, const char *what)
{
    if (status != 0) {
        (void)fprintf(stderr, "kurier-filters: %s: %s\n", what, strerror(-status));
        exit(1);
    }
}

/* One rule for each name of a list that is separated by blanks. */
static void
add_names(scmp_filter_ctx filter, uint32_t action, const char *names)
{
    char name[64] = "";
    while (*names != '\0') {
        size_t len = strcspn(names, " ");
        (void)snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), names);
        int number = seccomp_syscall_resolve_name(name);
        need(number == __NR_SCMP_ERROR ? -ENOSYS : 0, name);
        /* One that this architecture lacks has a negative number and no rule. */
        if (number >= 0) {
            need(seccomp_rule_add(filter, action, number, 0), name);
        }
        names += len;
        names += strspn(names, " ");
    }
}

/* Calls that are allowed with certain arguments only. */
static void
add_conditions(scmp_filter_ctx filter, const struct ipc_syscall_table *table)
{
    int status = 0;
    /* No memory that is both filled by us and executed: code comes from the program's files. */
    status |= seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    status |= seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* abort(3) signals itself; nobody else is ours to signal. */
    status |= seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, IPC_FILTER_PID_MARK, 0));
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
    need(status == 0 ? 0 : -EINVAL, "a conditional rule");
}

/* How many instructions the program of a role has. */
static size_t
make_program(const struct ipc_syscall_table *table, struct sock_filter program[IPC_FILTER_MAX + 1])
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    FILE *file = tmpfile();
    need(filter == NULL || file == NULL ? -ENOMEM : 0, "a filter and a file for it");
    /* A call by another architecture's numbers is an attack. A binary tree keeps the cost of a call
     * logarithmic; a library without it makes a list. */
    need(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "BADARCH");
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    add_names(filter, SCMP_ACT_ALLOW, ipc_syscalls_common);
    add_names(filter, SCMP_ACT_ALLOW, table->allowed);
#ifdef KURIER_SANITIZED
    add_names(filter, SCMP_ACT_ALLOW, ipc_syscalls_sanitizer);
#endif
    add_names(filter, SCMP_ACT_KILL_PROCESS, ipc_syscalls_deadly);
    add_conditions(filter, table);
    need(seccomp_export_bpf(filter, fileno(file)), "seccomp_export_bpf");
    seccomp_release(filter);
    rewind(file);
    size_t len = fread(program, sizeof(program[0]), IPC_FILTER_MAX + 1, file);
    need(len == 0 || len > IPC_FILTER_MAX ? -E2BIG : 0, "the length of a program");
    (void)fclose(file);
    return len;
}

static size_t
find_mark(const struct sock_filter *program, size_t len)
{
    size_t at = 0;
    int count = 0;
    for (size_t i = 0; i < len; i++) {
        if (program[i].k == IPC_FILTER_PID_MARK) {
            at = i;
            count++;
        }
    }
    need(count == 1 ? 0 : -EINVAL, "the process's own number is not in a program once");
    return at;
}

int
main(void)
{
    static struct sock_filter program[IPC_FILTER_MAX + 1];
    size_t lens[IPC_SYSCALL_TABLES] = {0};
    size_t marks[IPC_SYSCALL_TABLES] = {0};
    (void)printf("/* Made by tools/filters.c. */\n#include \"ipc/confine_filters.h\"\n\n"
                 "#include \"base/banned.h\"\n");
    for (size_t t = 0; t < IPC_SYSCALL_TABLES; t++) {
        lens[t] = make_program(&ipc_syscall_tables[t], program);
        marks[t] = find_mark(program, lens[t]);
        (void)printf("\nstatic const struct sock_filter program_%zu[] = {\n", t);
        for (size_t i = 0; i < lens[t]; i++) {
            (void)printf("    {0x%02x, %u, %u, 0x%08x},\n", (unsigned)program[i].code,
                (unsigned)program[i].jt, (unsigned)program[i].jf, (unsigned)program[i].k);
        }
        (void)printf("};\n");
    }
    (void)printf("\nconst struct ipc_filter ipc_filters[] = {\n");
    for (size_t t = 0; t < IPC_SYSCALL_TABLES; t++) {
        (void)printf("    {(enum ipc_role)%d, program_%zu, %zu, %zu},\n",
            (int)ipc_syscall_tables[t].role, t, lens[t], marks[t]);
    }
    (void)printf("};\nconst size_t ipc_filter_count = %d;\n", IPC_SYSCALL_TABLES);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}
