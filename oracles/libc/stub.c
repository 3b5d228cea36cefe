#define _GNU_SOURCE
#include "stub.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 4, MESSAGE = 4096, SERVERS = 16 };

static int udp, listener;
static struct connection { int fd; size_t have; unsigned char data[MESSAGE]; } connections[CONNECTIONS];
static FILE *queries;
static char last_name[300];
/* The servers that were asked since stub_forget(), in this order. */
static char servers[SERVERS][INET6_ADDRSTRLEN];
static int server_count;

static int open_socket(int type)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, off = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	/* Answers may come from addresses that no interface has. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0) {
		perror("port 53");
		exit(2);
	}
	return fd;
}

void stub_open(void)
{
	udp = open_socket(SOCK_DGRAM);
	listener = open_socket(SOCK_STREAM);
	if (listen(listener, CONNECTIONS) != 0) {
		perror("listen");
		exit(2);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		connections[i].fd = -1;
}

/* The name of the question with its last dot, and the offset behind the question; 0 if it is malformed. */
static size_t question(const unsigned char *message, size_t len, char *name, unsigned *type)
{
	size_t at = 12;
	char *out = name;
	while (at < len && message[at]) {
		size_t label = message[at++];
		if (label > 63 || at + label >= len || out - name + label > 254)
			return 0;
		memcpy(out, message + at, label);
		out += label;
		*out++ = '.';
		at += label;
	}
	if (out == name)
		*out++ = '.';
	*out = 0;
	if (at + 5 > len)
		return 0;
	*type = message[at + 1] << 8 | message[at + 2];
	return at + 5;
}

static void address_text(const struct in6_addr *address, char *text)
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, &address->s6_addr[12], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

static int number_of(const char *server)
{
	int i = 0;
	while (i < server_count && strcmp(servers[i], server) != 0)
		i++;
	if (i == server_count && i < SERVERS)
		strcpy(servers[server_count++], server);
	return i + 1;
}

/* Queries for one name in a row are one string: the name, then the server's number and the type of each. */
static void note(const char *server, const char *name, unsigned type, const char *transport)
{
	const char *kind = type == 1 ? "A" : type == 28 ? "AAAA" : "other";
	if (strcmp(name, last_name) != 0) {
		if (*last_name)
			fputs("\",", queries);
		putc('"', queries);
		json_escape(queries, name, strlen(name));
		strcpy(last_name, name);
	}
	fprintf(queries, " %d%s%s", number_of(server), kind, transport);
}

void stub_forget(void)
{
	server_count = 0;
}

void stub_servers(FILE *to)
{
	for (int i = 0; i < server_count; i++)
		fprintf(to, "%s\"%s\"", i ? "," : "", servers[i]);
}

/* The rule for a server, else for a type, else for a name, else for all. */
static const char *rule(const struct json *rules, const char *server, const char *name, unsigned type)
{
	const char *all = json_text(rules, "otherwise", "nxdomain");
	const char *by_name = json_text(json_get(rules, "names"), name, all);
	const char *by_type = json_text(json_get(rules, "types"), type == 28 ? "AAAA" : "A", by_name);
	return json_text(json_get(rules, "servers"), server, by_type);
}

/* Answers in place; 0 where the rule is silence. */
static size_t answer(const struct json *rules, const char *server, const char *transport, unsigned char *message, size_t len)
{
	static const unsigned char v4[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};
	static const unsigned char v6[] = {0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 0, 0, 16, 0x20, 1, 0xd, 0xb8,
					   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	char name[300];
	unsigned type = 0;
	size_t end = question(message, len, name, &type);
	if (end == 0)
		strcpy(name, "malformed");
	const char *what = rule(rules, server, name, type);
	note(server, name, type, transport);
	if (strcmp(what, "silent") == 0 || end == 0)
		return 0;
	static const char *const codes[] = {"", "formerr", "servfail", "nxdomain", "notimp", "refused"};
	int lame = strcmp(what, "lame") == 0;
	message[2] |= lame ? 0x80 : 0x84;
	message[3] = lame ? 0 : 0x80;
	memset(message + 6, 0, 6);
	unsigned code = 5;
	while (code && strcmp(what, codes[code]) != 0)
		code--;
	message[3] |= code;
	if (code || lame)
		return end;
	if (strcmp(what, "truncated") == 0 && !*transport)
		message[2] |= 2;
	else if (strcmp(what, "nodata") != 0 && (type == 1 || type == 28)) {
		size_t size = type == 1 ? sizeof v4 : sizeof v6;
		message[7] = 1;
		memcpy(message + end, type == 1 ? v4 : v6, size);
		end += size;
	}
	return end;
}

static int serve_datagram(const struct json *rules)
{
	unsigned char message[MESSAGE + 64];
	char control[128], server[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in6 from;
	struct iovec data = {message, MESSAGE};
	struct msghdr head = {&from, sizeof from, &data, 1, control, sizeof control, 0};
	ssize_t len = recvmsg(udp, &head, 0);
	if (len < 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c; c = CMSG_NXTHDR(&head, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			address_text(&((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, server);
	data.iov_len = answer(rules, server, "", message, len);
	/* The control data says from which address to answer: the one that was asked. */
	if (data.iov_len && sendmsg(udp, &head, 0) < 0)
		perror("answer");
	return 1;
}

static void serve_stream(const struct json *rules, struct connection *c)
{
	struct sockaddr_in6 own;
	socklen_t own_len = sizeof own;
	char server[INET6_ADDRSTRLEN];
	ssize_t len = recv(c->fd, c->data + c->have, sizeof c->data - c->have, 0);
	if (len <= 0) {
		if (len == 0 || errno != EAGAIN) {
			close(c->fd);
			c->fd = -1;
		}
		return;
	}
	c->have += len;
	getsockname(c->fd, (struct sockaddr *)&own, &own_len);
	address_text(&own.sin6_addr, server);
	while (c->have > 2 && c->have >= 2u + (c->data[0] << 8 | c->data[1])) {
		size_t size = c->data[0] << 8 | c->data[1], end;
		unsigned char out[MESSAGE + 64];
		memcpy(out, c->data, 2 + size);
		end = answer(rules, server, "/tcp", out + 2, size);
		out[0] = end >> 8;
		out[1] = end;
		if (end)
			send(c->fd, out, 2 + end, MSG_NOSIGNAL);
		c->have -= 2 + size;
		memmove(c->data, c->data + 2 + size, c->have);
	}
}

void stub_serve(const struct json *rules, int pipe, char *text, size_t size, FILE *to)
{
	size_t have = 0;
	int open = 1;
	queries = to;
	*last_name = 0;
	while (open) {
		struct pollfd wait[3 + CONNECTIONS] = {{udp, POLLIN, 0}, {pipe, POLLIN, 0}, {listener, POLLIN, 0}};
		for (int i = 0; i < CONNECTIONS; i++)
			wait[3 + i] = (struct pollfd){connections[i].fd, POLLIN, 0};
		if (poll(wait, 3 + CONNECTIONS, 120000) <= 0)
			break;
		while (serve_datagram(rules))
			;
		for (int i = 0; i < CONNECTIONS; i++)
			if (wait[3 + i].revents)
				serve_stream(rules, &connections[i]);
		if (wait[2].revents) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
			int i = 0;
			while (i < CONNECTIONS && connections[i].fd >= 0)
				i++;
			if (i < CONNECTIONS)
				connections[i] = (struct connection){.fd = fd};
			else
				close(fd);
		}
		if (wait[1].revents) {
			ssize_t len = read(pipe, text + have, size - 1 - have);
			open = len > 0;
			have += len > 0 ? len : 0;
		}
	}
	text[have] = 0;
	if (*last_name)
		putc('"', queries);
	for (int i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd >= 0) {
			close(connections[i].fd);
			connections[i].fd = -1;
		}
}
