/*
 * dnsmasq reads configurations: {"conf": text} a line on standard input, "ok" or {"line": number, "why": message} a line
 * on standard output; messages about the values of single options are all "value". Network namespaces of its own keep look-ups of host names away from the real network.
 */
#define _GNU_SOURCE
#include "../libc/json.h"
#include "../libc/room.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "/etc/dnsmasq.conf"

/* Puts the text of the configuration into the message's place: "why at line 3 of FILE". */
static void print_refusal(char *message)
{
	char *why = strncmp(message, "dnsmasq: ", 9) == 0 ? message + 9 : message;
	char *place = strstr(why, " at line ");
	static const char *const general[] = {"bad option", "missing parameter", "extraneous parameter", "missing \"",
					      "bad port", "illegal repeated keyword"};
	why[strcspn(why, "\n")] = 0;
	if (place)
		*place = 0;
	size_t i = 0;
	while (i < sizeof general / sizeof *general && strcmp(why, general[i]) != 0)
		i++;
	why = i < sizeof general / sizeof *general ? why : "value";
	printf("{\"line\":%d,\"why\":\"", place ? atoi(place + 9) : 0);
	json_escape(stdout, why, strlen(why));
	puts("\"}");
}

static void answer(const char *line)
{
	char message[4096], *at = message;
	struct json *question = json_read(line);
	const struct json *conf = json_get(question, "conf");
	if (!conf)
		exit(2);
	room_write(FILE_NAME, conf->text, conf->len);
	FILE *run = popen("exec dnsmasq --test --conf-file=" FILE_NAME " 2>&1 </dev/null", "r");
	if (!run)
		exit(2);
	at[0] = 0;
	/* The first line of the output is empty. */
	while (at - message < 2048 && fgets(at, 2048, run))
		at += *at == '\n' ? 0 : strlen(at);
	while (fgetc(run) != EOF)
		;
	if (pclose(run) == 0)
		puts("\"ok\"");
	else
		print_refusal(message);
	json_free(question);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return system("dnsmasq --version | sed -n '1s/^\\([Dd]nsmasq\\) version \\([^ ]*\\).*/dnsmasq \\2/p'");
	const char *refused = room_enter();
	if (refused) {
		fprintf(stderr, "%s\n", refused);
		return 1;
	}
	room_write("/etc/empty", "", 0);
	mkdir("/etc/empty.d", 0755);
	if (argc > 1 && strcmp(argv[1], "--probe") == 0)
		return 0;
	while (getline(&line, &size, stdin) > 0)
		answer(line);
	return 0;
}
