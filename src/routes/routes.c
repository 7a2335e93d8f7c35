#include "routes/routes.h"

#include "pure/uuid.h"

void
routes_make_id(const struct routes *routes, char *out)
{
	uint8_t random_bytes[10];

	routes->random_bytes(random_bytes, sizeof(random_bytes));
	uuid_print_urn(out, routes->wall_ms(), random_bytes);
}
