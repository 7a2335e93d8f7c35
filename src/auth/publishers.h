#ifndef AUTH_PUBLISHERS_H
#define AUTH_PUBLISHERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who may publish to which topics: who sends a key, to all topics; everybody
 * else, to the public topics at a limited rate.
 */
struct publishers;

enum publish_verdict {
	PUBLISH_ALLOWED,        /* a key was given */
	PUBLISH_ALLOWED_TO_ALL, /* without one, to public topics */
	PUBLISH_OFF,            /* there is no key that could be given */
	PUBLISH_NO_KEY,         /* none was given, or it is not one of ours */
	PUBLISH_TOO_OFTEN       /* to a public topic, from this address */
};

/*
 * keys holds one key a line; NULL: there is none. Both are copied. Free with
 * publishers_free.
 */
struct publishers *publishers_new(const char *keys, char *const *public_topics,
    size_t public_count);
void               publishers_free(struct publishers *);

/*
 * Whether an update to these topics is allowed. authorization is the field of
 * that name, or NULL; client is the address that public updates are counted
 * by.
 */
enum publish_verdict publishers_judge(struct publishers *,
    const char *authorization, const char *client, const char *const *topics,
    size_t topic_count, int64_t now_ms);

/* Whether anyone may publish to this topic. */
bool publishers_is_public(const struct publishers *, const char *topic);

/*
 * The same without knowing the topics: whether an update to some topic could be
 * allowed. Nothing is counted.
 */
enum publish_verdict publishers_judge_any(const struct publishers *,
    const char *authorization);

#endif
