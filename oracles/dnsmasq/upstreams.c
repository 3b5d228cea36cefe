/*
 * dnsmasq chooses upstreams: {"conf": text, "files": {name below /etc: text}, "ask": [{"name": text, "type": number}]} a
 * line on standard input, a list with the addresses that were asked for each name on standard output, "refused" where
 * dnsmasq does not start. A server on port 53 of every address answers; `--all-servers` shows all that may be asked.
 */
#define _GNU_SOURCE
#include "../libc/json.h"
#include "../libc/room.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 5399
/* Milliseconds: for an answer, for what else may come behind it, and for a start. */
#define PATIENCE 2000
#define QUIET 15
#define START 5000
#define MOST 64

static int upstream, client;
static char asked[MOST][INET_ADDRSTRLEN];
static size_t count;

/* Answers one query at the address that it was sent to, and keeps the address. */
static void serve(void)
{
	unsigned char packet[512];
	char control[256];
	struct sockaddr_in from;
	struct iovec data = {packet, sizeof packet};
	struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &data, .msg_iovlen = 1,
				 .msg_control = control, .msg_controllen = sizeof control};
	ssize_t len = recvmsg(upstream, &message, 0);
	struct cmsghdr *head = len < 12 ? NULL : CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_type != IP_PKTINFO)
		return;
	struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(head);
	if (count < MOST)
		inet_ntop(AF_INET, &info->ipi_addr, asked[count++], INET_ADDRSTRLEN);
	info->ipi_spec_dst = info->ipi_addr;
	info->ipi_ifindex = 0;
	packet[2] |= 0x80; /* a response without records */
	packet[3] = 0x80;
	data.iov_len = (size_t)len;
	sendmsg(upstream, &message, 0);
}

/* Serves until the client has its answer and nothing more comes; 0 where it got none in time. */
static int wait_for_answer(int patience)
{
	struct pollfd fds[2] = {{.fd = upstream, .events = POLLIN}, {.fd = client, .events = POLLIN}};
	int done = 0;
	while (poll(fds, 2, done ? QUIET : patience) > 0) {
		char packet[1024];
		if (fds[0].revents)
			serve();
		if (fds[1].revents)
			done = recv(client, packet, sizeof packet, 0) > 0 || done;
	}
	return done;
}

static void send_query(const char *name, int type)
{
	unsigned char packet[512] = {0x12, 0x34, 1, 0, 0, 1}, *at = packet + 12;
	while (*name && at < packet + 400) {
		size_t label = strcspn(name, ".");
		*at++ = (unsigned char)label;
		at = (unsigned char *)mempcpy(at, name, label);
		name += label + (name[label] == '.');
	}
	*at++ = 0;
	*at++ = (unsigned char)(type >> 8);
	*at++ = (unsigned char)type;
	*at++ = 0;
	*at++ = 1;
	send(client, packet, (size_t)(at - packet), 0);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_asked(void)
{
	qsort(asked, count, sizeof *asked, compare);
	putchar('"');
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(asked[i], asked[i - 1]) != 0)
			printf("%s%s", i ? " " : "", asked[i]);
	putchar('"');
}

static pid_t start(void)
{
	fflush(stdout); /* or the child would print it again */
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(1);
		execlp("dnsmasq", "dnsmasq", "--keep-in-foreground", "--conf-file=/etc/dnsmasq.conf", "--port=5399",
		       "--all-servers", "--cache-size=0", "--user=root", "--group=root", "--pid-file", NULL);
		_exit(1);
	}
	for (int waited = 0; pid > 0 && waited < START; waited += 50) {
		send_query("ready.test", 1);
		if (wait_for_answer(50))
			return pid;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 0;
	}
	return pid;
}

static void answer(const char *line)
{
	struct json *question = json_read(line);
	const struct json *conf = json_get(question, "conf"), *files = json_get(question, "files");
	const struct json *ask = json_get(question, "ask");
	if (!conf || !ask)
		exit(2);
	room_write("/etc/dnsmasq.conf", conf->text, conf->len);
	for (const struct json *file = files ? files->child : NULL; file; file = file->next) {
		char path[256];
		snprintf(path, sizeof path, "/etc/%s", file->key);
		room_write(path, file->text, file->len);
	}
	pid_t pid = start();
	if (pid <= 0) {
		puts("\"refused\"");
	} else {
		putchar('[');
		for (const struct json *query = ask->child; query; query = query->next) {
			const struct json *type = json_get(query, "type");
			count = 0;
			send_query(json_text(query, "name", ""), type ? (int)type->number : 1);
			if (!wait_for_answer(PATIENCE))
				printf("\"silent\"");
			else
				print_asked();
			if (query->next)
				putchar(',');
		}
		puts("]");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	json_free(question);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	int on = 1;
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return system("dnsmasq --version | sed -n '1s/^\\([Dd]nsmasq\\) version \\([^ ]*\\).*/dnsmasq \\2/p'");
	const char *refused = room_enter();
	if (refused) {
		fprintf(stderr, "%s\n", refused);
		return 1;
	}
	room_write("/etc/passwd", "root:x:0:0::/:/bin/sh\n", 22);
	room_write("/etc/group", "root:x:0:\n", 10);
	if (argc > 1 && strcmp(argv[1], "--probe") == 0)
		return 0;
	struct sockaddr_in every = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	upstream = socket(AF_INET, SOCK_DGRAM, 0);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	if (setsockopt(upstream, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0 ||
	    bind(upstream, (struct sockaddr *)&every, sizeof every) != 0 ||
	    connect(client, (struct sockaddr *)&to, sizeof to) != 0) {
		perror("sockets");
		return 1;
	}
	while (getline(&line, &size, stdin) > 0)
		answer(line);
	return 0;
}
