/* SPDX-License-Identifier: ISC */
/* The KD payload: keys come out as they went in, or not at all. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/ike/kd.h"
#include "keymgrd/core/ike/sa.h"

#define BAG_LEN 68 /* of an ESP SA with a key of 36 octets */
#define SPI_AT 4   /* offsets in it */
#define ATTR_AT 8
#define KEY_ID_AT 12
#define WRAP_AT 20

static uint8_t kek[KW_KEY_LEN], buf[8192];
static struct wbuf wb;

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kek); i++)
		kek[i] = (uint8_t)(0x40 + i);
	return crypto_init();
}

static int
teardown(void **state)
{
	(void)state;
	crypto_fini();
	return 0;
}

static void
start(void)
{
	memset(buf, 0, sizeof(buf));
	wb_init(&wb, buf, sizeof(buf));
}

static int
get(struct kd *k)
{
	struct rbuf rb;

	memset(k, 0xa5, sizeof(*k));
	rb_init(&rb, buf, wb.len);
	return kd_get(rb, kek, k);
}

/* Refused with this error, and nothing written. */
static void
refused(int want)
{
	static struct kd k, untouched;

	assert_int_equal(get(&k), want);
	memset(&untouched, 0xa5, sizeof(untouched));
	assert_memory_equal(&k, &untouched, sizeof(k));
}

static void
key_fill(struct kd_key *k, uint32_t spi)
{
	k->spi = spi;
	for (size_t i = 0; i < sizeof(k->key); i++)
		k->key[i] = (uint8_t)(spi * 7 + i);
}

/* A bag for an ESP SA, its attribute built from the parts given. */
static void
bag(uint32_t spi, uint32_t key_id, uint32_t kwk_id, const uint8_t *key,
    size_t key_len)
{
	struct chunk plain = { key, key_len };
	uint8_t w[128];
	size_t n;

	assert_int_equal(kw_wrap(kek, plain, w, sizeof(w), &n), 0);
	assert_int_equal(wb_u8(&wb, PROTO_ESP), 0);
	assert_int_equal(wb_u8(&wb, 4), 0);
	assert_int_equal(wb_u16(&wb, 20 + n), 0);
	assert_int_equal(wb_u32(&wb, spi), 0);
	assert_int_equal(wb_u16(&wb, 1), 0);
	assert_int_equal(wb_u16(&wb, 8 + n), 0);
	assert_int_equal(wb_u32(&wb, key_id), 0);
	assert_int_equal(wb_u32(&wb, kwk_id), 0);
	assert_int_equal(wb_put(&wb, w, n), 0);
}

static void
good_bag(struct kd_key *k)
{
	key_fill(k, 0xc0ffee01);
	start();
	bag(k->spi, 0, 0, k->key, sizeof(k->key));
	assert_int_equal(wb.len, BAG_LEN);
}

/* What kd_put writes, without the generic header, into buf. */
static int
put(const struct kd *k)
{
	static uint8_t whole[sizeof(buf)];
	struct wbuf out;
	struct chain c;
	int r;

	wb_init(&out, whole, sizeof(whole));
	assert_int_equal(wb_u8(&out, 0), 0);
	chain_init(&c, &out, 0);
	if ((r = kd_put(&c, k, kek)) != 0)
		return r;
	assert_int_equal(whole[0], PLD_KD);
	assert_int_equal(whole[3] << 8 | whole[4], out.len - 1);
	start();
	return wb_put(&wb, whole + 5, out.len - 5);
}

static void
written_octets_are_the_standards(void **state)
{
	static const uint8_t head[] = {
		3, 4, 0, 68, 0xc0, 0xff, 0xee, 0x01, /* bag of an ESP SA */
		0, 1, 0, 56,			     /* SA_KEY */
		0, 0, 0, 0, 0, 0, 0, 0		     /* Key ID, KWK ID */
	};
	struct kd k = { .n = 1 };
	uint8_t key[GCM_KEYMAT_LEN];
	size_t n;

	(void)state;
	key_fill(&k.key[0], 0xc0ffee01);
	assert_int_equal(put(&k), 0);
	assert_int_equal(wb.len, BAG_LEN);
	assert_memory_equal(buf, head, sizeof(head));
	assert_int_equal(kw_unwrap(kek, (struct chunk){ buf + WRAP_AT, 48 },
			     key, sizeof(key), &n),
	    0);
	assert_int_equal(n, sizeof(key));
	assert_memory_equal(key, k.key[0].key, n);
}

static void
round_trip_of_all_that_fit(void **state)
{
	static struct kd k, back;

	(void)state;
	k.n = KD_KEYS_MAX;
	for (size_t i = 0; i < k.n; i++)
		key_fill(&k.key[i], 0x1000 + (uint32_t)i);
	assert_int_equal(put(&k), 0);
	assert_int_equal(get(&back), 0);
	assert_int_equal(back.n, k.n);
	for (size_t i = 0; i < k.n; i++) {
		const struct kd_key *f = kd_find(&back, k.key[i].spi);

		assert_ptr_equal(f, &back.key[i]);
		assert_memory_equal(f->key, k.key[i].key, sizeof(f->key));
	}
	assert_null(kd_find(&back, 0x1000 + KD_KEYS_MAX));
	bag(0x2000, 0, 0, k.key[0].key, GCM_KEYMAT_LEN);
	refused(-EPROTONOSUPPORT);
}

static void
no_room_is_an_error(void **state)
{
	struct kd k = { .n = 1 };
	struct chain c;

	(void)state;
	key_fill(&k.key[0], 0x1000);
	for (size_t size = 1; size < 1 + 4 + BAG_LEN; size++) {
		wb_init(&wb, buf, size);
		assert_int_equal(wb_u8(&wb, 0), 0);
		chain_init(&c, &wb, 0);
		assert_int_not_equal(kd_put(&c, &k, kek), 0);
	}
}

static void
another_kek_opens_nothing(void **state)
{
	struct kd_key k;

	(void)state;
	good_bag(&k);
	for (size_t bit = 0; bit < 8 * sizeof(kek); bit++) {
		kek[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused(-EBADMSG);
		kek[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void
ids_must_be_zero(void **state)
{
	struct kd_key k;

	(void)state;
	key_fill(&k, 0x1000);
	start();
	bag(k.spi, 1, 0, k.key, sizeof(k.key));
	refused(-EBADMSG); /* SA_KEY is the SA's own key */
	start();
	bag(k.spi, 0, 1, k.key, sizeof(k.key));
	refused(-EPROTONOSUPPORT); /* wrapped by a key of a tree */
	start();
	bag(k.spi, 0x80000000, 0, k.key, sizeof(k.key));
	refused(-EBADMSG);
}

static void
key_has_the_size_of_its_sa(void **state)
{
	uint8_t key[72] = { 1 };
	static struct kd k;

	(void)state;
	for (size_t n = 1; n <= sizeof(key); n++) {
		start();
		bag(0x1000, 0, 0, key, n);
		if (n != GCM_KEYMAT_LEN)
			refused(-EBADMSG);
		else
			assert_int_equal(get(&k), 0);
	}
}

static void
one_key_for_one_spi(void **state)
{
	struct kd_key k;

	(void)state;
	good_bag(&k);
	bag(k.spi, 0, 0, k.key, sizeof(k.key)); /* even the same one */
	refused(-EBADMSG);
	good_bag(&k);
	bag(0x1000, 0, 0, k.key, sizeof(k.key));
	bag(k.spi, 0, 0, k.key, sizeof(k.key));
	refused(-EBADMSG);
}

/* Replace octets of the only bag and set its length right. */
static void
edit(size_t at, size_t del, const char *ins, size_t n)
{
	memmove(buf + at + n, buf + at + del, wb.len - at - del);
	if (n != 0)
		memcpy(buf + at, ins, n);
	wb.len = wb.len - del + n;
	assert_int_equal(wb_set_u16(&wb, 2, wb.len), 0);
}

static void
edited(size_t at, size_t del, const char *ins, size_t n, int want)
{
	struct kd_key k;

	good_bag(&k);
	edit(at, del, ins, n);
	refused(want);
}
#define EDITED(at, del, ins, want) edited(at, del, ins, sizeof(ins) - 1, want)

static void
bags_that_are_not_ours(void **state)
{
	(void)state;
	EDITED(0, 1, "\2", -EPROTONOSUPPORT); /* AH */
	EDITED(0, 1, "\6", -EPROTONOSUPPORT); /* Rekey SA */
	EDITED(0, 8, "\6\x10\0\0spi-i...spi-r...", -EPROTONOSUPPORT);
	EDITED(0, 8, "\0\0\0\0", -EPROTONOSUPPORT);   /* member bag */
	EDITED(0, 8, "\0\x55\0\0", -EPROTONOSUPPORT); /* the same */
	EDITED(1, 1, "\0", -EBADMSG);
	EDITED(1, 1, "\x10", -EBADMSG);
	EDITED(SPI_AT, 64, "", -EBADMSG);  /* no SPI */
	EDITED(ATTR_AT, 60, "", -EBADMSG); /* no attribute */
}

static void
attributes_that_are_not_ours(void **state)
{
	struct kd_key k;

	(void)state;
	EDITED(ATTR_AT, 2, "\0\2", -EPROTONOSUPPORT);
	EDITED(ATTR_AT, 60, "\x80\1\0\0", -EPROTONOSUPPORT);
	EDITED(BAG_LEN, 0, "\x80\x63\0\0", -EPROTONOSUPPORT);
	EDITED(BAG_LEN, 0, "\0", -EPROTONOSUPPORT);
	EDITED(ATTR_AT, 0, "\0\x63\0\0", -EPROTONOSUPPORT);
	EDITED(ATTR_AT + 2, 2, "\0\x37", -EPROTONOSUPPORT); /* one behind */
	EDITED(ATTR_AT + 2, 2, "\0\x39", -EBADMSG);	    /* past the bag */
	EDITED(ATTR_AT, 60, "\0\1\0\0", -EBADMSG);
	EDITED(ATTR_AT, 60, "\0\1\0\7\0\0\0\0\0\0\0", -EBADMSG);
	EDITED(ATTR_AT, 60, "\0\1\0\x08\0\0\0\0\0\0\0\0", -EBADMSG);
	/* SA_KEY twice in one bag. */
	good_bag(&k);
	edit(BAG_LEN, 0, (const char *)buf + ATTR_AT, BAG_LEN - ATTR_AT);
	refused(-EPROTONOSUPPORT);
}

static void
truncations_are_malformed(void **state)
{
	struct kd_key k;

	(void)state;
	good_bag(&k);
	for (wb.len = 0; wb.len < BAG_LEN; wb.len++)
		refused(-EBADMSG);
	for (unsigned int n = 0; n < 256; n++)
		if (n != BAG_LEN) {
			buf[3] = (uint8_t)n;
			refused(-EBADMSG);
		}
}

/* A changed octet never gives another key: at most another SA gets it. */
static void
every_single_bit(void **state)
{
	static struct kd k;
	unsigned int accepted = 0;
	struct kd_key was;

	(void)state;
	good_bag(&was);
	for (size_t bit = 0; bit < 8 * BAG_LEN; bit++) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (get(&k) == 0) {
			accepted++;
			assert_in_range(bit / 8, SPI_AT, ATTR_AT - 1);
			assert_int_equal(k.n, 1);
			assert_int_not_equal(k.key[0].spi, was.spi);
			assert_memory_equal(
			    k.key[0].key, was.key, sizeof(was.key));
		}
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(accepted, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_octets_are_the_standards),
		cmocka_unit_test(round_trip_of_all_that_fit),
		cmocka_unit_test(no_room_is_an_error),
		cmocka_unit_test(another_kek_opens_nothing),
		cmocka_unit_test(ids_must_be_zero),
		cmocka_unit_test(key_has_the_size_of_its_sa),
		cmocka_unit_test(one_key_for_one_spi),
		cmocka_unit_test(bags_that_are_not_ours),
		cmocka_unit_test(attributes_that_are_not_ours),
		cmocka_unit_test(truncations_are_malformed),
		cmocka_unit_test(every_single_bit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
