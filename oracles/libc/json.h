/* JSON, as far as the questions of the tests need it: read a value, find a member, escape a string. */
#ifndef JSON_H
#define JSON_H
#include <stdio.h>

enum json_kind { JSON_NULL, JSON_TRUE, JSON_FALSE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	long number;
	char *text;         /* of a string; may hold NUL bytes */
	size_t len;
	char *key;          /* of a member of an object */
	struct json *child; /* first member or element */
	struct json *next;
};

/* Reads one value; ends the program where the text is no JSON. */
struct json *json_read(const char *text);
void json_free(struct json *value);
/* The member of an object, or NULL. */
const struct json *json_get(const struct json *object, const char *key);
/* The text of a member, or the default where there is none. */
const char *json_text(const struct json *object, const char *key, const char *otherwise);
/* Prints the inside of a string; the text is UTF-8. */
void json_escape(FILE *to, const char *text, size_t len);
#endif
