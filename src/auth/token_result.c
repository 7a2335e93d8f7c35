#include "config.h"

#include "auth/token_result.h"

const char *
token_result_word(enum token_result result)
{
	static const char *const words[] = {
#define TOKEN_RESULT(name, word, meaning) word,
#include "auth/token_result.def"
#undef TOKEN_RESULT
	};

	return words[result];
}
