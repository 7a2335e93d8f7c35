/* Rules and files of keys for the tests of tokens. */

#include "token_fixture.h"

#include <sys/stat.h>

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

/* What a pattern looks like that cannot be read. */
static bool
is_valid(const void *data, enum grant_match match, const char *text)
{
	const char *wrong = data;

	return match != GRANT_MATCH_URLPATTERN || strstr(text, wrong) == NULL;
}

void
fixture_init(struct token_fixture *fixture)
{
	static const struct token_selector_check check = { is_valid, "(" };
	struct token_key_sources                 none = { 0 };
	struct buf                               problem = { 0 };

	*fixture = (struct token_fixture){ 0 };
	strcpy(fixture->dir, "/tmp/fcgi-sse-tokens-XXXXXX");
	assert(mkdtemp(fixture->dir) != NULL);
	fixture->keys = token_keys_new(&none, &problem);
	fixture->rules = (struct token_rules){ fixture->keys, AUDIENCE, &check,
		grants_new() };
}

static void
print_path(const struct token_fixture *fixture, unsigned i,
    char path[static 96])
{
	snprintf(path, 96, "%s/%u", fixture->dir, i);
}

void
fixture_deinit(struct token_fixture *fixture)
{
	char path[96];

	for (unsigned i = 0; i < fixture->file_count; i++) {
		print_path(fixture, i, path);
		unlink(path);
	}
	rmdir(fixture->dir);
	token_keys_free(fixture->keys);
	grants_free(fixture->rules.grants);
}

char *
fixture_write(struct token_fixture *fixture, const char *text, unsigned mode)
{
	char path[96];
	int  fd;

	print_path(fixture, fixture->file_count++, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert(fd != -1);
	assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	assert(fchmod(fd, mode) == 0);
	close(fd);
	return strdup(path);
}

/* The spec with the path behind "@". */
static char *
expand(const struct token_fixture *fixture, const char *spec)
{
	const char *at = strchr(spec, '@');
	char       *text;

	if (at == NULL)
		return strdup(spec);
	assert(asprintf(&text, "%.*s%s/%s", (int)(at - spec), spec,
		   fixture->dir, at + 1) > 0);
	return text;
}

void
fixture_set_keys(struct token_fixture *fixture, const char *const *specs,
    size_t spec_count)
{
	char                    *texts[TOKEN_KEYS_MAX];
	struct token_key_sources sources = { texts, spec_count, { 0 }, { 0 },
		false };
	struct buf               problem = { 0 };

	for (size_t i = 0; i < spec_count; i++)
		texts[i] = expand(fixture, specs[i]);
	token_keys_free(fixture->keys);
	fixture->keys = token_keys_new(&sources, &problem);
	if (fixture->keys == NULL)
		fprintf(stderr, "%.*s\n", (int)problem.len_bytes, problem.data);
	assert(fixture->keys != NULL);
	fixture->rules.keys = fixture->keys;
	for (size_t i = 0; i < spec_count; i++)
		free(texts[i]);
}

char *
fixture_fail_key(struct token_fixture *fixture, const char *spec)
{
	char                    *text = expand(fixture, spec);
	struct token_key_sources sources = { &text, 1, { 0 }, { 0 }, false };
	struct buf               problem = { 0 };

	assert(token_keys_new(&sources, &problem) == NULL);
	free(text);
	buf_append(&problem, "", 1);
	return problem.data;
}

enum token_result
fixture_try(struct token_fixture *fixture, const char *text,
    enum token_role role, struct token **token)
{
	struct token_attempt attempt;
	enum token_result    result;

	*token = NULL;
	result = token_attempt_init(&attempt, &fixture->rules, text,
	    text != NULL ? strlen(text) : 0, role, WALL_MS);
	if (result != TOKEN_OK)
		return result;
	result = token_attempt_finish(&attempt, token);
	token_attempt_deinit(&attempt);
	return result;
}

enum token_result
fixture_judge(struct token_fixture *fixture, char *text, enum token_role role)
{
	struct token     *token;
	enum token_result result;

	result = fixture_try(fixture, text, role, &token);
	assert((result == TOKEN_OK) == (token != NULL));
	token_unref(fixture->rules.grants, token);
	free(text);
	return result;
}

struct token *
fixture_verify(struct token_fixture *fixture, char *text, enum token_role role)
{
	struct token *token;

	assert(fixture_try(fixture, text, role, &token) == TOKEN_OK);
	free(text);
	return token;
}
