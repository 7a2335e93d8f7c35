#ifndef TOKEN_FIXTURE_H
#define TOKEN_FIXTURE_H

#include "auth/token.h"
#include "token_maker.h"

#define ISSUER "https://issuer.example"
#define AUDIENCE "https://hub.example/.well-known/mercure"

/* The time of the tests, in ms since the epoch. */
#define WALL_MS INT64_C(1700000000000)

/* The rules of a hub that knows these keys, each in a file of its own. */
struct token_fixture {
	struct token_rules rules;
	struct token_keys *keys;
	char               dir[64];
	unsigned           file_count;
};

void fixture_init(struct token_fixture *);
void fixture_deinit(struct token_fixture *);

/* Writes a file into the folder of the fixture and returns its path. */
char *fixture_write(struct token_fixture *, const char *text, unsigned mode);

/*
 * Reads the keys that the specs name, in place of those before. In a spec "@"
 * stands for the path of the file with this number, from 0.
 */
void fixture_set_keys(struct token_fixture *, const char *const *specs,
    size_t spec_count);

/*
 * Reads one key, which has to fail, and returns the problem, to be freed.
 */
char *fixture_fail_key(struct token_fixture *, const char *spec);

/*
 * Does all checks at once; *token is NULL unless the result is TOKEN_OK. A
 * text of NULL is no token at all.
 */
enum token_result fixture_try(struct token_fixture *, const char *text,
    enum token_role, struct token                               **token);

/* Judges a token, frees its text, and gives the token back. */
enum token_result fixture_judge(struct token_fixture *, char *text,
    enum token_role);

/* Judges a token and keeps it. */
struct token *fixture_verify(struct token_fixture *, char *text,
    enum token_role);

#endif
