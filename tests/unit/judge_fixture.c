#include "judge_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tool/judge.h"

int
judge_level(enum check check, const struct seen *seen, const char *words)
{
	struct finding finding;
	int level = judge(check, seen, &finding) ? (int)finding.level : -1;

	buf_append(&finding.saw, "", 1);
	if (words != NULL && strstr(finding.saw.data, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, finding.saw.data);
	buf_deinit(&finding.saw);
	return level;
}
