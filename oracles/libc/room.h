/* Rooms of their own: namespaces in which files of /etc and the whole network are the test's. */
#ifndef ROOM_H
#define ROOM_H
#include <stddef.h>

/* Enters new mount, network and host name namespaces: /etc is empty and writable, every address is this host's.
   Returns what is not permitted, or NULL. */
const char *room_enter(void);
/* Writes a file below /etc of the room. */
void room_write(const char *path, const char *text, size_t len);
#endif
