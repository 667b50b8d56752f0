/* SPDX-License-Identifier: ISC */

/*
 * Stands in for every daemon under mike-spawn, so that mike-spawn can be
 * watched alone.  Says what it got on standard error, then does what the file
 * /run/standin/NAME (without it: waits) asks for:
 *
 *   die N		exits with N
 *   stubborn		ignores SIGTERM
 *   setuid N		takes that id
 *   exec PATH		runs a program
 *   tell HEX		sends these octets on descriptor 3, then reports what
 *			comes
 *
 * `standin over HEX COMMAND...` is what starts a supervised mike-spawn -k:
 * runs the command with a channel as its descriptor 3, then does as for tell.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name;

static void
say_descriptors(void)
{
	struct stat st;

	for (int fd = 0; fd < 200; fd++)
		if (fstat(fd, &st) == 0 && fd > 2)
			fprintf(stderr, "standin %s fd=%d type=%o size=%ld\n",
			    name, fd, (unsigned int)(st.st_mode & S_IFMT),
			    (long)st.st_size);
}

static void
tell(const char *hex)
{
	unsigned char out[64], in[64];
	unsigned int octet;
	size_t n = 0;
	ssize_t got;
	int flags = fcntl(3, F_GETFL);

	while (n < sizeof(out) && sscanf(hex, "%2x", &octet) == 1) {
		out[n++] = (unsigned char)octet;
		hex += 2;
	}
	fcntl(3, F_SETFL, flags & ~O_NONBLOCK);
	if (send(3, out, n, MSG_NOSIGNAL) < 0)
		warn("standin %s send", name);
	while ((got = recv(3, in, sizeof(in), 0)) > 0)
		fprintf(stderr, "standin %s got=%c slot=%u\n", name, in[0],
		    got > 1 ? in[1] : 0u);
	fprintf(stderr, "standin %s channel closed\n", name);
}

static void
obey(const char *verb, const char *arg)
{
	if (strcmp(verb, "die") == 0)
		_exit(atoi(arg)); /* no leak check of a sanitizer */
	if (strcmp(verb, "stubborn") == 0)
		signal(SIGTERM, SIG_IGN);
	if (strcmp(verb, "setuid") == 0) {
		uid_t u = (uid_t)atoi(arg);

		if (setresuid(u, u, u) == 0)
			fprintf(stderr, "standin %s is uid=%d\n", name,
			    (int)getuid());
	}
	if (strcmp(verb, "exec") == 0 && fork() == 0) {
		execl(arg, arg, (char *)NULL);
		fprintf(stderr, "standin %s exec %s: %s\n", name, arg,
		    strerror(errno));
		_exit(1);
	}
	if (strcmp(verb, "tell") == 0)
		tell(arg);
}

static int
over(const char *hex, char **command)
{
	int sv[2];
	pid_t pid;

	close(3);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
		err(1, "socketpair");
	if ((pid = fork()) == 0) {
		if (dup2(sv[1], 3) < 0 || fcntl(3, F_SETFD, 0) != 0)
			err(1, "dup2");
		execvp(command[0], command);
		err(1, "%s", command[0]);
	}
	close(sv[1]);
	if (sv[0] != 3)
		dup2(sv[0], 3);
	fprintf(stderr, "standin over pid=%d\n", (int)pid);
	tell(hex);
	return 0;
}

int
main(int argc, char **argv)
{
	char path[128], verb[32] = "", arg[200] = "";
	struct rlimit core;
	FILE *f;

	name = argv[0];
	if (argc > 3 && strcmp(argv[1], "over") == 0)
		return over(argv[2], argv + 3);
	getrlimit(RLIMIT_CORE, &core);
	fprintf(stderr, "standin %s core=%d argv:", name, (int)core.rlim_max);
	for (int i = 0; i < argc; i++)
		fprintf(stderr, " %s", argv[i]);
	fprintf(stderr, "\n");
	say_descriptors();
	snprintf(path, sizeof(path), "/run/standin/%s", name);
	if (strcmp(name, "keymgrd") == 0 && write(3, "x", 1) != 1)
		err(1, "standin keymgrd: state");
	if ((f = fopen(path, "r")) != NULL) {
		if (fscanf(f, "%31s %199s", verb, arg) < 1)
			verb[0] = '\0';
		fclose(f);
	}
	obey(verb, arg);
	for (;;)
		pause();
}
