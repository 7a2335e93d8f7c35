#include "pure/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define LOOPBACK_NET 127

/* What two addresses of one client may differ in: the interface identifier. */
#define NET_BYTES 8

bool
address_is_loopback(const char *text)
{
	struct in_addr  v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == LOOPBACK_NET;
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6) ||
	    (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == LOOPBACK_NET);
}

void
address_key(char key[static ADDRESS_KEY_BYTES], const char *text)
{
	struct in6_addr v6;

	if (text == NULL || *text == '\0')
		text = "-";
	snprintf(key, ADDRESS_KEY_BYTES, "%s", text);
	/* The zone of a link-local address is no part of it. */
	if (strchr(key, ':') != NULL)
		key[strcspn(key, "%")] = '\0';
	if (inet_pton(AF_INET6, key, &v6) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED(&v6)) {
		inet_ntop(AF_INET, &v6.s6_addr[12], key, ADDRESS_KEY_BYTES);
		return;
	}
	memset(&v6.s6_addr[NET_BYTES], 0, sizeof(v6) - NET_BYTES);
	inet_ntop(AF_INET6, &v6, key, ADDRESS_KEY_BYTES);
	strncat(key, "/64", ADDRESS_KEY_BYTES - strlen(key) - 1);
}
