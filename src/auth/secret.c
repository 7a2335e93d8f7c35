#include "config.h"

#include "auth/secret.h"

#include <string.h>
#include <strings.h>

/* Secrets of documents and examples, which people copy. */
static const char *const known[] = {
	"!ChangeMe!",
	"!ChangeThisMercureHubJWTSecretKey!",
	"!ChangeThisMercureHubJWTSecret!",
	"!UnsecureChangeMe!",
	"a-string-secret-at-least-256-bits-long",
	"a-valid-string-secret-that-is-at-least-384-bits-long",
	("a-valid-string-secret-that-is-at-least-512-bits-long-which-is-"
	 "very-long"),
	"aVerySecretKey",
	"changeme",
	"mercure_secret_key",
	"your-256-bit-secret",
	"your-256-bit-secret-your-256-bit-secret",
	"your-384-bit-secret",
	"your-512-bit-secret",
	"your-super-secret-jwt-token-with-at-least-32-characters-long",
};

/* That of the example in RFC 7515 appendix A.1. */
static const uint8_t rfc7515[] = { 3, 35, 53, 75, 43, 15, 165, 188, 131, 126, 6,
	101, 119, 123, 166, 143, 90, 179, 40, 230, 240, 84, 201, 40, 169, 15,
	132, 178, 210, 80, 46, 191, 211, 251, 90, 146, 210, 6, 71, 239, 150,
	138, 180, 195, 119, 98, 61, 34, 61, 46, 33, 114, 5, 46, 79, 8, 192, 205,
	154, 245, 103, 208, 128, 163 };

static bool
is_known(struct crypto_bytes secret)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i]) == secret.len_bytes &&
		    strncasecmp(known[i], (const char *)secret.data,
			secret.len_bytes) == 0)
			return true;
	}
	return secret.len_bytes == sizeof(rfc7515) &&
	    memcmp(secret.data, rfc7515, sizeof(rfc7515)) == 0;
}

const char *
secret_weakness(struct crypto_bytes secret)
{
	if (is_known(secret))
		return "is a secret that stands in documents, so anybody can "
		       "sign with it; make one (openssl rand -hex 32), or "
		       "give --allow-weak-keys for a trial";
	if (secret.len_bytes < SECRET_BYTES_MIN)
		return "is a secret of less than 32 bytes, which can be "
		       "guessed; make one (openssl rand -hex 32), or give "
		       "--allow-weak-keys for a trial";
	return NULL;
}
