#include "tool/diagnosis.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tool/judge.h"
#include "tool/report.h"

#define DOCUMENT "web-servers.md"

/* Two servers, at most, may be to change. */
#define FRONT_COUNT_MAX 2

void
diagnosis_init(struct diagnosis *diagnosis, const char *url,
    const struct seen *seen)
{
	struct finding *finding;

	*diagnosis = (struct diagnosis){ .url = url, .seen = seen };
	for (int check = 0; check < CHECK_COUNT; check++) {
		finding = &diagnosis->findings[diagnosis->finding_count];
		if (!judge((enum check)check, seen, finding)) {
			buf_deinit(&finding->saw);
			continue;
		}
		diagnosis->finding_count++;
		diagnosis->bad_count += finding->level == LEVEL_BAD;
	}
}

void
diagnosis_deinit(struct diagnosis *diagnosis)
{
	for (size_t i = 0; i < diagnosis->finding_count; i++)
		buf_deinit(&diagnosis->findings[i].saw);
}

static bool
has_advice(const struct finding *finding)
{
	return finding->level == LEVEL_BAD || finding->level == LEVEL_NOTE;
}

/* The servers that the request passes. */
static size_t
fronts_of(const struct diagnosis *diagnosis, enum front out[FRONT_COUNT_MAX])
{
	out[0] = diagnosis->seen->fronts.inner;
	out[1] = diagnosis->seen->fronts.outer;
	return out[0] == out[1] ? 1 : FRONT_COUNT_MAX;
}

/* For people. */

static void
print_advice(const struct finding *finding, enum front front, FILE *file)
{
	size_t               count;
	const struct advice *advice = advice_find(finding->check, front,
	    &count);

	for (size_t i = 0; i < count; i++)
		fprintf(file, "%25s%s%s%s%s%s%s\n", "",
		    front == FRONT_UNKNOWN ? "" : front_name(front),
		    front == FRONT_UNKNOWN ? "" : ": ", advice[i].directive,
		    advice[i].where[0] == '\0' ? "" : " (", advice[i].where,
		    advice[i].where[0] == '\0' ? "" : ")");
}

static void
print_finding(const struct diagnosis *diagnosis, const struct finding *finding,
    FILE *file)
{
	enum front fronts[FRONT_COUNT_MAX];
	size_t     front_count = fronts_of(diagnosis, fronts);

	fprintf(file, "%-8s %-15s ", level_word(finding->level),
	    check_word(finding->check));
	report_print(file, finding->saw.data, finding->saw.len_bytes);
	fputc('\n', file);
	if (!has_advice(finding))
		return;
	for (size_t i = 0; i < front_count; i++)
		print_advice(finding, fronts[i], file);
	fprintf(file, "%25ssee %s#%s\n", "", DOCUMENT,
	    check_word(finding->check));
}

static void
print_fronts(const struct fronts *fronts, FILE *file)
{
	if (fronts->inner == FRONT_UNKNOWN) {
		fputs("The web server was not recognised.\n", file);
		return;
	}
	fprintf(file, "The web server is %s", front_name(fronts->inner));
	if (fronts->outer != fronts->inner)
		fprintf(file, ", behind %s", front_name(fronts->outer));
	fprintf(file, "%s.\n",
	    fronts->is_said ? ", as its field Server says" : ", as it behaves");
}

void
diagnosis_print(const struct diagnosis *diagnosis, FILE *file)
{
	print_fronts(&diagnosis->seen->fronts, file);
	for (size_t i = 0; i < diagnosis->finding_count; i++)
		print_finding(diagnosis, &diagnosis->findings[i], file);
	if (diagnosis->bad_count == 0)
		fputs("Nothing is wrong.\n", file);
	else
		fprintf(file, "%zu of %zu are wrong.\n", diagnosis->bad_count,
		    diagnosis->finding_count);
}

/* As JSON. */

static json_t *
known(json_t *value)
{
	if (value == NULL)
		mem_fail();
	return value;
}

static void
add_advice(json_t *all, const struct finding *finding, enum front front)
{
	size_t               count;
	const struct advice *advice = advice_find(finding->check, front,
	    &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(all,
		    known(json_pack("{s:s, s:s, s:s}", "server",
			front_name(front), "directive", advice[i].directive,
			"where", advice[i].where)));
}

/* What a server has said may be no UTF-8. */
static json_t *
text_of(const struct buf *buf)
{
	json_t *text = json_stringn(buf->data, buf->len_bytes);

	return known(text != NULL ? text : json_string("not UTF-8"));
}

static json_t *
json_of(const struct diagnosis *diagnosis, const struct finding *finding)
{
	json_t    *all = known(json_array());
	enum front fronts[FRONT_COUNT_MAX];
	size_t     front_count = fronts_of(diagnosis, fronts);

	for (size_t i = 0; has_advice(finding) && i < front_count; i++)
		add_advice(all, finding, fronts[i]);
	return known(json_pack("{s:s, s:s, s:o, s:o, s:s+}", "check",
	    check_word(finding->check), "level", level_word(finding->level),
	    "saw", text_of(&finding->saw), "advice", all, "see", DOCUMENT "#",
	    check_word(finding->check)));
}

void
diagnosis_print_json(const struct diagnosis *diagnosis, FILE *file)
{
	const struct fronts *fronts = &diagnosis->seen->fronts;
	json_t              *findings = known(json_array()), *all;

	for (size_t i = 0; i < diagnosis->finding_count; i++)
		json_array_append_new(findings,
		    json_of(diagnosis, &diagnosis->findings[i]));
	all = known(json_pack("{s:s, s:s, s:s, s:I, s:o}", "url",
	    diagnosis->url, "server", front_name(fronts->inner), "behind",
	    front_name(fronts->outer), "bad", (json_int_t)diagnosis->bad_count,
	    "findings", findings));
	json_dumpf(all, file, JSON_INDENT(2));
	fputc('\n', file);
	json_decref(all);
}
