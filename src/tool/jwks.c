/*
 * fcgi-sse-jwks: fetches a JWK Set into a file, as fcgi-sse jwks, by a timer or
 * by hand: the responder reads files alone and never waits for an issuer. A
 * program of its own, so that it need not load libcurl.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pure/duration.h"
#include "tool/report.h"

#define EXIT_FETCHED 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* Sets of keys have some KB. */
#define SET_BYTES_MAX ((size_t)256 * 1024)
#define TIMEOUT_MS 10000
#define TIMEOUT_MS_MAX 600000

static const char help[] =
    "Usage: fcgi-sse jwks [OPTION]... URL FILE\n"
    "Fetches a JWK Set (RFC 7517) from an issuer and puts it in the place\n"
    "of the file, for --token-key ...,jwks=FILE. Only a set with a public\n"
    "key replaces the file, and only one that differs; then it prints a\n"
    "line, and fcgi-sse is to be sent SIGHUP.\n"
    "\n"
    "  --ca FILE         trust the certificates in this file instead of the\n"
    "                    system's\n"
    "  --timeout TIME    how long it may take in all (default 10s)\n"
    "  --help            print this and exit\n"
    "\n"
    "The URL is one of https, or of http on this machine. Exit status: 0 the\n"
    "file is as the issuer's, 1 it could not be fetched and stays, 2 usage.\n";

/* The command line; the texts are its own. */
struct order {
	const char *url;
	const char *path;
	const char *ca; /* NULL: the system's */
	int64_t     timeout_ms;
};

/* Whether plain HTTP stays on this machine. */
static bool
is_loopback(const char *url)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1",
		"[::1]" };
	const char              *host = url + strlen("http://");
	size_t                   len;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		len = strlen(hosts[i]);
		if (strncmp(host, hosts[i], len) == 0 &&
		    (host[len] == ':' || host[len] == '/' ||
			host[len] == '\0') &&
		    strchr(host, '@') == NULL)
			return true;
	}
	return false;
}

static bool
is_safe(const char *url)
{
	return strncmp(url, "https://", strlen("https://")) == 0 ||
	    (strncmp(url, "http://", strlen("http://")) == 0 &&
		is_loopback(url));
}

static int
refuse(const char *what, const char *why)
{
	report(0, "%s %s; see fcgi-sse jwks --help", what, why);
	return EXIT_USAGE;
}

/* Returns an exit status, or -1: go on. */
static int
read_order(struct order *order, int argc, char **argv)
{
	static const struct option options[] = {
		{ "ca", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_FETCHED;
		}
		if (option == 'c')
			order->ca = optarg;
		else if (option != 't')
			return refuse(argv[optind - 1],
			    option == ':' ? "takes an argument" :
					    "is not an option");
		else if (!duration_parse(optarg, &order->timeout_ms) ||
		    order->timeout_ms < 1 ||
		    order->timeout_ms > TIMEOUT_MS_MAX) {
			return refuse("--timeout",
			    "takes a duration up to 10m, such as 10s");
		}
	}
	if (argc - optind != 2) {
		return refuse("URL and FILE",
		    "are the two arguments: where the keys are, and where to "
		    "put them");
	}
	order->url = argv[optind];
	order->path = argv[optind + 1];
	if (is_safe(order->url))
		return -1;
	report(0,
	    "%s: keys come by https, or by http from this machine: anybody on "
	    "the way could change them",
	    order->url);
	return EXIT_USAGE;
}

static size_t
collect(char *bytes, size_t size, size_t count, void *arg)
{
	struct buf *body = arg;

	if (body->len_bytes + size * count > SET_BYTES_MAX)
		return 0;
	buf_append(body, bytes, size * count);
	return size * count;
}

static void
set_options(CURL *curl, const struct order *order, struct buf *body,
    char *error)
{
	curl_easy_setopt(curl, CURLOPT_URL, order->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)SET_BYTES_MAX);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)order->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT,
	    "fcgi-sse-jwks/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	if (order->ca != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, order->ca);
	if (strncmp(order->url, "http:", 5) == 0)
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
}

/* False, after a report, unless all of the set came with status 200. */
static bool
fetch(const struct order *order, struct buf *body)
{
	CURL    *curl = curl_easy_init();
	char     error[CURL_ERROR_SIZE] = "";
	CURLcode result = CURLE_FAILED_INIT;
	long     status = 0;

	if (curl != NULL) {
		set_options(curl, order, body, error);
		result = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_cleanup(curl);
	}
	if (result == CURLE_WRITE_ERROR || result == CURLE_FILESIZE_EXCEEDED)
		report(0, "%s: longer than 256 KiB is no set of keys",
		    order->url);
	else if (result != CURLE_OK)
		report(0, "%s: %s", order->url,
		    error[0] != '\0' ? error : curl_easy_strerror(result));
	else if (status != 200)
		report(0, "%s: the answer is %ld, not 200%s", order->url,
		    status,
		    status / 100 == 3 ? "; give the URL that it leads to" : "");
	return result == CURLE_OK && status == 200;
}

static bool
is_public_key(const json_t *jwk)
{
	const char *kty = json_string_value(json_object_get(jwk, "kty"));

	return kty != NULL && json_object_get(jwk, "d") == NULL &&
	    (strcmp(kty, "RSA") == 0 || strcmp(kty, "EC") == 0 ||
		strcmp(kty, "OKP") == 0);
}

/* How many public keys are in the set. */
static size_t
count_keys(const struct buf *body)
{
	json_t *set = json_loadb(body->data, body->len_bytes,
	    JSON_REJECT_DUPLICATES, NULL);
	json_t *jwk;
	size_t  i, count = 0;

	json_array_foreach (json_object_get(set, "keys"), i, jwk)
		count += is_public_key(jwk);
	json_decref(set);
	return count;
}

/* Whether the file is there with just these bytes. */
static bool
is_same(const char *path, const struct buf *body)
{
	/* Of a FIFO nobody may write. */
	int    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE  *file = fd == -1 ? NULL : fdopen(fd, "r");
	char  *bytes = mem_alloc(body->len_bytes + 1);
	size_t len_bytes = 0;

	if (file != NULL) {
		len_bytes = fread(bytes, 1, body->len_bytes + 1, file);
		fclose(file);
	}
	len_bytes = file != NULL && len_bytes == body->len_bytes &&
	    memcmp(bytes, body->data, len_bytes) == 0;
	free(bytes);
	return len_bytes != 0;
}

static bool
write_all(int fd, const struct buf *body)
{
	size_t  done_bytes = 0;
	ssize_t len;

	while (done_bytes < body->len_bytes) {
		len = write(fd, body->data + done_bytes,
		    body->len_bytes - done_bytes);
		if (len == -1 && errno != EINTR)
			return false;
		done_bytes += len == -1 ? 0 : (size_t)len;
	}
	return fchmod(fd, 0644) == 0 && fsync(fd) == 0;
}

/* Puts the bytes in the file's place at once, or leaves it; reports that. */
static bool
replace(const char *path, const struct buf *body)
{
	size_t path_bytes = strlen(path);
	char  *fresh = mem_alloc(path_bytes + sizeof(".XXXXXX"));
	bool   is_done;
	int    fd;

	memcpy(fresh, path, path_bytes);
	memcpy(fresh + path_bytes, ".XXXXXX", sizeof(".XXXXXX"));
	fd = mkstemp(fresh);
	is_done = fd != -1 && write_all(fd, body) && rename(fresh, path) == 0;
	if (!is_done)
		report(0, "%s: %s", path, strerror(errno));
	if (fd != -1) {
		if (!is_done)
			unlink(fresh);
		close(fd);
	}
	free(fresh);
	return is_done;
}

/* Fetches and replaces; returns an exit status. */
static int
run(const struct order *order, struct buf *body)
{
	size_t count;

	if (!fetch(order, body))
		return EXIT_FAILED;
	count = count_keys(body);
	if (count == 0) {
		report(0, "%s: the answer is no JWK Set with a public key",
		    order->url);
		return EXIT_FAILED;
	}
	if (is_same(order->path, body))
		return EXIT_FETCHED;
	if (!replace(order->path, body))
		return EXIT_FAILED;
	printf("%s: %zu keys\n", order->path, count);
	return EXIT_FETCHED;
}

int
main(int argc, char **argv)
{
	struct order order = { .timeout_ms = TIMEOUT_MS };
	struct buf   body = { 0 };
	int          status;

	report_set_command("jwks");
	status = read_order(&order, argc, argv);
	if (status != -1)
		return status;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return EXIT_FAILED;
	status = run(&order, &body);
	buf_deinit(&body);
	curl_global_cleanup();
	return status;
}
