/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <bsd/string.h>

#include "mikesim/core/scene_int.h"

#define SITE_DIGITS 2
#define RECV_DIGITS 5

static uint32_t
site_receivers(const struct scene *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->n_recv; i++)
		n += s->recv[i].count;
	return n;
}

uint32_t
scene_hosts(const struct scene *s)
{
	return s->senders * (1 + site_receivers(s));
}

uint32_t
scene_site(const struct scene *s, uint32_t host)
{
	uint32_t all = site_receivers(s);

	if (host < s->senders)
		return host;
	must(all > 0);
	return (host - s->senders) / all;
}

const struct scene_recv *
scene_recv_of(const struct scene *s, uint32_t host, uint32_t *nth)
{
	uint32_t all, n;

	if (host < s->senders)
		return NULL;
	all = site_receivers(s);
	must(all > 0);
	n = (host - s->senders) % all;
	for (size_t i = 0; i < s->n_recv; i++) {
		if (n < s->recv[i].count) {
			*nth = n;
			return &s->recv[i];
		}
		n -= s->recv[i].count;
	}
	return NULL;
}

/* printf is too slow for hundreds of thousands of names for each event. */
static char *
put_number(char *p, uint32_t v, size_t width)
{
	char digits[10];
	size_t n = 0;

	for (; v != 0 || n < width; v /= 10)
		digits[n++] = (char)('0' + v % 10);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

const char *
scene_host_name(const struct scene *s, uint32_t host, char buf[SCENE_HOST_NAME])
{
	uint32_t nth = 0;
	const struct scene_recv *r = scene_recv_of(s, host, &nth);
	const char *name = r == NULL ? s->sender_name : r->name;
	char *p = buf + strlcpy(buf, name, SCENE_HOST_NAME);

	*p++ = '-';
	p = put_number(p, scene_site(s, host) + 1, SITE_DIGITS);
	if (r != NULL) {
		*p++ = '-';
		p = put_number(p, nth + 1, RECV_DIGITS);
	}
	*p = '\0';
	return buf;
}

/* '*' for any characters: on a mismatch the last one takes one more. */
static bool
fits(const char *pattern, const char *name)
{
	const char *star = NULL, *again = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			again = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star;
			name = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool
scene_matches(const struct scene *s, const char *hosts, uint32_t host)
{
	char name[SCENE_HOST_NAME];
	uint32_t nth;
	const struct scene_recv *r = scene_recv_of(s, host, &nth);

	if (strcmp(hosts, "all") == 0)
		return true;
	if (strcmp(hosts, "senders") == 0)
		return r == NULL;
	if (strcmp(hosts, "receivers") == 0)
		return r != NULL;
	if (strcmp(hosts, r == NULL ? s->sender_name : r->name) == 0)
		return true;
	return fits(hosts, scene_host_name(s, host, name));
}

/*
 * Does a pattern fit any host at all?  Asking each host would take minutes
 * for a hostile text, so the names are not listed: a set of places in the
 * pattern, as bits, goes through all of them at once.
 */
typedef uint64_t places;
_Static_assert(SCENE_PATTERN < 64, "a bit for each place and the end");

struct glob {
	places literal[128]; /* by character */
	places stars, end;
};

static void
glob_init(struct glob *g, const char *pattern)
{
	places at = 1;

	memset(g, 0, sizeof(*g));
	for (; *pattern != '\0'; pattern++, at <<= 1) {
		if (*pattern == '*')
			g->stars |= at;
		else
			g->literal[*pattern & 0x7f] |= at;
	}
	g->end = at;
}

/* What a '*' reaches without taking a character. */
static places
through_stars(const struct glob *g, places at)
{
	places more = at | (at & g->stars) << 1;

	while (more != at) {
		at = more;
		more |= (at & g->stars) << 1;
	}
	return at;
}

static places
after_char(const struct glob *g, places at, char c)
{
	places taken = (at & g->literal[c & 0x7f]) << 1;

	return through_stars(g, taken | (at & g->stars));
}

static places
after_text(const struct glob *g, places at, const char *text)
{
	for (; *text != '\0'; text++)
		at = after_char(g, at, *text);
	return at;
}

/*
 * After the numbers lo .. hi, of the same number of digits.  sets[a][b]: what
 * was read is still a prefix of lo (a), of hi (b).
 */
static places
after_digits(const struct glob *g, places at, const char *lo, const char *hi)
{
	places now[2][2] = { { 0 } }, to[2][2];

	now[1][1] = at;
	for (; *lo != '\0'; lo++, hi++) {
		memset(to, 0, sizeof(to));
		for (int k = 0; k < 4; k++) {
			bool a = k / 2, b = k % 2;
			char from = '0', last = '9';

			if (now[a][b] == 0)
				continue;
			if (a)
				from = *lo;
			if (b)
				last = *hi;
			for (char c = from; c <= last; c++)
				to[a && c == *lo][b && c == *hi] |=
				    after_char(g, now[a][b], c);
		}
		memcpy(now, to, sizeof(now));
	}
	return now[0][0] | now[0][1] | now[1][0] | now[1][1];
}

/* After "-1" .. "-n", with leading zeros up to a width. */
static places
after_number(const struct glob *g, places at, uint32_t n, size_t width)
{
	char lo[12], hi[12];
	uint64_t first = 1, end = 1;
	places all = 0;

	at = after_char(g, at, '-');
	for (size_t i = 0; i < width; i++)
		end *= 10;
	for (; first <= n; first = end, end *= 10, width++) {
		uint32_t last = n < end ? n : (uint32_t)(end - 1);

		*put_number(lo, (uint32_t)first, width) = '\0';
		*put_number(hi, last, width) = '\0';
		all |= after_digits(g, at, lo, hi);
	}
	return all;
}

static unsigned int
keyword_hits(const struct scene *s, const char *hosts)
{
	unsigned int receivers = s->n_recv != 0 ? HIT_RECEIVER : 0;

	if (strcmp(hosts, "all") == 0)
		return HIT_SENDER | receivers;
	if (strcmp(hosts, "senders") == 0 || strcmp(hosts, s->sender_name) == 0)
		return HIT_SENDER;
	if (strcmp(hosts, "receivers") == 0)
		return receivers;
	for (size_t i = 0; i < s->n_recv; i++)
		if (strcmp(hosts, s->recv[i].name) == 0)
			return HIT_RECEIVER;
	return 0;
}

unsigned int
scene_hits(const struct scene *s, const char *hosts)
{
	unsigned int hits = keyword_hits(s, hosts);
	places start, at;
	struct glob g;

	if (hits != 0 || strlen(hosts) > SCENE_PATTERN)
		return hits;
	glob_init(&g, hosts);
	start = through_stars(&g, 1);
	at = after_text(&g, start, s->sender_name);
	at = after_number(&g, at, s->senders, SITE_DIGITS);
	if ((at & g.end) != 0)
		hits |= HIT_SENDER;
	for (size_t i = 0; i < s->n_recv; i++) {
		at = after_text(&g, start, s->recv[i].name);
		at = after_number(&g, at, s->senders, SITE_DIGITS);
		at = after_number(&g, at, s->recv[i].count, RECV_DIGITS);
		if ((at & g.end) != 0)
			hits |= HIT_RECEIVER;
	}
	return hits;
}
