/*
 * What a sanitizer finds in a confined role is written into the folder of reports: script/test
 * believes that an empty folder means that nothing was found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "ipc/confine.h"

#include "base/banned.h"

#ifdef KURIER_SANITIZED

#include <sanitizer/common_interface_defs.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#endif

static char folder[] = "/tmp/kurier-reports-XXXXXX";

#ifdef HAS_THREAD_SANITIZER

static int counter;

static void *
count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        counter++;
    }
    return NULL;
}

static void
race(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, count_up, NULL) == 0) {
        (void)count_up(NULL);
        (void)pthread_join(thread, NULL);
    }
}

static const struct wrong {
    enum ipc_role role;
    void (*act)(void);
    const char *report;
} wrongs[] = {
    {IPC_FRONT, race, "ThreadSanitizer: data race"},
    {IPC_SIGNER, race, "ThreadSanitizer: data race"},
    {IPC_NOTIFIER, race, "ThreadSanitizer: data race"},
};

#else

static void
overrun(void)
{
    volatile size_t one_too_far = 8;
    volatile char *octets = malloc(8);
    if (octets != NULL) {
        octets[one_too_far] = 1;
    }
}

static void
overflow(void)
{
    volatile int most = INT32_MAX;
    most = most + 1;
}

static const struct wrong {
    enum ipc_role role;
    void (*act)(void);
    const char *report;
} wrongs[] = {
    {IPC_FRONT, overrun, "AddressSanitizer: heap-buffer-overflow"},
    {IPC_LEDGER, overrun, "AddressSanitizer: heap-buffer-overflow"},
    {IPC_SIGNER, overrun, "AddressSanitizer: heap-buffer-overflow"},
    {IPC_NOTIFIER, overrun, "AddressSanitizer: heap-buffer-overflow"},
    {IPC_CONFIG_STEP, overrun, "AddressSanitizer: heap-buffer-overflow"},
    {IPC_FRONT, overflow, "runtime error: signed integer overflow"},
    {IPC_LEDGER, overflow, "runtime error: signed integer overflow"},
    {IPC_SIGNER, overflow, "runtime error: signed integer overflow"},
    {IPC_NOTIFIER, overflow, "runtime error: signed integer overflow"},
    {IPC_CONFIG_STEP, overflow, "runtime error: signed integer overflow"},
};

#endif

static _Noreturn void
be_wrong(const struct wrong *wrong)
{
    char path[64] = "";
    struct ipc_confinement confinement = {.role = wrong->role};
    struct base_log log = {-1, BASE_LOG_INFO, "test", base_clock_system()};
    struct base_error err = {0};
    (void)alarm(30);
    (void)snprintf(path, sizeof(path), "%s/report", folder);
    __sanitizer_set_report_path(path);
    if (setenv("KURIER_SANITIZER_REPORTS", folder, 1) != 0 ||
        ipc_confine(&confinement, &log, &err) != BASE_OK) {
        _exit(98);
    }
    wrong->act();
    exit(0);
}

static void
report_of_a_confined_role_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        char path[64] = "";
        char text[8192] = "";
        int status = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            be_wrong(&wrongs[i]);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 98);
        (void)snprintf(path, sizeof(path), "%s/report.%d", folder, (int)child);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
        (void)fclose(file);
        assert_non_null(strstr(text, wrongs[i].report));
        assert_int_equal(unlink(path), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_of_a_confined_role_is_written),
    };
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(folder);
    return failed;
}

#else

static void
report_of_a_confined_role_is_written(void **state)
{
    (void)state;
    skip(); /* no sanitizer in this build */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_of_a_confined_role_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
