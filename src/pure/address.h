#ifndef PURE_ADDRESS_H
#define PURE_ADDRESS_H

#include <stdbool.h>

/*
 * Whether the text is an IPv4 or IPv6 address of the loopback interface:
 * 127.0.0.0/8, ::1, or the former within the latter (::ffff:127.0.0.1). A
 * name, an address with a port and whatever else is no address.
 */
bool address_is_loopback(const char *text);

/* Room for a key, with its NUL. */
#define ADDRESS_KEY_BYTES 64

/*
 * What counts as one client, wherever something is counted for each: the
 * address, and of an IPv6 address its first 64 bits, since a client with one
 * address of such a network has them all. However an address is written, and
 * whether IPv4 stands within IPv6, the key is the same. NULL, "" and what is no
 * address at all have keys too; "-" stands for the unknown.
 */
void address_key(char key[static ADDRESS_KEY_BYTES], const char *text);

#endif
