#ifndef PRESENCE_WILL_H
#define PRESENCE_WILL_H

#include <stdbool.h>

struct announcement;
struct presence;
struct roster;
struct roster_process;

/*
 * What stands in the will (store/wills.h) of a process with one stream: which
 * of its announcements are out. So others of its machine, which do not hear all
 * that is published, can tell its end.
 */

/*
 * Notes that the announcement is out, before it is published; or not any more,
 * when its end was. Without wills it does nothing.
 */
void will_note(struct presence *, const struct announcement *, unsigned shape,
    bool is_out);

/*
 * Adds what the text says that the dead process has announced. What it cannot
 * have announced is passed over. False: there is no room for all.
 */
bool will_read(struct roster *, struct roster_process *, const char *text);

#endif
