/* SPDX-License-Identifier: ISC */
#include "mikesim/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mikesim/core/sim.h"

#define JOBS_MAX 256
/* Turns of looking before a thread sleeps: windows follow each other fast. */
#define SPINS 20000

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t go, done;
	pthread_t thread[JOBS_MAX];
	unsigned int n;	    /* threads beside the caller's */
	atomic_uint round;  /* of work; it changes when there is some */
	atomic_uint active; /* threads that have not finished the round */
	atomic_size_t next;
	size_t all;
	void (*work)(void *arg, size_t i);
	void *arg;
	bool over, failed;
};

static void
take_part(struct pool *p)
{
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->all)
		p->work(p->arg, i);
}

static void
wait_round(struct pool *p, unsigned int seen)
{
	for (unsigned int i = 0; i < SPINS; i++)
		if (atomic_load(&p->round) != seen)
			return;
	pthread_mutex_lock(&p->lock);
	while (atomic_load(&p->round) == seen)
		pthread_cond_wait(&p->go, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

static void *
thread_main(void *arg)
{
	struct pool *p = arg;
	unsigned int seen = 0;

	if (sim_thread_init() != 0)
		p->failed = true;
	for (;;) {
		wait_round(p, seen);
		seen = atomic_load(&p->round);
		if (p->over)
			break;
		if (!p->failed)
			take_part(p);
		if (atomic_fetch_sub(&p->active, 1) == 1) {
			pthread_mutex_lock(&p->lock);
			pthread_cond_signal(&p->done);
			pthread_mutex_unlock(&p->lock);
		}
	}
	sim_thread_fini();
	return NULL;
}

static void
begin_round(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->active, p->n);
	atomic_store(&p->next, 0);
	atomic_fetch_add(&p->round, 1);
	pthread_cond_broadcast(&p->go);
	pthread_mutex_unlock(&p->lock);
}

static void
end_round(struct pool *p)
{
	for (unsigned int i = 0; i < SPINS; i++)
		if (atomic_load(&p->active) == 0)
			return;
	pthread_mutex_lock(&p->lock);
	while (atomic_load(&p->active) > 0)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void
pool_run(void *pool, size_t n, void (*work)(void *arg, size_t i), void *arg)
{
	struct pool *p = pool;

	p->all = n;
	p->work = work;
	p->arg = arg;
	begin_round(p);
	take_part(p);
	end_round(p);
}

struct pool *
pool_new(unsigned int jobs)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL || jobs == 0 || jobs > JOBS_MAX) {
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->go, NULL);
	pthread_cond_init(&p->done, NULL);
	while (p->n < jobs - 1) {
		if (pthread_create(&p->thread[p->n], NULL, thread_main, p) !=
		    0) {
			pool_free(&p);
			return NULL;
		}
		p->n++;
	}
	return p;
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;

	if (p == NULL)
		return;
	p->over = true;
	p->all = 0;
	begin_round(p);
	for (unsigned int i = 0; i < p->n; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->go);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
	*pp = NULL;
}
