#ifndef ROUTES_ROUTER_H
#define ROUTES_ROUTER_H

struct answer;
struct request;
struct routes;

/*
 * Answers the request: finds the route by method and path, and has its
 * handler fill in the answer, which the caller deinits. It always succeeds; an
 * error is an answer too.
 */
void router_answer(struct routes *, const struct request *, struct answer *);

#endif
