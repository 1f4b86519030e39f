#include "ipc/confine_tables.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/banned.h"

/*
 * What every role needs: its sockets, memory, time, randomness, locks, signals to itself, and its
 * end. mmap and mprotect are allowed without PROT_EXEC; tgkill to this process only
 * (tools/filters.c). newfstatat is how the C library asks for fstat. sysinfo is asked by qsort.
 * dup3 takes over a new log file.
 */
const char ipc_syscalls_common[] = "read write readv writev close recvmsg sendmsg poll ppoll "
                                   "brk munmap mremap madvise "
                                   "futex sched_yield membarrier sysinfo "
                                   "clock_gettime clock_nanosleep nanosleep gettimeofday time "
                                   "getrandom getpid getppid gettid getuid geteuid getgid getegid "
                                   "rt_sigaction rt_sigprocmask rt_sigreturn restart_syscall "
                                   "fstat newfstatat lseek fcntl dup3 exit exit_group";

/* The front: connections that come in, a thread for passwords, and nothing else. No file can be
 * opened by name. */
static const char front[] = "accept4 recvfrom sendto shutdown set_robust_list rseq "
                            "getsockopt setsockopt getsockname getpeername "
                            "epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 "
                            "timerfd_create timerfd_settime pread64";

/* The ledger: SQLite with its WAL, and a journal, in one folder; the control socket. */
static const char ledger[] =
    "accept4 getsockopt recvfrom sendto shutdown memfd_create "
    "open openat stat lstat statx access faccessat faccessat2 readlink readlinkat getcwd "
    "pread64 pwrite64 fsync fdatasync ftruncate fallocate fadvise64 "
    "unlink unlinkat rename renameat renameat2 mkdir mkdirat fchmod umask utimensat getdents64";

/* The signer: threads, key files and a journal in one folder, memory that is not swapped. */
static const char signer[] =
    "memfd_create open openat stat lstat statx access faccessat faccessat2 readlink "
    "pread64 pwrite64 fsync fdatasync ftruncate "
    "unlink unlinkat rename renameat renameat2 mkdir mkdirat fchmod umask getdents64 "
    "recvfrom sendto shutdown set_robust_list rseq sched_getaffinity "
    "mlock mlock2 munlock";

/*
 * The notifier: connections outward, and what resolving a name takes: threads of libcurl, the
 * resolver's files and datagrams, the kernel's list of addresses (netlink, bind). It can accept
 * nothing: no listen, no accept.
 */
static const char notifier[] =
    "socketpair connect bind shutdown recvfrom sendto sendmmsg recvmmsg "
    "getsockopt setsockopt getsockname getpeername "
    "open openat stat lstat statx access faccessat faccessat2 readlink readlinkat getcwd "
    "pread64 getdents64 uname set_robust_list rseq sched_getaffinity eventfd2 pipe2";

/* The config step reads one descriptor and writes to another. */
static const char config[] = "";

const struct ipc_syscall_table ipc_syscall_tables[IPC_SYSCALL_TABLES] = {
    {IPC_FRONT, front, true},
    {IPC_LEDGER, ledger, false},
    {IPC_SIGNER, signer, true},
    {IPC_NOTIFIER, notifier, true},
    {IPC_CONFIG_STEP, config, false},
};

/* What address and undefined-behaviour sanitizers call, above all to describe what they have found.
 */
const char ipc_syscalls_sanitizer[] =
    "sigaltstack prlimit64 getrlimit readlink readlinkat open openat sched_getaffinity "
    "set_robust_list rseq pread64 prctl uname arch_prctl";

/* No role has an honest reason for these. */
const char ipc_syscalls_deadly[] =
    "execve execveat ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd "
    "init_module finit_module delete_module kexec_load kexec_file_load bpf perf_event_open "
    "userfaultfd io_uring_setup add_key request_key keyctl mount umount2 pivot_root chroot "
    "setns unshare reboot swapon swapoff setuid setgid setresuid setresgid setreuid setregid "
    "personality";

const unsigned long ipc_front_ioctls[3] = {SIOCOUTQ, FIONREAD, FIONBIO};
const unsigned long ipc_notifier_families[3] = {AF_INET, AF_INET6, AF_NETLINK};
