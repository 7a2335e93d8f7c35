/*
 * Runs a fuzz target once for each file of its corpus, so that what a fuzzer
 * has found stays tested where there is no libFuzzer. Without arguments
 * replay_NAME takes the files in tests/fuzz/corpus/NAME below $srcdir; with
 * arguments it takes those files and folders.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
file_run(const char *path, size_t size_bytes)
{
	/* A size of its own, so that reading past the end is found. */
	uint8_t *bytes = malloc(size_bytes);
	FILE    *file = fopen(path, "rb");

	if (file == NULL || (bytes == NULL && size_bytes > 0))
		err(1, "%s", path);
	if (fread(bytes, 1, size_bytes, file) != size_bytes)
		errx(1, "%s: cannot be read whole", path);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size_bytes);
	free(bytes);
	return 1;
}

/* Returns how many files were run. */
static size_t
path_run(const char *path)
{
	struct stat     status;
	struct dirent **entries;
	size_t          run_count = 0;
	int             entry_count;

	if (stat(path, &status) == -1)
		err(1, "%s", path);
	if (!S_ISDIR(status.st_mode))
		return file_run(path, (size_t)status.st_size);
	entry_count = scandir(path, &entries, NULL, alphasort);
	if (entry_count == -1)
		err(1, "%s", path);
	for (int i = 0; i < entry_count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			run_count += path_run(name);
		free(entries[i]);
	}
	free(entries);
	return run_count;
}

static size_t
corpus_run(const char *program)
{
	const char *root = getenv("srcdir");
	const char *name = strstr(program, "replay_");
	char        path[4096];

	if (name == NULL)
		errx(2, "%s: not named replay_NAME", program);
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
	    root != NULL ? root : ".", name + strlen("replay_"));
	return path_run(path);
}

int
main(int argc, char *argv[])
{
	size_t run_count = 0;

	for (int i = 1; i < argc; i++)
		run_count += path_run(argv[i]);
	if (argc <= 1)
		run_count = corpus_run(argv[0]);
	if (run_count == 0)
		errx(1, "no input");
	printf("%zu inputs passed\n", run_count);
	return 0;
}
