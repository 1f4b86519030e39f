/* Every reader over any text, to verdicts: no crash, no hang, bounded memory. */
#include <string.h>

#include "diagnose/order.h"
#include "diagnose/readers.h"
#include "diagnose/verdict.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take(void *arg, const struct diag_observation *observation)
{
    diag_deliveries_take(arg, observation);
}

static void
order(void *arg, const struct diag_observation *observation)
{
    diag_order_take(arg, observation);
}

static void
judge(struct diag_deliveries *deliveries)
{
    struct diag_judgement judgement;
    size_t index = 0;
    diag_deliveries_join(deliveries);
    (void)diag_judge_all(deliveries, &judgement, &index);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct diag_catalogue *catalogue; /* made once: compiling it is not what is fuzzed */
    static struct diag_anchors *anchors;
    static struct diag_file file;
    if (catalogue == NULL && (diag_catalogue_new(&catalogue, NULL) != BASE_OK ||
                                 diag_anchors_new(&anchors, NULL) != BASE_OK)) {
        return 0;
    }
    OWN_STRUCT(diag_deliveries) deliveries = diag_deliveries_new();
    OWN_STRUCT(diag_order) in_order = diag_order_new();
    if (deliveries == NULL || in_order == NULL) {
        return 0;
    }
    diag_deliveries_begin_file(deliveries);
    diag_order_begin(in_order, take, deliveries);
    diag_file_init(&file, "fuzzed", catalogue, anchors, order, in_order);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end == NULL ? size : (size_t)(end - data);
        diag_file_line(&file, (struct bytes){data, len});
        data += end == NULL ? len : len + 1;
        size -= end == NULL ? len : len + 1;
    }
    diag_file_end(&file);
    diag_order_end(in_order);
    diag_deliveries_end_file(deliveries);
    judge(deliveries);
    return 0;
}
