#include "tool/front.h"

#include <string.h>
#include <strings.h>

#include "tool/sample.h"

static const char *const names[FRONT_COUNT] = {
	[FRONT_UNKNOWN] = "unknown",
	[FRONT_APACHE] = "Apache",
	[FRONT_APACHE_PROXY] = "Apache mod_proxy_fcgi",
	[FRONT_APACHE_FCGID] = "Apache mod_fcgid",
	[FRONT_APACHE_CGI] = "Apache CGI",
	[FRONT_LIGHTTPD] = "lighttpd",
	[FRONT_NGINX] = "nginx",
	[FRONT_HAPROXY] = "HAProxy",
	[FRONT_CADDY] = "Caddy",
	[FRONT_H2O] = "h2o",
	[FRONT_VARNISH] = "Varnish",
};

const char *
front_name(enum front front)
{
	return names[front];
}

bool
front_is_apache(enum front front)
{
	return front >= FRONT_APACHE && front <= FRONT_APACHE_CGI;
}

/* What a server's own page for a malformed request has in it. */
static enum front
front_of_page(const struct sample *odd)
{
	static const struct {
		const char *text;
		enum front  front;
	} pages[] = {
		{ "<hr><center>nginx", FRONT_NGINX },
		{ "<center><h1>400 Bad Request</h1></center>", FRONT_NGINX },
		{ "Your browser sent a request that this server could not "
		  "understand",
		    FRONT_APACHE },
		{ "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>",
		    FRONT_LIGHTTPD },
		{ "Your browser sent an invalid request.", FRONT_HAPROXY },
		{ "malformed Host header", FRONT_CADDY },
	};

	if (odd->status != 400)
		return FRONT_UNKNOWN;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (sample_body_has(odd, pages[i].text))
			return pages[i].front;
	}
	return FRONT_UNKNOWN;
}

static enum front
front_of_field(const struct sample *stream)
{
	static const struct {
		const char *start;
		enum front  front;
	} products[] = {
		{ "Apache", FRONT_APACHE },
		{ "lighttpd", FRONT_LIGHTTPD },
		{ "nginx", FRONT_NGINX },
		{ "openresty", FRONT_NGINX },
		{ "Caddy", FRONT_CADDY },
		{ "h2o", FRONT_H2O },
	};

	if (stream->server == NULL)
		return FRONT_UNKNOWN;
	for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
		if (strncasecmp(stream->server, products[i].start,
			strlen(products[i].start)) == 0)
			return products[i].front;
	}
	return FRONT_UNKNOWN;
}

/* By the head of a stream; by HTTP/2 all names are in lower case. */
static enum front
front_of_head(const struct sample *stream)
{
	if (stream->status != 200)
		return FRONT_UNKNOWN;
	if (stream->http_major == 1 && stream->is_type_lower)
		return stream->is_date_lower ? FRONT_HAPROXY : FRONT_H2O;
	if (stream->accel == NULL)
		return FRONT_NGINX;
	return FRONT_UNKNOWN;
}

/*
 * Which of Apache's modules starts fcgi-sse, or speaks with one that runs. Only
 * a fcgi-sse without topics says that: with them the modules look alike.
 */
static enum front
module_of_apache(const struct sample *post)
{
	if (!sample_is_own_text(post) || post->status != 501)
		return FRONT_APACHE;
	if (sample_body_has(post, "mod_fcgid"))
		return FRONT_APACHE_FCGID;
	if (sample_body_has(post, "CGI program"))
		return FRONT_APACHE_CGI;
	return FRONT_APACHE_PROXY;
}

static enum front
first_known(enum front a, enum front b, enum front c)
{
	if (a != FRONT_UNKNOWN)
		return a;
	return b != FRONT_UNKNOWN ? b : c;
}

void
fronts_recognise(struct fronts *fronts, const struct sample *odd,
    const struct sample *stream, const struct sample *post)
{
	enum front page = front_of_page(odd), head = front_of_head(stream);
	enum front field = front_of_field(stream);

	/* A name that is not its own: nginx leaves that field out. */
	if (field == FRONT_NGINX && stream->accel != NULL)
		field = FRONT_UNKNOWN;
	/* HAProxy has no field Server: what it passes on is another's. */
	if (head == FRONT_HAPROXY)
		page = head;
	/* It passes on all other fields, and the page of who is behind it. */
	if (stream->varnish != NULL && (page == FRONT_UNKNOWN || page == field))
		page = FRONT_VARNISH;
	fronts->outer = first_known(page, head, field);
	fronts->inner = first_known(field, fronts->outer, FRONT_UNKNOWN);
	fronts->is_said = page == FRONT_UNKNOWN && head == FRONT_UNKNOWN;
	if (fronts->inner == FRONT_APACHE)
		fronts->inner = module_of_apache(post);
	if (fronts->outer == FRONT_APACHE)
		fronts->outer = field == FRONT_APACHE ||
			field == FRONT_UNKNOWN ?
		    fronts->inner :
		    FRONT_APACHE_PROXY;
}
