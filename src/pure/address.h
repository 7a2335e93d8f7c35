#ifndef PURE_ADDRESS_H
#define PURE_ADDRESS_H

#include <stdbool.h>

/*
 * Whether the text is an IPv4 or IPv6 address of the loopback interface:
 * 127.0.0.0/8, ::1, or the former within the latter (::ffff:127.0.0.1). A
 * name, an address with a port and whatever else is no address.
 */
bool address_is_loopback(const char *text);

#endif
