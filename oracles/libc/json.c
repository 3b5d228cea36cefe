#include "json.h"
#include <stdlib.h>
#include <string.h>

static void fail(void)
{
	fputs("this is no JSON\n", stderr);
	exit(2);
}

static void skip(const char **at)
{
	*at += strspn(*at, " \t\r\n");
}

static void put(char **out, unsigned code)
{
	if (code < 0x80) {
		*(*out)++ = code;
	} else if (code < 0x800) {
		*(*out)++ = 0xc0 | code >> 6;
		*(*out)++ = 0x80 | (code & 63);
	} else {
		*(*out)++ = 0xe0 | code >> 12;
		*(*out)++ = 0x80 | (code >> 6 & 63);
		*(*out)++ = 0x80 | (code & 63);
	}
}

/* The writer of the questions escapes control characters, quotes and backslashes only. */
static char *read_text(const char **at, size_t *len)
{
	char *text = malloc(strlen(*at) + 1), *out = text;
	const char *c = *at + 1;
	for (; *c && *c != '"'; c++) {
		if (*c != '\\') {
			*out++ = *c;
			continue;
		}
		static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
		const char *found = strchr(names, *++c);
		char digits[5] = "";
		if (*c && found) {
			*out++ = values[found - names];
		} else if (*c == 'u' && strlen(c) > 4) {
			memcpy(digits, c + 1, 4);
			put(&out, strtoul(digits, NULL, 16));
			c += 4;
		} else {
			fail();
		}
	}
	if (!*c)
		fail();
	*at = c + 1;
	*len = out - text;
	*out = 0;
	return text;
}

static struct json *read_value(const char **at);

static void read_children(const char **at, struct json *into, char end)
{
	struct json **last = &into->child;
	++*at;
	skip(at);
	while (**at != end) {
		char *key = NULL;
		size_t len;
		if (end == '}') {
			if (**at != '"')
				fail();
			key = read_text(at, &len);
			skip(at);
			if (*(*at)++ != ':')
				fail();
		}
		*last = read_value(at);
		(*last)->key = key;
		last = &(*last)->next;
		skip(at);
		if (**at == ',')
			++*at;
		else if (**at != end)
			fail();
		skip(at);
	}
	++*at;
}

static struct json *read_value(const char **at)
{
	struct json *value = calloc(1, sizeof *value);
	skip(at);
	if (**at == '"') {
		value->kind = JSON_STRING;
		value->text = read_text(at, &value->len);
	} else if (**at == '[' || **at == '{') {
		value->kind = **at == '[' ? JSON_ARRAY : JSON_OBJECT;
		read_children(at, value, **at == '[' ? ']' : '}');
	} else if (strncmp(*at, "null", 4) == 0) {
		*at += 4;
	} else if (strncmp(*at, "true", 4) == 0) {
		value->kind = JSON_TRUE;
		*at += 4;
	} else if (strncmp(*at, "false", 5) == 0) {
		value->kind = JSON_FALSE;
		*at += 5;
	} else {
		char *end;
		value->kind = JSON_NUMBER;
		value->number = strtol(*at, &end, 10);
		if (end == *at)
			fail();
		*at = end;
	}
	return value;
}

struct json *json_read(const char *text)
{
	return read_value(&text);
}

void json_free(struct json *value)
{
	while (value) {
		struct json *next = value->next;
		json_free(value->child);
		free(value->text);
		free(value->key);
		free(value);
		value = next;
	}
}

const struct json *json_get(const struct json *object, const char *key)
{
	for (const struct json *member = object ? object->child : NULL; member; member = member->next)
		if (member->key && strcmp(member->key, key) == 0)
			return member;
	return NULL;
}

const char *json_text(const struct json *object, const char *key, const char *otherwise)
{
	const struct json *member = json_get(object, key);
	return member && member->kind == JSON_STRING ? member->text : otherwise;
}

void json_escape(FILE *to, const char *text, size_t len)
{
	for (; len--; text++) {
		unsigned char c = *text;
		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < 0x20)
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
}
