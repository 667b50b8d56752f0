/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/chain.h"

#include <errno.h>
#include <string.h>

#include "common/crypto.h"
#include "common/wire.h"

/* HKDF-Expand(root, label | tail); the label goes in without its NUL. */
static int
expand(const uint8_t root[CHAIN_ROOT_LEN], const char *label, struct chunk tail,
    uint8_t *out, size_t len)
{
	struct chunk info[2] = {
		{ (const uint8_t *)label, strlen(label) },
		tail,
	};

	return hkdf_expand(root, info, NITEMS(info), out, len);
}

int
chain_next(const uint8_t root[CHAIN_ROOT_LEN], uint8_t next[CHAIN_ROOT_LEN])
{
	return expand(
	    root, "MIKE step", (struct chunk){ 0 }, next, CHAIN_ROOT_LEN);
}

int
chain_tek(const uint8_t root[CHAIN_ROOT_LEN], uint32_t leaf, uint8_t cls,
    uint8_t tek[CHAIN_TEK_LEN])
{
	uint8_t tail[5];
	struct wbuf wb;

	wb_init(&wb, tail, sizeof(tail));
	if (wb_u32(&wb, leaf) || wb_u8(&wb, cls))
		return -EINVAL;
	return expand(root, "MIKE esp", (struct chunk){ tail, wb.len }, tek,
	    CHAIN_TEK_LEN);
}

static int
spi_at(const uint8_t root[CHAIN_ROOT_LEN], uint32_t leaf, uint8_t cls,
    uint8_t nth, uint32_t *spi)
{
	uint8_t tail[6], raw[4];
	struct wbuf wb;
	struct rbuf rb;
	int r;

	wb_init(&wb, tail, sizeof(tail));
	if (wb_u32(&wb, leaf) || wb_u8(&wb, cls) || wb_u8(&wb, nth))
		return -EINVAL;
	r = expand(
	    root, "MIKE spi", (struct chunk){ tail, wb.len }, raw, sizeof(raw));
	if (r != 0)
		return r;
	rb_init(&rb, raw, sizeof(raw));
	return rb_u32(&rb, spi);
}

static bool
spi_usable(uint32_t spi, const uint32_t *taken, size_t n)
{
	if (spi < CHAIN_SPI_MIN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (taken[i] == spi)
			return false;
	return true;
}

int
chain_spi(const uint8_t root[CHAIN_ROOT_LEN], uint32_t leaf, uint8_t cls,
    const uint32_t *taken, size_t n, uint32_t *spi)
{
	uint32_t v;
	int r;

	/* Each try fails about once in 16 million: 256 are never used up. */
	for (unsigned int nth = 0; nth <= UINT8_MAX; nth++) {
		r = spi_at(root, leaf, cls, (uint8_t)nth, &v);
		if (r != 0)
			return r;
		if (spi_usable(v, taken, n)) {
			*spi = v;
			return 0;
		}
	}
	return -EIO;
}
