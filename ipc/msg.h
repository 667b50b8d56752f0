/* SPDX-License-Identifier: ISC */
#ifndef IPC_MSG_H
#define IPC_MSG_H

/*
 * Structs and codecs of every message between daemons, expanded from
 * ipc/schema.h.  The sender is the channel, never a field.
 */

#include "common/wire.h"
#include "ipc/schema.h"

#define DECL_u8(name) uint8_t name;
#define DECL_u16(name) uint16_t name;
#define DECL_u32(name) uint32_t name;
#define DECL_u64(name) uint64_t name;
#define DECL_blob(name, max) struct chunk name; /* borrowed */
#define DECL(kind, ...) DECL_##kind(__VA_ARGS__)

#define GEN_STRUCT(id, NAME, name, edges)                                      \
	struct msg_##name {                                                    \
		FIELDS_##name(DECL)                                            \
	};
MSG_LIST(GEN_STRUCT)

#define GEN_ENUM(id, NAME, name, edges) MSG_##NAME = id,
enum msg_type { MSG_LIST(GEN_ENUM) };

#define GEN_MEMBER(id, NAME, name, edges) struct msg_##name name;
struct msg {
	uint16_t type; /* enum msg_type */
	union {
		MSG_LIST(GEN_MEMBER)
	};
};

#define MSG_SIZE_MAX 49152 /* octets of any encoded message */

/* -EBADMSG: unknown type, truncated, too long a blob, trailing octets. */
int msg_get(const void *p, size_t len, struct msg *m) MUST_CHECK;
/* -ENOBUFS, -ERANGE (a blob above its maximum), -EINVAL (unknown type). */
int msg_put(struct wbuf *wb, const struct msg *m) MUST_CHECK;
/* Octets that msg_put will write; 0 for an unknown type. */
size_t msg_size(const struct msg *m);
bool msg_permitted(unsigned int type, enum peer from, enum peer to);
const char *msg_name(unsigned int type); /* "?" when unknown */
const char *peer_name(enum peer p);

#endif
