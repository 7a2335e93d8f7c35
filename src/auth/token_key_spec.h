#ifndef AUTH_TOKEN_KEY_SPEC_H
#define AUTH_TOKEN_KEY_SPEC_H

#include <stdbool.h>

#include "auth/grant.h"
#include "base/buf.h"

struct buf;

/*
 * Reads a file with a key whole, which others may not write. Tells whether
 * others may read it, which only a file without secrets allows. Returns NULL,
 * or a constant line that can follow the path; then bytes is empty. Does not
 * block.
 */
const char *token_key_spec_read(const char *path, struct buf *bytes,
    bool *is_private);

/* Wipes and frees what was read. */
void token_key_spec_wipe(struct buf *);

/*
 * How an operator names a key: members NAME=VALUE with commas between them.
 *
 *   dialect=07|08                     of the tokens; needed
 *   role=publisher|subscriber|both    whose tokens; both if it is not given
 *   issuer=TEXT                       what iss has to be; needed for 08 only
 *   alg=NAME[+NAME...]                algorithms; needed for a secret and for
 *                                     an RSA key in PEM
 *   kid=TEXT                          the id of a key in a file
 *   file=PATH                         a secret, or a public key or certificate
 *                                     in PEM
 *   jwks=PATH                         a JWK Set, or one JWK
 *
 * One of file and jwks is the last member; a path may hold commas.
 */
struct token_key_spec {
	enum token_dialect dialect;
	unsigned           roles;  /* a bit for each enum token_role */
	unsigned           algs;   /* 0: all that fit the key */
	char              *issuer; /* NULL: none */
	char              *kid;    /* the same */
	char              *path;
	bool               is_jwks;
};

/*
 * Reads the text. Returns false with a line appended to problem, without LF,
 * that names the member and the cure. token_key_spec_deinit is due in any case.
 */
bool token_key_spec_init(struct token_key_spec *, const char *text,
    struct buf *problem);
void token_key_spec_deinit(struct token_key_spec *);

/* Reads NAME[+NAME...]; false: one of them is no algorithm. */
bool token_key_spec_parse_algs(const char *text, unsigned *algs);

#endif
