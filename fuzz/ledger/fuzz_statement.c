#include <assert.h>

#include "ledger/bound.h"
#include "ledger/warrant.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A decrypted statement; and the same octets as what a delivery's row keeps. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct ledger_statement statement;
    struct ledger_warrant warrant;
    char id[LEDGER_BOUND_ID_MAX + 1];
    arena_init(&arena, (size_t)64 * 1024);
    if (ledger_statement_read((struct bytes){data, size}, &arena, &statement, NULL) == BASE_OK) {
        assert(statement.id.len >= 1 && statement.id.len <= LEDGER_BOUND_ID_MAX);
        assert(statement.exp_s > statement.iat_s);
        (void)ledger_statement_fits(&statement, 0xa0, BYTES_LITERAL("1.3.6.1.5.5.7.3.2"), 1000);
    }
    arena_clear(&arena);
    (void)(ledger_warrant_read((struct bytes){data, size}, &warrant, NULL) == BASE_OK);
    (void)(ledger_warrant_bound_id((struct bytes){data, size}, id, NULL) == BASE_OK);
    return 0;
}
