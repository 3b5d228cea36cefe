/*
 * systemd reads units: {"unit": name, "files": {path: text or "->/dev/null"}} a line on standard input, what is in effect
 * a line on standard output. The dump of `systemd-analyze verify` tells; it loads the units of many questions at once,
 * so no two questions may have the same names.
 */
#define _GNU_SOURCE
#include "../libc/json.h"
#include "../libc/room.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 100, COMMAND = 1 << 16 };

#define UNIT_PATH "/etc/systemd/system:/run/systemd/system:/usr/lib/systemd/system"

static void make_folders(const char *path)
{
	char folder[4096];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
		mkdir(folder, 0755);
	}
}

static void lay_out(const struct json *question)
{
	for (const struct json *f = json_get(question, "files")->child; f; f = f->next) {
		make_folders(f->key);
		if (strcmp(f->text, "->/dev/null") != 0)
			room_write(f->key, f->text, f->len);
		else if (symlink("/dev/null", f->key) != 0)
			exit(2);
	}
}

static void print_text(const char *text)
{
	putchar('"');
	json_escape(stdout, text, strlen(text));
	putchar('"');
}

/* Whether a drop-in has a section: masks and empty files are in the dump, too. */
static int says_something(const struct json *files, const char *path)
{
	const char *text = json_text(files, path, "");
	return strstr(text, "[Service]") != NULL;
}

/* The values of the lines "\t\tNAME: value" of a unit's part of the dump. */
static void print_all(const char *label, char **lines, size_t count, const char *name, const struct json *files)
{
	size_t len = strlen(name);
	int any = 0;
	for (size_t i = 0; i < count; i++) {
		if (strncmp(lines[i], name, len) != 0 || (files && !says_something(files, lines[i] + len)))
			continue;
		printf(any ? "," : ",\"%s\":[", label);
		any = 1;
		print_text(lines[i] + len);
	}
	if (any)
		putchar(']');
}

static void print_commands(char **lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int any = 0;
		/* dnslint does not read ExecReload=. */
		if (strncmp(lines[i], "\t\t-> ", 5) != 0 || strncmp(lines[i] + 5, "ExecReload", 10) == 0)
			continue;
		printf(",\"%.*s\":[", (int)strcspn(lines[i] + 5, ":"), lines[i] + 5);
		for (size_t j = i + 1; j < count && strncmp(lines[j], "\t\t\t", 3) == 0; j++) {
			if (strncmp(lines[j], "\t\t\tCommand Line: ", 17) != 0)
				continue;
			if (any++)
				putchar(',');
			print_text(lines[j] + 17);
		}
		putchar(']');
	}
}

static void print_unit(const struct json *question, char **lines, size_t count)
{
	const char *unit = json_text(question, "unit", "");
	char head[512];
	size_t start = 0, end;
	snprintf(head, sizeof head, "\t-> Unit %s:", unit);
	while (start < count && strcmp(lines[start], head) != 0)
		start++;
	for (end = start + 1; end < count && strncmp(lines[end], "\t-> ", 4) != 0; end++)
		;
	if (start == count) {
		puts("\"not shown\"");
		return;
	}
	lines += start;
	count = end - start;
	for (size_t i = 0; i < count; i++)
		if (strncmp(lines[i], "\t\tUnit Load State: ", 19) == 0)
			printf("{\"load\":\"%s\"", lines[i] + 19);
	print_all("dropins", lines, count, "\t\tDropIn Path: ", json_get(question, "files"));
	print_all("type", lines, count, "\t\tType: ", NULL);
	print_all("user", lines, count, "\t\tUser: ", NULL);
	print_all("environment", lines, count, "\t\tEnvironment: ", NULL);
	print_all("files", lines, count, "\t\tEnvironmentFile: ", NULL);
	print_commands(lines, count);
	puts("}");
}

static void answer(struct json **questions, size_t count)
{
	static char command[COMMAND];
	static char *lines[1 << 19];
	size_t have = 0, size = 0;
	char *line = NULL;
	strcpy(command, "cd / && exec systemd-analyze verify --man=no --generators=no --recursive-errors=no");
	for (size_t i = 0; i < count; i++) {
		lay_out(questions[i]);
		strcat(strcat(command, " "), json_text(questions[i], "unit", ""));
	}
	strcat(command, " 2>/dev/null </dev/null");
	FILE *run = popen(command, "r");
	while (run && have < sizeof lines / sizeof *lines && getline(&line, &size, run) > 0) {
		line[strcspn(line, "\n")] = 0;
		lines[have++] = strdup(line);
	}
	pclose(run);
	for (size_t i = 0; i < count; i++) {
		print_unit(questions[i], lines, have);
		json_free(questions[i]);
	}
	while (have)
		free(lines[--have]);
	free(line);
}

int main(int argc, char **argv)
{
	struct json *questions[BATCH];
	size_t count = 0, size = 0;
	char *line = NULL;
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return system("systemd-analyze --version | sed -n '1s/ (.*//p'");
	const char *refused = room_enter();
	if (!refused && (mount("room", "/run", "tmpfs", 0, NULL) != 0 || mkdir("/run/lib", 0755) != 0 ||
			 mount("room", "/lib/systemd/system", "tmpfs", 0, NULL) != 0))
		refused = "no mounts";
	if (refused) {
		fprintf(stderr, "%s\n", refused);
		return 1;
	}
	if (argc > 1 && strcmp(argv[1], "--probe") == 0)
		return 0;
	setenv("SYSTEMD_UNIT_PATH", UNIT_PATH, 1);
	setenv("SYSTEMD_LOG_LEVEL", "debug", 1);
	while (getline(&line, &size, stdin) > 0) {
		questions[count++] = json_read(line);
		if (count == BATCH) {
			answer(questions, count);
			count = 0;
		}
	}
	if (count)
		answer(questions, count);
	return 0;
}
