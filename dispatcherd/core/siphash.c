/* SPDX-License-Identifier: ISC */
#include "dispatcherd/core/siphash.h"

struct sip {
	uint64_t a, b, c, d;
};

static uint64_t
le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static uint64_t
left(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static void
rounds(struct sip *s, unsigned int n)
{
	while (n-- > 0) {
		s->a += s->b;
		s->c += s->d;
		s->b = left(s->b, 13) ^ s->a;
		s->d = left(s->d, 16) ^ s->c;
		s->a = left(s->a, 32) + s->d;
		s->c += s->b;
		s->b = left(s->b, 17) ^ s->c;
		s->d = left(s->d, 21) ^ s->a;
		s->c = left(s->c, 32);
	}
}

static void
absorb(struct sip *s, uint64_t word)
{
	s->d ^= word;
	rounds(s, 2);
	s->a ^= word;
}

uint64_t
siphash16(const uint8_t key[SIPHASH_KEY_LEN], const uint8_t octets[16])
{
	uint64_t k0 = le64(key), k1 = le64(key + 8);
	struct sip s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };

	absorb(&s, le64(octets));
	absorb(&s, le64(octets + 8));
	absorb(&s, 16ULL << 56); /* the length */
	s.c ^= 0xff;
	rounds(&s, 4);
	return s.a ^ s.b ^ s.c ^ s.d;
}
