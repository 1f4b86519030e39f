/*
 * kurier-load - enrolments over HTTP, as fast as a server takes them.
 *
 *   kurier-load [OPTION]... PORT
 *
 * Makes its messages, says "ready" on standard output and waits for a line on standard input; then
 * sends and receives without any cryptography, says "done", waits for another line, checks every
 * reply, and prints one JSON line. So whoever measures can read the server's CPU time before and
 * after.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#include "base/banned.h"

static const struct option long_options[] = {{"challenges", required_argument, NULL, 'f'},
    {"count", required_argument, NULL, 'n'}, {"connections", required_argument, NULL, 'c'},
    {"fresh", no_argument, NULL, 'F'}, {"rate", required_argument, NULL, 'r'},
    {"caps", no_argument, NULL, 'C'}, {"path", required_argument, NULL, 'p'},
    {"host", required_argument, NULL, 'H'}, {"dribbling", required_argument, NULL, 'd'},
    {"idle", required_argument, NULL, 'i'}, {"serials", required_argument, NULL, 's'},
    {"foreign", no_argument, NULL, 'X'}, {"keys", required_argument, NULL, 'k'},
    {NULL, 0, NULL, 0}};

static int
by_time(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static unsigned
number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static bool
read_options(int argc, char **argv, struct load_options *options)
{
    int c = 0;
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (c) {
        case 'f':
            options->challenges = optarg;
            break;
        case 'n':
            options->count = number(optarg);
            break;
        case 'c':
            options->connections = number(optarg);
            break;
        case 'F':
            options->is_fresh = true;
            break;
        case 'r':
            options->rate = strtod(optarg, NULL);
            break;
        case 'C':
            options->is_caps = true;
            break;
        case 'p':
            options->path = optarg;
            break;
        case 'H':
            options->host = optarg;
            break;
        case 'd':
            options->dribbling = number(optarg);
            break;
        case 'i':
            options->idle = number(optarg);
            break;
        case 'X':
            options->is_foreign = true;
            break;
        case 'k':
            options->keys = optarg;
            break;
        case 's':
            options->serials = optarg;
            break;
        default:
            return false;
        }
    }
    options->port = optind + 1 == argc ? number(argv[optind]) : 0;
    return options->port != 0 && options->connections > 0 && options->count > 0;
}

static void
wait_for_line(const char *say)
{
    char line[16];
    (void)printf("%s\n", say);
    (void)fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL) {
        exit(3);
    }
}

static void
report(const struct load_item *items, const struct load_options *options, double took_s,
    unsigned wrong)
{
    double *times = calloc(options->count, sizeof(*times));
    if (times == NULL) {
        exit(3);
    }
    for (unsigned i = 0; i < options->count; i++) {
        times[i] = items[i].took_s * 1e3;
    }
    qsort(times, options->count, sizeof(*times), by_time);
    unsigned last = options->count - 1;
    (void)printf("{\"requests\": %u, \"seconds\": %.4f, \"per_second\": %.1f, \"errors\": %u, "
                 "\"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
        options->count, took_s, options->count / took_s, wrong, times[last / 2],
        times[last * 9 / 10], times[(size_t)last * 99 / 100], times[last]);
    free(times);
}

int
main(int argc, char **argv)
{
    struct load_options options = {
        .host = "127.0.0.1", .path = "/scep", .count = 1000, .connections = 1};
    if (!read_options(argc, argv, &options)) {
        (void)fprintf(stderr,
            "usage: kurier-load [--count N] [--connections C] [--challenges FILE] [--rate R] "
            "[--fresh] [--caps] [--path PATH] [--dribbling N] [--idle N] [--serials FILE] "
            "[--foreign] [--keys FILE] PORT\n");
        return 2;
    }
    struct load_item *items = calloc(options.count, sizeof(*items));
    if (items == NULL) {
        return 3;
    }
    for (unsigned i = 0; i < options.count; i++) {
        buffer_init(&items[i].request, (size_t)64 * 1024);
        buffer_init(&items[i].reply, (size_t)64 * 1024);
    }
    struct load_messages *messages = load_messages_new(&options);
    load_messages_make(messages, items, options.count);
    wait_for_line("ready");
    double took_s = load_run(&options, items, options.count);
    wait_for_line("done");
    unsigned wrong = load_messages_check(messages, items, options.count);
    report(items, &options, took_s, wrong);
    for (unsigned i = 0; i < options.count; i++) {
        buffer_clear(&items[i].request);
        buffer_clear(&items[i].reply);
    }
    load_messages_free(messages);
    free(items);
    return wrong == 0 ? 0 : 1;
}
