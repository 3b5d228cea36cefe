/*
 * Asks a C library the questions of standard input, one JSON value a line. The program's own name decides:
 *
 *   glibc-resolv-conf   {"conf": text, "host": name, "env": {...}} -> what res_ninit() took from the file
 *   *-queries, *-wait, musl-resolv-conf
 *                        {"conf": text, "host": name, "names": [...], "rules": {...}} -> {"servers": [...], "asked": [...]},
 *                       for each name {"queries": ["NAME 1A 1AAAA", ...], "end": how getaddrinfo() ends}; wait adds
 *                       the seconds
 *
 * The questions are shared out among workers, each in namespaces of its own.
 */
#define _GNU_SOURCE
#include "json.h"
#include "room.h"
#include "stub.h"
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A library that does not come back is ended. */
enum { MOST_SECONDS = 100 };

static char asker[4096];
static int whole_state, waiting;

static void set_environment(const struct json *variables)
{
	for (const struct json *v = variables ? variables->child : NULL; v; v = v->next)
		setenv(v->key, v->text, 1);
}

/* Runs the asker while the stub answers it; returns its wait status. */
static int ask(const struct json *question, const char *mode, const char *name, char *text, size_t size, FILE *queries)
{
	int ends[2], status;
	if (pipe(ends) != 0)
		exit(2);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], 1);
		/* An assertion of the library is an answer, and no message for the reader of the test. */
		dup2(open("/dev/null", O_WRONLY), 2);
		close(ends[0]);
		close(ends[1]);
		set_environment(json_get(question, "env"));
		alarm(MOST_SECONDS);
		execl(asker, asker, mode, name, NULL);
		_exit(127);
	}
	close(ends[1]);
	stub_serve(json_get(question, "rules"), ends[0], text, size, queries);
	close(ends[0]);
	waitpid(child, &status, 0);
	text[strcspn(text, "\n")] = 0;
	return status;
}

static void look_up(const struct json *question, const char *name, FILE *out)
{
	char text[256];
	struct timespec start, end;
	fprintf(out, "{\"queries\":[");
	clock_gettime(CLOCK_MONOTONIC, &start);
	int status = ask(question, "look-up", name, text, sizeof text, out);
	clock_gettime(CLOCK_MONOTONIC, &end);
	long ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	fprintf(out, "],\"end\":");
	if (WIFSIGNALED(status))
		fprintf(out, "\"signal %d\"", WTERMSIG(status));
	else
		fprintf(out, "%s", *text ? text : "\"nothing\"");
	if (waiting)
		fprintf(out, ",\"seconds\":%ld", (ms + 300) / 1000);
	putc('}', out);
}

static void answer(const char *line, FILE *out)
{
	static char text[1 << 20];
	struct json *question = json_read(line);
	const struct json *conf = json_get(question, "conf"), *names = json_get(question, "names");
	const char *host = json_text(question, "host", "testhost");
	if (!conf || sethostname(host, strlen(host)) != 0)
		exit(2);
	room_write("/etc/resolv.conf", conf->text, conf->len);
	if (whole_state) {
		ask(question, "state", NULL, text, sizeof text, stderr);
		fputs(*text ? text : "\"nothing\"", out);
	} else {
		stub_forget();
		fputs("{\"asked\":[", out);
		for (const struct json *name = names->child; name; name = name->next) {
			look_up(question, name->text, out);
			if (name->next)
				putc(',', out);
		}
		fputs("],\"servers\":[", out);
		stub_servers(out);
		fputs("]}", out);
	}
	putc('\n', out);
	json_free(question);
}

struct lines { char **at; size_t count; };

static struct lines read_lines(FILE *from)
{
	struct lines lines = {0};
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, from) > 0) {
		lines.at = realloc(lines.at, (lines.count + 1) * sizeof *lines.at);
		lines.at[lines.count++] = line;
		line = NULL;
		size = 0;
	}
	return lines;
}

/* The questions index, index + workers, ... in namespaces of their own; the answers go to a file in memory. */
static void work(const struct lines *lines, size_t index, size_t workers, int fd)
{
	const char *refused = room_enter();
	FILE *out = fdopen(dup(fd), "w");
	if (refused) {
		fprintf(stderr, "%s\n", refused);
		exit(1);
	}
	stub_open();
	for (size_t i = index; i < lines->count; i += workers)
		answer(lines->at[i], out);
	fclose(out);
	exit(0);
}

static int run(struct lines lines, size_t workers)
{
	FILE *answers[64];
	int status, failed = 0;
	char *line = NULL;
	size_t size = 0;
	for (size_t i = 0; i < workers; i++) {
		int fd = memfd_create("answers", 0);
		answers[i] = fdopen(fd, "r");
		if (fork() == 0)
			work(&lines, i, workers, fd);
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	for (size_t i = 0; i < workers; i++)
		rewind(answers[i]);
	for (size_t i = 0; i < lines.count && !failed; i++) {
		if (getline(&line, &size, answers[i % workers]) <= 0)
			return 1;
		fputs(line, stdout);
	}
	return failed;
}

int main(int argc, char **argv)
{
	char self[4096] = "";
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return 2;
	const char *name = basename(argv[0]);
	int is_musl = strncmp(name, "musl", 4) == 0;
	snprintf(asker, sizeof asker, "%s/ask-%s", dirname(self), is_musl ? "musl" : "glibc");
	if (argc > 1 && strcmp(argv[1], "--probe") == 0) {
		const char *refused = room_enter();
		if (refused)
			fprintf(stderr, "%s\n", refused);
		return refused != NULL;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		fflush(stdout);
		if (is_musl)
			return puts(MUSL) < 0;
		execl(asker, asker, "version", NULL);
		return 2;
	}
	whole_state = strcmp(name, "glibc-resolv-conf") == 0;
	waiting = strstr(name, "wait") != NULL;
	/* Look-ups that wait for silent servers wait side by side. */
	return run(read_lines(stdin), waiting ? 48 : is_musl ? 24 : 2);
}
