/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <bsd/string.h>

#include "policyd/core/check.h"

/* How the host shows who it is, and whom it believes. */

static void
check_path(struct check *c, const struct conf_sec *s, const char *opt, size_t i,
    char out[POL_PATH_MAX + 1])
{
	const char *v = conf_value(s, opt, i);

	if (*v == '\0')
		diag_add(c->d, conf_line(s, opt, i),
		    "%s is empty: give a value or leave it out", opt);
	else if (strlen(v) > POL_PATH_MAX)
		diag_add(c->d, conf_line(s, opt, i),
		    "%s: path is longer than %d octets", opt, POL_PATH_MAX);
	else
		strlcpy(out, v, POL_PATH_MAX + 1);
}

static void
check_file(struct check *c, const struct conf_sec *s, const char *opt,
    char out[POL_PATH_MAX + 1])
{
	if (conf_is_set(s, opt))
		check_path(c, s, opt, 0, out);
}

static void
check_files(struct check *c, const struct conf_sec *s, const char *opt,
    struct pol_files *out)
{
	size_t n = conf_size(s, opt);

	if (n > POL_FILES_MAX) {
		diag_add(c->d, conf_line(s, opt, POL_FILES_MAX),
		    "%s: more than %d files", opt, POL_FILES_MAX);
		return;
	}
	for (; out->n < n; out->n++)
		check_path(c, s, opt, out->n, out->path[out->n]);
}

/* One of two ways, so that nobody gets in by the one that was forgotten. */
static void
check_ways(struct check *c, const struct conf_sec *s)
{
	static const char *const with_cert[] = { "key", "anchors" };
	static const char *const cert_only[] = { "key", "anchors", "crls",
		"crl-required" };
	bool cert = conf_is_set(s, "certificate"), psk = conf_is_set(s, "psk");

	if (cert && psk)
		diag_add(c->d, conf_line(s, "psk", 0),
		    "psk and certificate: a host authenticates in one way, "
		    "remove one of them");
	if (!cert && !psk)
		diag_add(c->d, s->where->line,
		    "host has no psk and no certificate: it needs one of them");
	for (size_t i = 0; cert && i < NITEMS(with_cert); i++)
		(void)check_needed(c, s, with_cert[i]);
	for (size_t i = 0; !cert && i < NITEMS(cert_only); i++)
		if (conf_is_set(s, cert_only[i]))
			diag_add(c->d, conf_line(s, cert_only[i], 0),
			    "%s goes with certificate: add that, or remove "
			    "this",
			    cert_only[i]);
}

static void
check_ppk(struct check *c, const struct conf_sec *s)
{
	struct policy *p = c->pol;
	const char *id = check_one(c, s, "ppk-id", false);

	check_file(c, s, "ppk", p->ppk_path);
	if (conf_is_set(s, "ppk") != conf_is_set(s, "ppk-id"))
		diag_add(c->d,
		    conf_line(s, conf_is_set(s, "ppk") ? "ppk" : "ppk-id", 0),
		    "ppk (a file) and ppk-id (its name) go together: give "
		    "both");
	if (id == NULL)
		return;
	if (strlen(id) > POL_PPK_ID_MAX - 1) {
		diag_add(c->d, conf_line(s, "ppk-id", 0),
		    "ppk-id: longer than %d octets", POL_PPK_ID_MAX - 1);
		return;
	}
	p->ppk_id[0] = POL_PPK_ID_FIXED;
	p->ppk_id_len = 1 + strlen(id);
	memcpy(p->ppk_id + 1, id, strlen(id));
}

void
check_auth(struct check *c, const struct conf_sec *s)
{
	struct policy *p = c->pol;
	const char *v = conf_value(s, "crl-required", 0);

	check_ways(c, s);
	check_file(c, s, "psk", p->psk_path);
	check_file(c, s, "certificate", p->cert_path);
	check_file(c, s, "key", p->key_path);
	check_files(c, s, "anchors", &p->anchors);
	check_files(c, s, "crls", &p->crls);
	/* Another word is reported with the other choices. */
	p->crl_required = v != NULL && strcmp(v, "true") == 0;
	if (p->crl_required && !conf_is_set(s, "crls"))
		diag_add(c->d, conf_line(s, "crl-required", 0),
		    "crl-required = true, but there are no crls: nobody "
		    "could be believed");
	check_ppk(c, s);
}
