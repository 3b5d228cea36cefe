/* A DNS server on port 53 of every address, which answers by the rules of a case and keeps what it was asked. */
#ifndef STUB_H
#define STUB_H
#include "json.h"

/* Opens the sockets. */
void stub_open(void);
/* Numbers servers from 1 again. */
void stub_forget(void);
/* Prints the servers that were asked, quoted, number 1 first. */
void stub_servers(FILE *to);
/* Answers until the other end of `pipe` is closed; what was written to it goes to `text`. Prints the queries to `to`. */
void stub_serve(const struct json *rules, int pipe, char *text, size_t size, FILE *to);
#endif
