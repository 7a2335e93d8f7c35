#include "pure/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define LOOPBACK_NET 127

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
