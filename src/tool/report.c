#include "tool/report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"

/* Neither C0 nor C1, of which terminals take commands. */
static bool
is_printable(uint32_t code)
{
	return code >= 0x20 && (code < 0x7f || code > 0x9f);
}

void
report_print(FILE *file, const char *text, size_t len_bytes)
{
	uint32_t code;
	size_t   char_bytes;

	while (len_bytes > 0) {
		char_bytes = utf8_decode(text, len_bytes, &code);
		if (char_bytes > 0 && is_printable(code))
			fwrite(text, 1, char_bytes, file);
		else
			fputc('?', file);
		if (char_bytes == 0)
			char_bytes = 1;
		text += char_bytes;
		len_bytes -= char_bytes;
	}
}

static const char *command = "publish";

void
report_set_command(const char *name)
{
	command = name;
}

void
report(size_t line_number, const char *format, ...)
{
	va_list args;
	char   *text;
	int     len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len == -1)
		mem_fail();
	fprintf(stderr, "fcgi-sse %s: ", command);
	if (line_number > 0)
		fprintf(stderr, "line %zu: ", line_number);
	report_print(stderr, text, (size_t)len);
	fputc('\n', stderr);
	free(text);
}
