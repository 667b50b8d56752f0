/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_LIB_EVPSUM_H
#define TESTS_BENCH_LIB_EVPSUM_H

/*
 * What a registration costs at least: the cryptography that no responder can
 * leave out, called through EVP as its manual shows it.  Processor time.
 */

#include "common/util.h"

enum evp_part {
	EVP_X_KEYGEN, /* X25519 */
	EVP_X_DERIVE,
	EVP_E_SIGN, /* Ed25519 */
	EVP_E_VERIFY,
	EVP_CERT, /* d2i, public key, path to one anchor, free */
	EVP_PARTS
};

struct evp_cost {
	double us[EVP_PARTS]; /* each operation */
	double sum;
};

struct evp_bench;
struct evp_bench *evp_bench_new(void);
void evp_bench_free(struct evp_bench **b);
/* n of each operation. */
void evp_bench_run(struct evp_bench *b, unsigned int n, struct evp_cost *out);
const char *evp_part_name(enum evp_part p);

/* Processor time of this process, in microseconds. */
double cpu_us(void);
/* Sorts v. */
double median(double *v, size_t n);

#endif
