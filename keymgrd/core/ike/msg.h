/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_MSG_H
#define KEYMGRD_CORE_IKE_MSG_H

/*
 * Whole messages, as views that borrow from the octets they were read from.
 * A payload that must stand once and stands twice is malformed; unknown
 * payloads are skipped unless critical (RFC 7296 2.5).
 */

#include "common/ike/hdr.h"
#include "keymgrd/core/ike/pld.h"

#define IKE_NTFS_MAX 24
#define IKE_CERTS_MAX 4 /* of one chain */
#define CERT_X509 4	/* encoding: a signature certificate */

struct ike_view {
	struct rbuf sa, ke, nonce, id_i, id_r, auth, id_g, gsa, kd, del;
	/* Which of them are there: their body pointer is not NULL. */
	struct rbuf ts_i, certreq; /* the first of each */
	bool deletes_ike; /* one of the Delete payloads is of the IKE SA */
	struct chunk cert[IKE_CERTS_MAX]; /* X.509, DER; leaf first */
	size_t n_cert;
	struct ike_ntf ntf[IKE_NTFS_MAX];
	size_t n_ntf;
	uint8_t critical; /* type of an unknown critical payload, or 0 */
};

/*
 * Collect the payloads of a chain, in any order (RFC 7296 2.5: order is not to
 * be relied on).  -EBADMSG: malformed, doubled, or too many.
 */
int ike_view_get(uint8_t first, struct rbuf body, struct ike_view *v)
    MUST_CHECK;
bool ike_has(const struct rbuf *payload);
/* Does it delete the IKE SA itself? */
bool ike_deletes_sa(const struct ike_view *v);
/* NULL when there is none of that type. */
const struct ike_ntf *ike_ntf_find(const struct ike_view *v, uint16_t type);
/* The first error notify (type below 16384), or NULL. */
const struct ike_ntf *ike_ntf_error(const struct ike_view *v);

#endif
