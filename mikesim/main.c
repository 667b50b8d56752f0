/* SPDX-License-Identifier: ISC */
/* mikesim: MIKE's daemons in a simulated network.  See mikesim(1). */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/log.h"
#include "mikesim/cli.h"

#define MIKE_VERSION "0.1"
#define SCENE_FILE_MAX (1u << 20)

static int
usage(FILE *to)
{
	fprintf(to,
	    "usage: mikesim run [--seed n] [--jobs n] [--quiet]\n"
	    "           [--invariants] [--json file] [--trace file]\n"
	    "           [--pcap file] [--keys file] [--html file]\n"
	    "           [--svg file] scenario\n"
	    "       mikesim check [--seeds a-b] [--jobs n] [--shard i/n]\n"
	    "           [--seconds n] [--save file] scenario\n"
	    "       mikesim --version\n");
	return CLI_USAGE;
}

/* -- scenarios ------------------------------------------------------------ */

static char *
file_read(const char *name, size_t *len)
{
	char *p = malloc(SCENE_FILE_MAX);
	FILE *f;

	if (p == NULL || (f = fopen(name, "re")) == NULL) {
		fprintf(stderr, "mikesim: %s: %s\n", name, strerror(errno));
		free(p);
		return NULL;
	}
	*len = fread(p, 1, SCENE_FILE_MAX, f);
	if (ferror(f) || *len == SCENE_FILE_MAX) {
		fprintf(stderr, "mikesim: %s: %s\n", name,
		    ferror(f) ? strerror(errno) : "longer than 1 MiB");
		free(p);
		p = NULL;
	}
	fclose(f);
	return p;
}

struct scene *
cli_load(const struct args *a, int *status)
{
	struct diag d = { 0 };
	struct scene *s = NULL;
	char line[DIAG_TEXT + 256];
	size_t len;
	char *text = file_read(a->file, &len);

	*status = CLI_NO_INPUT;
	if (text == NULL)
		return NULL;
	if (scene_load(&s, text, len, &d) != 0) {
		for (size_t i = 0; i < d.n; i++)
			fprintf(stderr, "%s\n",
			    diag_text(&d, i, a->file, line, sizeof(line)));
		if (d.more > 0)
			fprintf(stderr, "%s: and %zu more errors\n", a->file,
			    d.more);
		if (d.n == 0)
			fprintf(stderr, "mikesim: out of memory\n");
		*status = CLI_DATA;
		s = NULL;
	}
	free(text);
	if (s != NULL && a->has_seed)
		s->seed = a->seed;
	return s;
}

void
cli_say_needs(const struct args *a, const struct scene *s)
{
	static const struct {
		enum need need;
		const char *what;
	} names[] = {
		{ NEED_REKEY, "GSA_REKEY (keys that change without a new "
			      "registration)" },
		{ NEED_EXCLUSION, "exclusion of receivers" },
		{ NEED_AGREEMENT, "agreement among senders" },
	};

	fprintf(stderr, "mikesim: %s: this version of MIKE does not have:\n",
	    a->file);
	for (size_t i = 0; i < NITEMS(names); i++)
		if ((s->needs & names[i].need & ~(uint32_t)NEEDS_KNOWN) != 0)
			fprintf(stderr, "  %s\n", names[i].what);
}

/* -- options -------------------------------------------------------------- */

static bool
number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	       *out <= max;
}

/* "A-B" or "A". */
static bool
span(const char *text, uint64_t *a, uint64_t *b)
{
	char buf[64], *dash;

	if (strlen(text) >= sizeof(buf))
		return false;
	strlcpy(buf, text, sizeof(buf));
	dash = strchr(buf, '-');
	if (dash != NULL)
		*dash++ = '\0';
	return number(buf, UINT64_MAX - 1, a) &&
	       number(dash != NULL ? dash : buf, UINT64_MAX - 1, b) && *a <= *b;
}

/* "I/N", I from 1. */
static bool
shard(const char *text, unsigned int *i, unsigned int *n)
{
	char buf[32], *slash;
	uint64_t x, y;

	if (strlen(text) >= sizeof(buf))
		return false;
	strlcpy(buf, text, sizeof(buf));
	if ((slash = strchr(buf, '/')) == NULL)
		return false;
	*slash++ = '\0';
	if (!number(buf, 1000000, &x) || !number(slash, 1000000, &y) || x < 1 ||
	    x > y)
		return false;
	*i = (unsigned int)x;
	*n = (unsigned int)y;
	return true;
}

enum opt {
	O_SEED = 256,
	O_JOBS,
	O_JSON,
	O_TRACE,
	O_PCAP,
	O_KEYS,
	O_HTML,
	O_SVG,
	O_SEEDS,
	O_SHARD,
	O_SECONDS,
	O_SAVE,
};

static const struct option opts[] = {
	{ "seed", required_argument, NULL, O_SEED },
	{ "jobs", required_argument, NULL, O_JOBS },
	{ "quiet", no_argument, NULL, 'q' },
	{ "invariants", no_argument, NULL, 'i' },
	{ "json", required_argument, NULL, O_JSON },
	{ "trace", required_argument, NULL, O_TRACE },
	{ "pcap", required_argument, NULL, O_PCAP },
	{ "keys", required_argument, NULL, O_KEYS },
	{ "html", required_argument, NULL, O_HTML },
	{ "svg", required_argument, NULL, O_SVG },
	{ "seeds", required_argument, NULL, O_SEEDS },
	{ "shard", required_argument, NULL, O_SHARD },
	{ "seconds", required_argument, NULL, O_SECONDS },
	{ "save", required_argument, NULL, O_SAVE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
take_number(int c, const char *arg, struct args *a)
{
	uint64_t n;

	switch (c) {
	case O_SEED:
		a->has_seed = true;
		return number(arg, UINT64_MAX, &a->seed);
	case O_JOBS:
		if (!number(arg, 256, &n) || n == 0)
			return false;
		a->jobs = (unsigned int)n;
		return true;
	case O_SECONDS:
		if (!number(arg, 1000000, &n))
			return false;
		a->seconds = (unsigned int)n;
		return true;
	case O_SEEDS:
		return span(arg, &a->from, &a->to);
	case O_SHARD:
		return shard(arg, &a->shard, &a->shards);
	default:
		return false;
	}
}

static bool
take(int c, const char *arg, struct args *a)
{
	switch (c) {
	case 'q':
		a->quiet = true;
		return true;
	case 'i':
		a->invariants = true;
		return true;
	case 'h':
		a->help = true;
		return true;
	case O_JSON:
		a->json = arg;
		return true;
	case O_TRACE:
		a->trace = arg;
		return true;
	case O_PCAP:
		a->pcap = arg;
		return true;
	case O_KEYS:
		a->keys = arg;
		return true;
	case O_HTML:
		a->html = arg;
		return true;
	case O_SVG:
		a->svg = arg;
		return true;
	case O_SAVE:
		a->save = arg;
		return true;
	default:
		return take_number(c, arg, a);
	}
}

int
main(int argc, char **argv)
{
	struct args a = { .from = 1, .to = 10, .shard = 1, .shards = 1 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const char *command;
	int c;

	log_init("mikesim");
	a.jobs = cpus > 0 && cpus <= 256 ? (unsigned int)cpus : 1;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("mikesim %s\n", MIKE_VERSION);
		return CLI_OK;
	}
	if (argc < 2)
		return usage(stderr);
	command = argv[1];
	while ((c = getopt_long(argc - 1, argv + 1, "qh", opts, NULL)) != -1)
		if (!take(c, optarg, &a))
			return usage(stderr);
	if (a.help || strcmp(command, "--help") == 0) {
		usage(stdout);
		return CLI_OK;
	}
	if (optind + 2 != argc)
		return usage(stderr);
	a.file = argv[optind + 1];
	if (strcmp(command, "run") == 0)
		return cli_run(&a);
	if (strcmp(command, "check") == 0)
		return cli_check(&a);
	return usage(stderr);
}
