/*
 * What one C library does, in a process of its own: `ask look-up NAME` prints how getaddrinfo() ends, `ask state` what
 * res_ninit() took from /etc/resolv.conf (glibc only), `ask version` the release.
 */
#define _GNU_SOURCE
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <arpa/inet.h>
#include <gnu/libc-version.h>
#include <netinet/in.h>
#include <resolv.h>

static void print_list(const char *name, char **list)
{
	printf("\"%s\":[", name);
	for (char **word = list; *word; word++) {
		printf("%s\"", word == list ? "" : ",");
		for (const unsigned char *c = (const unsigned char *)*word; *c; c++)
			printf(*c == '"' || *c == '\\' ? "\\%c" : *c < 0x20 ? "\\u%04x" : "%c", *c);
		printf("\"");
	}
	printf("],");
}

static void print_servers(const struct __res_state *state)
{
	static char text[MAXNS][INET6_ADDRSTRLEN + 12];
	char *list[MAXNS + 1] = {0};
	for (int i = 0; i < state->nscount; i++) {
		const struct sockaddr_in6 *v6 = state->_u._ext.nsaddrs[i];
		list[i] = text[i];
		if (state->nsaddr_list[i].sin_family == AF_INET) {
			inet_ntop(AF_INET, &state->nsaddr_list[i].sin_addr, text[i], INET6_ADDRSTRLEN);
			continue;
		}
		inet_ntop(AF_INET6, &v6->sin6_addr, text[i], INET6_ADDRSTRLEN);
		if (v6->sin6_scope_id)
			sprintf(text[i] + strlen(text[i]), "%%%u", v6->sin6_scope_id);
	}
	print_list("nameservers", list);
}

static int state(void)
{
	static const struct { unsigned long bit; char *name; } flags[] = {
		{RES_USE_EDNS0, "edns0"}, {RES_NOAAAA, "no-aaaa"}, {RES_NORELOAD, "no-reload"},
		{RES_NOTLDQUERY, "no-tld-query"}, {RES_ROTATE, "rotate"}, {RES_SNGLKUP, "single-request"},
		{RES_SNGLKUPREOP, "single-request-reopen"}, {RES_TRUSTAD, "trust-ad"}, {RES_USEVC, "use-vc"},
	};
	struct __res_state state;
	char *names[16] = {0};
	int count = 0;
	memset(&state, 0, sizeof state);
	if (res_ninit(&state) != 0) {
		printf("\"res_ninit failed\"\n");
		return 0;
	}
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (state.options & flags[i].bit)
			names[count++] = flags[i].name;
	printf("{");
	print_servers(&state);
	print_list("search", state.dnsrch);
	print_list("flags", names);
	printf("\"ndots\":%d,\"timeout\":%d,\"attempts\":%d,\"sortlist\":%d}\n", state.ndots, state.retrans, state.retry,
	       state.nsort);
	return 0;
}
#endif

static const char *ending(int code)
{
	switch (code) {
	case 0: return "ok";
	case EAI_AGAIN: return "EAI_AGAIN";
	case EAI_FAIL: return "EAI_FAIL";
	case EAI_NONAME: return "EAI_NONAME";
#ifdef EAI_NODATA
	case EAI_NODATA: return "EAI_NODATA";
#endif
	case EAI_SYSTEM: return "EAI_SYSTEM";
	default: return gai_strerror(code);
	}
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
	if (argc == 3 && strcmp(argv[1], "look-up") == 0) {
		printf("\"%s\"\n", ending(getaddrinfo(argv[2], NULL, &hints, &found)));
		return 0;
	}
#ifdef __GLIBC__
	if (argc == 2 && strcmp(argv[1], "state") == 0)
		return state();
	if (argc == 2 && strcmp(argv[1], "version") == 0) {
		printf("glibc %s\n", gnu_get_libc_version());
		return 0;
	}
#endif
	fprintf(stderr, "usage: ask look-up NAME | state | version\n");
	return 2;
}
