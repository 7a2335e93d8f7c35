#include "config.h"

#include "pure/pattern_regex.h"

#ifdef HAVE_PCRE2

#define PCRE2_CODE_UNIT_WIDTH 8

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What a match may take of PCRE2's own measures, beside its cost. */
#define HEAP_KIB_MAX 1024

#define DIGITS "0123456789"
#define HEX_DIGITS "0123456789abcdefABCDEF"

struct pattern_regex {
	pcre2_code          *code;
	pcre2_match_data    *match_data;
	pcre2_match_context *context;
};

/* What a match has cost. */
struct bill {
	uint64_t cost, cost_max;
	uint64_t step_cost;
};

/* Where the check is in an expression. */
struct check {
	const char *at, *end;
};

static bool
is_one_of(const struct check *check, size_t ahead, const char *set)
{
	return (size_t)(check->end - check->at) > ahead &&
	    strchr(set, check->at[ahead]) != NULL;
}

/* A backslash and what follows: nothing that PCRE2 reads in its own way. */
static bool
check_escape(struct check *check, bool in_class)
{
	const char *set = in_class ? "dDwWsStnvfr0xuc^$\\.*+?()[]{}|/-&!#%,:;<"
				     "=>@`~" :
				     "dDwWsSbBtnvfr0123456789xuck^$\\.*+?()[]"
				     "{}|/";

	if (!is_one_of(check, 1, set))
		return false;
	/* Two digits would be a character of PCRE2's, in octal. */
	if (is_one_of(check, 1, DIGITS) && is_one_of(check, 2, DIGITS))
		return false;
	if (check->at[1] == 'x' &&
	    (!is_one_of(check, 2, HEX_DIGITS) ||
		!is_one_of(check, 3, HEX_DIGITS)))
		return false;
	if (check->at[1] == 'u' && !is_one_of(check, 2, HEX_DIGITS "{"))
		return false;
	check->at += 2;
	return true;
}

/* A class: PCRE2 reads nested ones and POSIX names differently. */
static bool
check_class(struct check *check)
{
	static const char doubled[] = "&!#$%*+,.:;<=>?@^`~-";

	check->at++;
	if (is_one_of(check, 0, "^"))
		check->at++;
	if (is_one_of(check, 0, "-"))
		return false;
	while (check->at < check->end && *check->at != ']') {
		if (*check->at == '\\') {
			if (!check_escape(check, true))
				return false;
			continue;
		}
		if (strchr("()[{}/|", *check->at) != NULL ||
		    (*check->at == '-' && is_one_of(check, 1, "]")) ||
		    (strchr(doubled, *check->at) != NULL &&
			is_one_of(check, 1, doubled) &&
			check->at[0] == check->at[1]))
			return false;
		check->at++;
	}
	if (check->at == check->end)
		return false;
	check->at++;
	return true;
}

/* Behind "(?": the kinds of groups that JavaScript has. */
static bool
check_group(struct check *check)
{
	check->at++;
	if (!is_one_of(check, 0, "?"))
		return !is_one_of(check, 0, "*+");
	if (is_one_of(check, 1, ":=!"))
		check->at += 2;
	else if (is_one_of(check, 1, "<"))
		check->at += is_one_of(check, 2, "=!") ? 3 : 2;
	else
		return false;
	return !is_one_of(check, 0, "?*+");
}

/* Behind "{": digits, perhaps a comma, perhaps digits, "}". */
static bool
check_count(struct check *check)
{
	const char *digits = ++check->at;

	while (is_one_of(check, 0, DIGITS))
		check->at++;
	if (check->at == digits)
		return false;
	if (is_one_of(check, 0, ","))
		check->at++;
	while (is_one_of(check, 0, DIGITS))
		check->at++;
	return is_one_of(check, 0, "}");
}

static bool
check_quantifier(struct check *check)
{
	if (*check->at == '{' && !check_count(check))
		return false;
	check->at++;
	if (is_one_of(check, 0, "?"))
		check->at++;
	/* Another one would be possessive in PCRE2, and an error elsewhere. */
	return !is_one_of(check, 0, "*+?{");
}

/*
 * Whether the expression means in JavaScript what PCRE2 takes it for. It is
 * part of a larger one, so it may not begin with a quantifier.
 */
static bool
is_common(const char *value, size_t len_bytes)
{
	struct check check = { value, value + len_bytes };
	bool         is_good = len_bytes > 0 && !is_one_of(&check, 0, "*+?{");

	while (is_good && check.at < check.end) {
		switch (*check.at) {
		case '\\':
			is_good = check_escape(&check, false);
			break;
		case '[':
			is_good = check_class(&check);
			break;
		case '(':
			is_good = check_group(&check);
			break;
		case '*':
		case '+':
		case '?':
		case '{':
			is_good = check_quantifier(&check);
			break;
		case ']':
		case '}':
			is_good = false;
			break;
		default:
			check.at++;
		}
	}
	return is_good;
}

static void
append_escaped(struct buf *buf, const struct pattern_parts *parts,
    struct pattern_span span)
{
	const char *text = parts->text.data + span.at;

	for (size_t i = 0; i < span.len_bytes; i++) {
		if (strchr(".+*?^${}()[]|/\\-#", text[i]) != NULL)
			buf_append_str(buf, "\\");
		buf_append(buf, &text[i], 1);
	}
}

/* The expression of a part without prefix, suffix and modifier. */
static bool
append_value(struct buf *buf, const struct pattern_parts *parts,
    const struct pattern_part *part, char delimiter)
{
	const char *text = parts->text.data + part->value.at;

	if (part->type == PATTERN_PART_ANY)
		buf_append_str(buf, ".*");
	else if (part->type == PATTERN_PART_SEGMENT && delimiter == '\0')
		buf_append_str(buf, "[\\s\\S]+?");
	else if (part->type == PATTERN_PART_SEGMENT)
		buf_printf(buf, "[^\\%c]+?", delimiter);
	else {
		if (!is_common(text, part->value.len_bytes))
			return false;
		buf_append(buf, text, part->value.len_bytes);
	}
	return true;
}

/*
 * One or more, between a prefix and a suffix: what lies between two values is
 * the suffix of one and the prefix of the next.
 */
static bool
append_repeated(struct buf *buf, const struct pattern_parts *parts,
    const struct pattern_part *part, char delimiter)
{
	bool is_good;

	buf_append_str(buf, "(?:");
	append_escaped(buf, parts, part->prefix);
	buf_append_str(buf, "((?:");
	is_good = append_value(buf, parts, part, delimiter);
	buf_append_str(buf, ")(?:");
	append_escaped(buf, parts, part->suffix);
	append_escaped(buf, parts, part->prefix);
	buf_append_str(buf, "(?:");
	is_good = is_good && append_value(buf, parts, part, delimiter);
	buf_append_str(buf, "))*)");
	append_escaped(buf, parts, part->suffix);
	buf_append_str(buf, part->modifier == '*' ? ")?" : ")");
	return is_good;
}

static bool
append_part(struct buf *buf, const struct pattern_parts *parts,
    const struct pattern_part *part, char delimiter)
{
	const char modifier[] = { part->modifier, '\0' };
	bool       repeats = part->modifier == '*' || part->modifier == '+';
	bool       is_good;

	if (part->type == PATTERN_PART_TEXT) {
		buf_append_str(buf, "(?:");
		append_escaped(buf, parts, part->prefix);
		buf_printf(buf, ")%s", modifier);
		return true;
	}
	if (part->prefix.len_bytes + part->suffix.len_bytes == 0) {
		buf_append_str(buf, repeats ? "((?:" : "(");
		is_good = append_value(buf, parts, part, delimiter);
		buf_printf(buf, ")%s%s", modifier, repeats ? ")" : "");
		return is_good;
	}
	if (repeats)
		return append_repeated(buf, parts, part, delimiter);
	buf_append_str(buf, "(?:");
	append_escaped(buf, parts, part->prefix);
	buf_append_str(buf, "(");
	is_good = append_value(buf, parts, part, delimiter);
	buf_append_str(buf, ")");
	append_escaped(buf, parts, part->suffix);
	buf_printf(buf, ")%s", modifier);
	return is_good;
}

/* Called at each item of the expression. */
static int
count_step(pcre2_callout_block *block, void *data)
{
	struct bill *bill = data;

	(void)block;
	bill->cost += bill->step_cost;
	return bill->cost < bill->cost_max ? 0 : PCRE2_ERROR_CALLOUT;
}

static pcre2_code *
compile(const struct buf *buf)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code            *code;
	PCRE2_SIZE             at;
	int                    error;

	if (context == NULL)
		mem_fail();
	pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
	code = pcre2_compile((PCRE2_SPTR)buf->data, buf->len_bytes,
	    PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_ALT_BSUX |
		PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
		PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
		PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT,
	    &error, &at, context);
	pcre2_compile_context_free(context);
	return code;
}

struct pattern_regex *
pattern_regex_new(const struct pattern_parts *parts, char delimiter)
{
	struct pattern_regex *regex;
	struct buf            buf = { 0 };
	bool                  is_good = true;
	pcre2_code           *code = NULL;

	buf_append_str(&buf, "(?:");
	for (size_t i = 0; i < parts->part_count && is_good; i++)
		is_good = append_part(&buf, parts, &parts->parts[i], delimiter);
	buf_append_str(&buf, ")");
	if (is_good)
		code = compile(&buf);
	buf_deinit(&buf);
	if (code == NULL)
		return NULL;
	regex = mem_zalloc(sizeof(*regex));
	regex->code = code;
	regex->match_data = pcre2_match_data_create_from_pattern(code, NULL);
	regex->context = pcre2_match_context_create(NULL);
	if (regex->match_data == NULL || regex->context == NULL)
		mem_fail();
	pcre2_set_heap_limit(regex->context, HEAP_KIB_MAX);
	return regex;
}

void
pattern_regex_free(struct pattern_regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_match_context_free(regex->context);
	pcre2_match_data_free(regex->match_data);
	pcre2_code_free(regex->code);
	free(regex);
}

bool
pattern_regex_matches(const struct pattern_regex *regex, const char *text,
    size_t len_bytes, uint64_t *cost, uint64_t cost_max)
{
	/* Between two steps PCRE2 may run over the rest of the text. */
	struct bill bill = { *cost, cost_max, 8 + len_bytes / 8 };
	int         count;
	uint32_t    steps_max;

	bill.cost += bill.step_cost;
	*cost = bill.cost;
	if (bill.cost >= cost_max)
		return false;
	steps_max = (uint32_t)((cost_max - bill.cost) / bill.step_cost) + 1;
	pcre2_set_match_limit(regex->context, steps_max);
	pcre2_set_depth_limit(regex->context, steps_max);
	pcre2_set_callout(regex->context, count_step, &bill);
	count = pcre2_match(regex->code, (PCRE2_SPTR)text, len_bytes, 0, 0,
	    regex->match_data, regex->context);
	/* What had to be given up counts in full. */
	if (count < 0 && count != PCRE2_ERROR_NOMATCH)
		bill.cost = cost_max;
	*cost = bill.cost;
	return count > 0;
}

#else

struct pattern_regex *
pattern_regex_new(const struct pattern_parts *parts, char delimiter)
{
	(void)parts;
	(void)delimiter;
	return NULL;
}

void
pattern_regex_free(struct pattern_regex *regex)
{
	(void)regex;
}

bool
pattern_regex_matches(const struct pattern_regex *regex, const char *text,
    size_t len_bytes, uint64_t *cost, uint64_t cost_max)
{
	(void)regex;
	(void)text;
	(void)len_bytes;
	(void)cost;
	(void)cost_max;
	return false;
}

#endif
