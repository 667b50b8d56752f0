/* SPDX-License-Identifier: ISC */
#ifndef IPC_SCHEMA_H
#define IPC_SCHEMA_H

/*
 * The one place where a message between daemons exists.  Add a line to
 * MSG_LIST and a field list; structs, codecs, names, the permission table,
 * the round-trip and truncation tests and the fuzz target follow from it.
 *
 * Field kinds: u8 u16 u32 u64 blob(max).  An address is a blob of 0 (none), 4
 * or 16 octets.  Lists are begin, item..., end.  req is chosen by the asker
 * and comes back in the answer.  Ids are never reused.
 */

enum peer {
	PEER_POLICYD,
	PEER_DISPATCHERD,
	PEER_GROUPD,
	PEER_KEYMGRD,
	PEER_MIKECTL,
	PEER_COUNT
};

enum role { ROLE_RECEIVER = 1, ROLE_SENDER = 2 };
enum sa_dir { SA_IN = 1, SA_OUT = 2 };

/* Answers to requests. */
enum ipc_status {
	ST_OK = 0,
	ST_REFUSED = 1,	 /* policy does not allow it */
	ST_MISSING = 2,	 /* the thing named does not exist */
	ST_CONFLICT = 3, /* another thing is there already */
	ST_NO_ESP = 4,	 /* the kernel has no ESP or no AES-GCM */
	ST_ERROR = 5,	 /* anything else; the text says what */
};

enum auth_verdict {
	AV_OK = 0,
	AV_FAILED = 1,	  /* not who it claims to be; auth_cause says why */
	AV_FORBIDDEN = 2, /* authentic, but policy admits it in no role */
	AV_UNBOUND = 3,	  /* MIKE_GROUP does not name this group */
	AV_MALFORMED = 4,
};

/* Why a peer is not believed, as counters show it. */
enum auth_cause {
	AC_NONE = 0,
	AC_SIGNATURE = 1, /* AUTH does not verify (another key, another PSK) */
	AC_METHOD = 2,	  /* not a method or algorithm that policy uses */
	AC_NO_CERT = 3,	  /* no certificate, or one that cannot be read */
	AC_UNTRUSTED = 4, /* no path to an anchor of ours */
	AC_EXPIRED = 5,	  /* a certificate or CRL is not valid now */
	AC_REVOKED = 6,
	AC_USAGE = 7,	 /* not for this: key usage, CA bit, path length */
	AC_IDENTITY = 8, /* the ID payload is not bound by the certificate */
	AC_COUNT
};

/* What the policy of the group admits an authentic peer to; bits. */
enum admit { ADMIT_RECEIVE = 1, ADMIT_SEND = 2 };

/* Which algorithms a group's IKE SAs may use. */
enum suite {
	SUITE_DEFAULT = 1,
	SUITE_CNSA = 2, /* AES-256-GCM, SHA-384, P-384 and nothing else */
};

/* State of one group on this host, as mikectl shows it. */
enum group_state {
	GS_LEFT = 0,	    /* not a member; no policies in the kernel */
	GS_STARTING = 1,    /* policies in place, key manager not ready */
	GS_REGISTERING = 2, /* receiver without keys, asking */
	GS_KEYED = 3,
	GS_NO_ESP = 4,	 /* degraded: no-esp */
	GS_DOWN = 5,	 /* key manager not running */
	GS_SECURING = 6, /* policies are not known to be in the kernel */
};

enum sa_mode {
	SA_NEW = 0,    /* must not exist */
	SA_ENSURE = 1, /* install, or verify that the same one is there */
	SA_VERIFY = 2, /* must exist and be the same; never installs */
};

/* clang-format off */
#define FIELDS_hello(F) /* up: no answer needed; see ipc/chan.h */	\
	F(u8, version) F(u64, instance) F(u64, seen) F(u8, up)

/* -- policyd tells the others what the operator wants ------------------- */
#define FIELDS_rules_get(F) F(u32, req)
#define FIELDS_rules_begin(F) F(u32, req) F(u16, port) F(u8, transmit)
#define FIELDS_rule_listen(F) F(blob, addr, 16)
#define FIELDS_rule_iface(F) F(blob, name, 15)
#define FIELDS_rule_peer(F) /* who may send us IKE; empty addr = anyone */ \
	F(blob, addr, 16) F(u8, prefix) F(u32, rate) /* datagrams/s, source */
#define FIELDS_rule_group(F)						\
	F(u8, slot) F(blob, name, 64) F(u8, role) F(u8, hop_limit)	\
	F(u32, lifetime_s)
#define FIELDS_rule_addr(F) F(u8, slot) F(u8, cls) F(blob, dst, 16)
#define FIELDS_rule_sender(F) F(u8, slot) F(blob, src, 16)
#define FIELDS_rules_end(F) F(u32, req)

#define FIELDS_groups_get(F) F(u32, req)
#define FIELDS_groups_begin(F)						\
	F(u32, req) F(blob, identity, 512)				\
	F(u32, cookie_above) /* IKE_SA_INIT requests/s; 0: always ask */
#define FIELDS_group(F)							\
	F(u8, slot) F(blob, name, 64) F(blob, id, 64) F(u8, role)	\
	F(u8, joined) F(u32, half_open_max) F(u32, source_rate)		\
	F(u8, foreign) /* takes those who name no group */
#define FIELDS_groups_end(F) F(u32, req)
#define FIELDS_joined_set(F) F(u32, req) F(u8, slot) F(u8, joined)

#define FIELDS_conf_get(F) F(u32, req)
#define FIELDS_conf_begin(F)						\
	F(u32, req) F(blob, name, 64) F(blob, group_id, 64) F(u8, role)	\
	F(blob, own_id, 516) /* ID payload body: type, 3 zero octets, data */ \
	F(u16, port) F(u32, lifetime_s) F(u32, atd_ms) F(u32, dtd_ms)	\
	F(u32, half_open_max) F(u32, members_max) F(u8, suite)		\
	F(u8, foreign) /* peers without MIKE_GROUP may come */		\
	F(u16, fragment) /* largest IP datagram unsplit; 0: any */	\
	F(blob, ppk_id, 64) /* not empty: no IKE SA without this PPK */	\
	F(blob, anchors, 320) /* SHA-1 of each anchor's public key */
#define FIELDS_conf_cert(F) /* own chain, leaf first; none with a PSK */ \
	F(blob, der, 4096)
#define FIELDS_conf_addr(F) /* a protected address; cls is its index */	\
	F(u8, cls) F(blob, dst, 16) F(blob, src, 16) /* own, or none */	\
	F(u16, port_lo) F(u16, port_hi)
#define FIELDS_conf_gcks(F) /* whom a receiver asks, in this order */	\
	F(blob, name, 64) F(blob, id, 516) F(blob, local, 16)		\
	F(blob, addr, 16) F(u16, port)					\
	F(u8, exchange) /* GSA_AUTH, or IKE_AUTH for a foreign GCKS */
#define FIELDS_conf_end(F) F(u32, req)

/* -- policyd authenticates for a key manager ---------------------------- */
#define FIELDS_auth_sign(F) /* hashes: bit n: the peer takes hash n */	\
	F(u32, req) F(u8, prf) F(u8, hashes)				\
	F(blob, own_init, 16384) /* own IKE_SA_INIT message */		\
	F(blob, peer_nonce, 256) F(blob, maced_id, 48) /* prf(SK_p, ID) */
#define FIELDS_auth_signed(F)						\
	F(u32, req) F(u8, status) F(u8, method) F(blob, auth, 600)
#define FIELDS_auth_check(F)						\
	F(u32, req) F(u8, own_role) F(u8, prf)				\
	F(blob, peer_init, 16384) F(blob, own_nonce, 256)		\
	F(blob, maced_id, 48) F(blob, peer_id, 516) F(u8, method)	\
	F(blob, auth, 600)						\
	F(blob, certs, 16384) /* DER, leaf first, back to back */
#define FIELDS_auth_checked(F) /* identity: as claimed, also if not OK */ \
	F(u32, req) F(u8, verdict) F(u8, cause) F(u8, admit)		\
	F(u32, valid_s) /* how long this answer may be relied on */	\
	F(blob, identity, 512)
#define FIELDS_ppk_mix(F) /* sk: SK_d | SK_pi | SK_pr */		\
	F(u32, req) F(u8, prf) F(blob, ppk_id, 64) F(blob, sk, 144)
#define FIELDS_ppk_mixed(F) F(u32, req) F(u8, status) F(blob, sk, 144)
#define FIELDS_seal_open(F) F(u32, req)
#define FIELDS_seal_keys(F) /* n: instance; read: keys of first, first+1.. */ \
	F(u32, req) F(u8, status) F(u16, n) F(blob, write, 32)		\
	F(u16, first) F(blob, read, 256)
#define FIELDS_seal_done(F) F(u32, req) F(u16, n)

/* -- kernel policies, datagrams, events --------------------------------- */
#define FIELDS_spd_set(F) F(u32, req) F(u8, slot)
#define FIELDS_spd_clear(F) F(u32, req) F(u8, slot)
#define FIELDS_dgram(F)							\
	F(blob, local, 16) F(u16, local_port) F(blob, peer, 16)		\
	F(u16, peer_port) F(blob, data, 16384)
#define FIELDS_dgram_in(F) FIELDS_dgram(F)
#define FIELDS_dgram_out(F) FIELDS_dgram(F)
#define FIELDS_acquire(F) F(u8, slot) F(blob, dst, 16)
#define FIELDS_leave(F) F(u32, req) /* take leave of the GCKS */
#define FIELDS_left(F) F(u32, req) /* done, or given up */
#define FIELDS_result(F) F(u32, req) F(u8, status) F(blob, text, 256)

/* -- SAs: the only edge that carries keys ------------------------------- */
#define FIELDS_sa_install(F)						\
	F(u32, req) F(u8, mode) F(u8, dir) F(u32, spi) F(blob, src, 16)	\
	F(blob, dst, 16) F(blob, key, 36) F(u32, replay)		\
	F(u32, soft_s) F(u32, hard_s) F(u64, soft_packets)		\
	F(u64, hard_packets)
#define FIELDS_sa_delete(F) F(u32, req) F(u32, spi) F(blob, dst, 16)
#define FIELDS_sa_expired(F) F(u32, spi) F(blob, dst, 16) F(u8, hard)

/* -- status ------------------------------------------------------------- */
#define FIELDS_status_get(F) F(u32, req)
#define FIELDS_km_state(F) /* also unasked, on every change (req 0) */	\
	F(u32, req) F(u8, state) F(u32, generation) F(u32, step)	\
	F(u64, key_age_s) F(u64, key_left_s) F(blob, gcks, 64)		\
	F(blob, detail, 256)
#define FIELDS_count(F) /* slot 255: the whole host */			\
	F(u32, req) F(u8, slot) F(blob, name, 48) F(u64, value)
#define FIELDS_refused(F) /* a peer that a key manager refused lately */	\
	F(u32, req) F(u8, slot) F(blob, identity, 128)			\
	F(blob, cause, 48) F(blob, peer, 16) F(u32, times) F(u64, age_s)
#define FIELDS_sa_stat(F) /* from the kernel */				\
	F(u32, req) F(u8, slot) F(u8, dir) F(u32, spi) F(blob, src, 16)	\
	F(blob, dst, 16) F(u64, packets) F(u64, octets) F(u64, age_s)	\
	F(u32, replay_drops) F(u32, integrity_drops)
#define FIELDS_status_end(F) F(u32, req)

#define FIELDS_ctl_host(F) F(u32, req) F(blob, identity, 512)
#define FIELDS_ctl_group(F)						\
	F(u32, req) F(u8, slot) F(blob, name, 64) F(u8, role)		\
	F(u8, state) F(u32, generation) F(u32, step) F(u64, key_age_s)	\
	F(u64, key_left_s) F(blob, gcks, 64) F(blob, detail, 256)	\
	F(u32, restarts)
#define FIELDS_ctl_daemon(F) F(u32, req) F(blob, name, 16) F(u8, up)
#define FIELDS_ctl_join(F) F(u32, req) F(blob, name, 64)
#define FIELDS_ctl_leave(F) F(u32, req) F(blob, name, 64)
#define FIELDS_ctl_open(F) F(u32, req)

#define EDGE(from, to) (1u << (PEER_##from * PEER_COUNT + PEER_##to))
#define EDGE_ANY 0x1ffffffu

/*	id      NAME          name          may be sent from -> to */
#define MSG_LIST(M)							\
	M(0x0001, HELLO,        hello,        EDGE_ANY)			\
	M(0x0101, RULES_GET,    rules_get,    EDGE(DISPATCHERD, POLICYD)) \
	M(0x0102, RULES_BEGIN,  rules_begin,  EDGE(POLICYD, DISPATCHERD)) \
	M(0x0103, RULE_LISTEN,  rule_listen,  EDGE(POLICYD, DISPATCHERD)) \
	M(0x0104, RULE_IFACE,   rule_iface,   EDGE(POLICYD, DISPATCHERD)) \
	M(0x0105, RULE_PEER,    rule_peer,    EDGE(POLICYD, DISPATCHERD)) \
	M(0x0106, RULE_GROUP,   rule_group,   EDGE(POLICYD, DISPATCHERD)) \
	M(0x0107, RULE_ADDR,    rule_addr,    EDGE(POLICYD, DISPATCHERD)) \
	M(0x0108, RULE_SENDER,  rule_sender,  EDGE(POLICYD, DISPATCHERD)) \
	M(0x0109, RULES_END,    rules_end,    EDGE(POLICYD, DISPATCHERD)) \
	M(0x0111, GROUPS_GET,   groups_get,   EDGE(GROUPD, POLICYD))	\
	M(0x0112, GROUPS_BEGIN, groups_begin, EDGE(POLICYD, GROUPD))	\
	M(0x0113, GROUP,        group,        EDGE(POLICYD, GROUPD))	\
	M(0x0114, GROUPS_END,   groups_end,   EDGE(POLICYD, GROUPD))	\
	M(0x0115, JOINED_SET,   joined_set,   EDGE(GROUPD, POLICYD))	\
	M(0x0121, CONF_GET,     conf_get,     EDGE(KEYMGRD, POLICYD))	\
	M(0x0122, CONF_BEGIN,   conf_begin,   EDGE(POLICYD, KEYMGRD))	\
	M(0x0123, CONF_ADDR,    conf_addr,    EDGE(POLICYD, KEYMGRD))	\
	M(0x0124, CONF_GCKS,    conf_gcks,    EDGE(POLICYD, KEYMGRD))	\
	M(0x0126, CONF_CERT,    conf_cert,    EDGE(POLICYD, KEYMGRD))	\
	M(0x0125, CONF_END,     conf_end,     EDGE(POLICYD, KEYMGRD))	\
	M(0x0131, AUTH_SIGN,    auth_sign,    EDGE(KEYMGRD, POLICYD))	\
	M(0x0132, AUTH_SIGNED,  auth_signed,  EDGE(POLICYD, KEYMGRD))	\
	M(0x0133, AUTH_CHECK,   auth_check,   EDGE(KEYMGRD, POLICYD))	\
	M(0x0134, AUTH_CHECKED, auth_checked, EDGE(POLICYD, KEYMGRD))	\
	M(0x0138, PPK_MIX,      ppk_mix,      EDGE(KEYMGRD, POLICYD))	\
	M(0x0139, PPK_MIXED,    ppk_mixed,    EDGE(POLICYD, KEYMGRD))	\
	M(0x0135, SEAL_OPEN,    seal_open,    EDGE(KEYMGRD, POLICYD))	\
	M(0x0136, SEAL_KEYS,    seal_keys,    EDGE(POLICYD, KEYMGRD))	\
	M(0x0137, SEAL_DONE,    seal_done,    EDGE(KEYMGRD, POLICYD))	\
	M(0x0201, SPD_SET,      spd_set,      EDGE(GROUPD, DISPATCHERD)) \
	M(0x0202, SPD_CLEAR,    spd_clear,    EDGE(GROUPD, DISPATCHERD)) \
	M(0x0203, DGRAM_IN,     dgram_in,     EDGE(DISPATCHERD, GROUPD)	\
					    | EDGE(GROUPD, KEYMGRD))	\
	M(0x0204, DGRAM_OUT,    dgram_out,     EDGE(KEYMGRD, GROUPD)	\
					    | EDGE(GROUPD, DISPATCHERD)) \
	M(0x0205, ACQUIRE,      acquire,      EDGE(DISPATCHERD, GROUPD)	\
					    | EDGE(GROUPD, KEYMGRD))	\
	M(0x0206, RESULT,       result,       EDGE(POLICYD, GROUPD)	\
					    | EDGE(POLICYD, KEYMGRD)	\
					    | EDGE(DISPATCHERD, GROUPD)	\
					    | EDGE(DISPATCHERD, KEYMGRD) \
					    | EDGE(GROUPD, MIKECTL))	\
	M(0x0301, SA_INSTALL,   sa_install,   EDGE(KEYMGRD, DISPATCHERD)) \
	M(0x0302, SA_DELETE,    sa_delete,    EDGE(KEYMGRD, DISPATCHERD)) \
	M(0x0303, SA_EXPIRED,   sa_expired,   EDGE(DISPATCHERD, KEYMGRD)) \
	M(0x0207, LEAVE,      leave,        EDGE(GROUPD, KEYMGRD))	\
	M(0x0208, LEFT,         left,         EDGE(KEYMGRD, GROUPD))	\
	M(0x0401, STATUS_GET,   status_get,   EDGE(GROUPD, DISPATCHERD)	\
					    | EDGE(GROUPD, KEYMGRD)	\
					    | EDGE(MIKECTL, GROUPD))	\
	M(0x0402, KM_STATE,     km_state,     EDGE(KEYMGRD, GROUPD))	\
	M(0x0403, COUNT,        count,        EDGE(KEYMGRD, GROUPD)	\
					    | EDGE(DISPATCHERD, GROUPD)	\
					    | EDGE(GROUPD, MIKECTL))	\
	M(0x0406, REFUSED,      refused,      EDGE(KEYMGRD, GROUPD)	\
					    | EDGE(GROUPD, MIKECTL))	\
	M(0x0404, SA_STAT,      sa_stat,      EDGE(DISPATCHERD, GROUPD)	\
					    | EDGE(GROUPD, MIKECTL))	\
	M(0x0405, STATUS_END,   status_end,   EDGE(KEYMGRD, GROUPD)	\
					    | EDGE(DISPATCHERD, GROUPD)	\
					    | EDGE(GROUPD, MIKECTL))	\
	M(0x0501, CTL_HOST,     ctl_host,     EDGE(GROUPD, MIKECTL))	\
	M(0x0502, CTL_GROUP,    ctl_group,    EDGE(GROUPD, MIKECTL))	\
	M(0x0503, CTL_DAEMON,   ctl_daemon,   EDGE(GROUPD, MIKECTL))	\
	M(0x0504, CTL_JOIN,     ctl_join,     EDGE(MIKECTL, GROUPD))	\
	M(0x0505, CTL_LEAVE,    ctl_leave,    EDGE(MIKECTL, GROUPD))	\
	M(0x0506, CTL_OPEN,     ctl_open,     EDGE(MIKECTL, GROUPD))
/* clang-format on */

#endif
