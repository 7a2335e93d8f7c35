#ifndef AUTH_TOKEN_RESULT_H
#define AUTH_TOKEN_RESULT_H

/* What became of a token; the meanings stand in the table. */
enum token_result {
#define TOKEN_RESULT(name, word, meaning) TOKEN_##name,
#include "auth/token_result.def"
#undef TOKEN_RESULT
};

/* How many results there are. */
#define TOKEN_RESULT_COUNT (TOKEN_ORIGIN + 1)

#endif
