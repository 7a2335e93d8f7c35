#ifndef PAGE_PAGE_DATA_H
#define PAGE_PAGE_DATA_H

#include <stddef.h>

/*
 * The files of the page, embedded by src/page/embed.sh when the program is
 * built. All of it is constant and lasts as long as the program.
 */
struct page_file {
	const char          *path; /* below the mount: "/", "/page.css" */
	const char          *content_type;
	const char          *etag;  /* with its quotes, RFC 9110 8.8.3 */
	const unsigned char *bytes; /* not terminated */
	size_t               size_bytes;
};

extern const struct page_file page_files[];
extern const size_t           page_file_count;

#endif
