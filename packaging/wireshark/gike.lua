-- SPDX-License-Identifier: ISC
--
-- Group IKEv2 (RFC 9838), and what MIKE adds to it, for Wireshark and tshark.
--
--	tshark -X lua_script:gike.lua -r FILE
--
-- or put this file into Wireshark's directory of personal Lua plugins
-- (tshark -G folders names it).
--
-- Wireshark dissects IKEv2 by itself and decrypts every exchange type, those
-- of RFC 9838 too, when its "IKEv2 Decryption Table" has the keys.  What it
-- does not have (4.0): UDP port 848, the names of the exchanges and of some
-- notifies and transforms, and the bodies of the payloads IDg, GSA and KD.
-- That is added here by a post-dissector, which takes the octets that
-- Wireshark decrypted or put together from fragments; no cryptography is done
-- in Lua.  Its tree "Group IKEv2" stands below Wireshark's own.  A payload
-- that is damaged gets the expert info gike.damaged; an error of Lua itself
-- would be a fault of this file.

local gike = Proto("gike", "Group IKEv2")

-- Names ---------------------------------------------------------------------

local EXCHANGES = {
	[34] = "IKE_SA_INIT", [35] = "IKE_AUTH", [36] = "CREATE_CHILD_SA",
	[37] = "INFORMATIONAL", [39] = "GSA_AUTH", [40] = "GSA_REGISTRATION",
	[41] = "GSA_REKEY", [42] = "GSA_INBAND_REKEY",
	[43] = "IKE_INTERMEDIATE",
}
local PAYLOADS = {
	[33] = "SA", [34] = "KE", [35] = "IDi", [36] = "IDr", [37] = "CERT",
	[38] = "CERTREQ", [39] = "AUTH", [40] = "Nonce", [41] = "N",
	[42] = "D", [43] = "V", [44] = "TSi", [45] = "TSr", [46] = "SK",
	[47] = "CP", [48] = "EAP", [50] = "IDg", [51] = "GSA", [52] = "KD",
	[53] = "SKF",
}
-- Those of group key management and those that MIKE sends with them; the
-- others are named by Wireshark.
local NOTIFIES = {
	[1] = "UNSUPPORTED_CRITICAL_PAYLOAD", [7] = "INVALID_SYNTAX",
	[14] = "NO_PROPOSAL_CHOSEN", [17] = "INVALID_KE_PAYLOAD",
	[24] = "AUTHENTICATION_FAILED", [45] = "INVALID_GROUP_ID",
	[46] = "AUTHORIZATION_FAILED", [49] = "REGISTRATION_FAILED",
	[16390] = "COOKIE", [16391] = "USE_TRANSPORT_MODE",
	[16418] = "CHILDLESS_IKEV2_SUPPORTED", [16429] = "GROUP_SENDER",
	[16430] = "IKEV2_FRAGMENTATION_SUPPORTED",
	[16431] = "SIGNATURE_HASH_ALGORITHMS", [16435] = "USE_PPK",
	[16436] = "PPK_IDENTITY", [40961] = "MIKE_GROUP",
}
local PROTOCOLS = {
	[0] = "none", [1] = "IKE", [2] = "AH", [3] = "ESP",
	[6] = "GIKE_UPDATE",
}
local ID_TYPES = {
	[1] = "ID_IPV4_ADDR", [2] = "ID_FQDN", [3] = "ID_RFC822_ADDR",
	[5] = "ID_IPV6_ADDR", [9] = "ID_DER_ASN1_DN", [11] = "ID_KEY_ID",
}
local TRANSFORMS = {
	[1] = "ENCR", [2] = "PRF", [3] = "INTEG", [4] = "KE", [5] = "SN",
	[13] = "KWA", [14] = "GCAUTH",
}
local TRANSFORM_IDS = {
	[1] = { [12] = "AES-CBC", [20] = "AES-GCM-16" },
	[2] = { [5] = "HMAC-SHA2-256", [6] = "HMAC-SHA2-384",
		[7] = "HMAC-SHA2-512" },
	[3] = { [0] = "NONE", [12] = "HMAC-SHA2-256-128",
		[13] = "HMAC-SHA2-384-192" },
	[4] = { [14] = "MODP-2048", [19] = "P-256", [20] = "P-384",
		[31] = "Curve25519" },
	[5] = { [0] = "32-bit sequential", [1] = "64-bit, partially sent",
		[2] = "32-bit unspecified" },
	[13] = { [1] = "KW_5649_128", [2] = "KW_5649_192",
		[3] = "KW_5649_256", [4] = "KW_ARX" },
	[14] = { [1] = "Implicit", [2] = "Digital Signature" },
}
local IP_PROTOCOLS = { [0] = "any", [6] = "TCP", [17] = "UDP" }

-- Fields --------------------------------------------------------------------

local f, ef = {}, {}
local function field(name, make, title, ...)
	local abbrev = "gike." .. name
	f[name] = ProtoField[make](abbrev, title, ...)
end
field("exchange", "uint8", "Exchange", base.DEC, EXCHANGES)
field("payload", "uint8", "Payload", base.DEC, PAYLOADS)
field("notify", "uint16", "Notify", base.DEC, NOTIFIES)
field("notify_data", "bytes", "Data")
field("mike_group", "bytes", "Hash of group and nonce")
field("group_sender", "uint32", "Sender-IDs wanted", base.DEC)
field("id_type", "uint8", "Type", base.DEC, ID_TYPES)
field("id", "bytes", "Identity")
field("id_text", "string", "Identity, as text")
field("protocol", "uint8", "Protocol", base.DEC, PROTOCOLS)
field("proposal", "uint8", "Proposal", base.DEC)
field("spi", "bytes", "SPI")
field("policy", "none", "Policy")
field("bag", "none", "Key bag")
field("source", "string", "Source")
field("destination", "string", "Destination")
field("transform", "uint8", "Transform", base.DEC, TRANSFORMS)
field("transform_id", "uint16", "Id", base.DEC)
field("key_bits", "uint16", "Key length", base.DEC)
field("algorithm", "bytes", "Signature algorithm, DER")
field("attribute", "uint16", "Attribute", base.DEC)
field("value", "bytes", "Value")
field("lifetime", "uint32", "GSA_KEY_LIFETIME, seconds", base.DEC)
field("initial_mid", "uint32", "GSA_INITIAL_MESSAGE_ID", base.DEC)
field("next_spi", "bytes", "GSA_NEXT_SPI")
field("atd", "uint16", "GWP_ATD, seconds", base.DEC)
field("dtd", "uint16", "GWP_DTD, seconds", base.DEC)
field("sender_id_bits", "uint16", "GWP_SENDER_ID_BITS", base.DEC)
field("key_id", "uint32", "Key ID", base.DEC)
field("kwk_id", "uint32", "KWK ID", base.DEC)
field("wrapped", "bytes", "Wrapped key")
field("auth_key", "bytes", "AUTH_KEY, DER")
field("sender_id", "uint32", "GM_SENDER_ID", base.DEC)
for _, one in pairs(f) do
	table.insert(ef, one)
end
gike.fields = ef

local damaged = ProtoExpert.new("gike.damaged.expert", "Damaged payload",
    expert.group.MALFORMED, expert.severity.ERROR)
local sealed = ProtoExpert.new("gike.sealed.expert", "Not decrypted",
    expert.group.DECRYPTION, expert.severity.NOTE)
gike.experts = { damaged, sealed }

-- What Wireshark's dissector found out.
local in_message = Field.new("isakmp")
local in_version = Field.new("isakmp.version")
local in_exchange = Field.new("isakmp.exchangetype")
local in_next = Field.new("isakmp.nextpayload")
local in_type = Field.new("isakmp.typepayload")
local in_decrypted = Field.new("isakmp.enc.decrypted")
local in_contained = Field.new("isakmp.enc.contained")
local in_whole = Field.new("isakmp.fragments")

-- Octets --------------------------------------------------------------------

-- A table is thrown, so that it cannot be taken for an error of Lua.
local function damage(what)
	error({ damage = what }, 0)
end

-- A reader of a TvbRange that never reads past it.  An empty one has no
-- TvbRange at all: Wireshark has no empty ranges.
local Reader = {}
Reader.__index = Reader

local function reader(range, from, len)
	local whole = range and range:len() or 0

	from = from or 0
	return setmetatable({ range = range, at = from,
	    stop = from + (len or whole - from) }, Reader)
end

function Reader:left()
	return self.stop - self.at
end

-- The next n octets, n > 0.
function Reader:take(n, what)
	if self:left() < n then
		damage(what .. ": " .. n .. " octets expected, " ..
		    self:left() .. " left")
	end
	self.at = self.at + n
	return self.range(self.at - n, n)
end

function Reader:number(n, what)
	return self:take(n, what):uint()
end

-- A reader of the next n octets, n >= 0.
function Reader:sub(n, what)
	if n < 0 or self:left() < n then
		damage(what .. ": length " .. n .. ", " .. self:left() ..
		    " octets left")
	end
	self.at = self.at + n
	return reader(self.range, self.at - n, n)
end

-- All that is left, or nil.
function Reader:rest()
	if self:left() > 0 then
		return self:take(self:left(), "rest")
	end
end

-- The range of all, for an item of the tree; at least one octet.
function Reader:span(from)
	return self.range(from, math.max(1, self.at - from))
end

local function name_of(names, number)
	return names and names[number] or "unknown (" .. number .. ")"
end

-- A structure whose length field, two octets, stands `skip` octets behind its
-- start and counts from there.  Gives the reader of what is behind the length.
local function lengthy(r, skip, what)
	local from = r.at
	local head = r:take(skip + 2, what .. " header")
	local len = head(skip, 2):uint()

	if len < skip + 2 then
		damage(what .. ": length " .. len .. " is shorter than its " ..
		    "own header")
	end
	return r:sub(len - skip - 2, what), head, r.range(from, len)
end

-- Attributes (RFC 7296 3.3.5) -----------------------------------------------

-- show[type] = function(tree, range, reader of the value); names likewise.
local function attributes(r, tree, names, show)
	while r:left() > 0 do
		local from = r.at
		local head = r:take(2, "attribute")
		local type = head:uint()
		local value

		if type >= 0x8000 then
			type = type - 0x8000
			value = r:sub(2, "attribute value")
		else
			value = r:sub(r:number(2, "attribute length"),
			    "attribute " .. name_of(names, type))
		end
		local sub = tree:add(f.attribute, r.range(from, r.at - from),
		    type, "Attribute: " .. name_of(names, type))

		if show[type] then
			show[type](sub, value, name_of(names, type))
			if value:left() > 0 then
				damage(name_of(names, type) .. ": " ..
				    value:left() .. " octets too many")
			end
		elseif value:left() > 0 then
			sub:add(f.value, value:rest())
		end
	end
end

local function number(which, len)
	return function(tree, value, what)
		local range = value:take(len, what)

		tree:add(f[which], range)
		tree:append_text(": " .. range:uint())
	end
end

local function octets(which)
	return function(tree, value, what)
		tree:add(f[which], value:take(math.max(1, value:left()), what))
	end
end

-- Key ID, KWK ID, wrapped key: RFC 9838 4.5.1.
local function wrapped_key(tree, value, what)
	local key = value:take(4, what)
	local kwk = value:take(4, what)
	local under = kwk:uint() == 0 and "GSK_w" or
	    "key " .. kwk:uint()

	tree:add(f.key_id, key)
	tree:add(f.kwk_id, kwk)
	tree:add(f.wrapped, value:take(math.max(1, value:left()), what))
	tree:append_text(": " .. (key:uint() == 0 and "SA key" or
	    "key " .. key:uint()) .. " under " .. under)
end

local TRANSFORM_ATTRS = { [14] = "Key Length", [18] = "Signature Algorithm" }
local show_transform = {
	[14] = number("key_bits", 2), [18] = octets("algorithm"),
}
local SA_ATTRS = {
	"GSA_KEY_LIFETIME", "GSA_INITIAL_MESSAGE_ID", "GSA_NEXT_SPI",
}
local show_sa = {
	number("lifetime", 4), number("initial_mid", 4), octets("next_spi"),
}
local GROUP_ATTRS = { "GWP_ATD", "GWP_DTD", "GWP_SENDER_ID_BITS" }
local show_group = {
	number("atd", 2), number("dtd", 2), number("sender_id_bits", 2),
}
local BAG_ATTRS = { "SA_KEY" }
local show_bag = { wrapped_key }
local MEMBER_ATTRS = { "WRAP_KEY", "AUTH_KEY", "GM_SENDER_ID" }
local show_member = {
	wrapped_key, octets("auth_key"), number("sender_id", 4),
}

-- Transforms, selectors, policies -------------------------------------------

-- One transform (RFC 7296 3.3.2); true when more follow.
local function transform(r, tree)
	local body, head, all = lengthy(r, 2, "transform")
	local more = head(0, 1):uint()

	if more ~= 0 and more ~= 3 then
		damage("transform: begins with " .. more .. ", not 0 or 3")
	end
	local type = body:take(1, "transform type")
	body:take(1, "transform")
	local id = body:take(2, "transform id")
	local sub = tree:add(f.transform, all, type:uint())

	sub:append_text(" " ..
	    name_of(TRANSFORM_IDS[type:uint()], id:uint()))
	sub:add(f.transform_id, id)
	attributes(body, sub, TRANSFORM_ATTRS, show_transform)
	return more == 3
end

-- "192.0.2.1", or both ends of a range.
local function addresses(lo, hi, all)
	local text = lo:len() == 4 and
	    function(x) return tostring(x:ipv4()) end or
	    function(x) return tostring(x:ipv6()) end

	if lo:bytes() == hi:bytes() then
		return text(lo)
	end
	return all and "any address" or text(lo) .. "-" .. text(hi)
end

local function every(bytes, octet)
	for i = 0, bytes:len() - 1 do
		if bytes:get_index(i) ~= octet then
			return false
		end
	end
	return true
end

-- A traffic selector (RFC 7296 3.13.1).
local function selector(r, tree, which)
	local body, head, all = lengthy(r, 2, which .. " selector")
	local type, proto = head(0, 1):uint(), head(1, 1):uint()
	local size = ({ [7] = 4, [8] = 16 })[type]

	if not size then
		damage(which .. " selector: type " .. type ..
		    ", neither IPv4 (7) nor IPv6 (8)")
	end
	local from = body:number(2, which .. " port")
	local to = body:number(2, which .. " port")
	local lo = body:take(size, which .. " address")
	local hi = body:take(size, which .. " address")
	local ports = from == 0 and to == 65535 and "any port" or
	    from == to and "port " .. from or "ports " .. from .. "-" .. to

	if body:left() > 0 then
		damage(which .. " selector: " .. body:left() ..
		    " octets too many")
	end
	tree:add(f[which], all, addresses(lo, hi, every(lo:bytes(), 0) and
	    every(hi:bytes(), 255)) .. ", " ..
	    (IP_PROTOCOLS[proto] or "protocol " .. proto) .. ", " .. ports)
end

-- Protocol, SPI size, length, SPI: the head that policies and bags share.
local function spi_head(r, tree, which, what)
	local body, head, all = lengthy(r, 2, what)
	local size = head(1, 1):uint()
	local sub = tree:add(f[which], all)

	sub:set_text(what .. ": " ..
	    name_of(PROTOCOLS, head(0, 1):uint()))
	sub:add(f.protocol, head(0, 1))
	if size > 0 then
		local spi = body:take(size, what .. " SPI")

		sub:add(f.spi, spi)
		sub:append_text(", SPI " .. tostring(spi:bytes()):lower())
	end
	return body, sub
end

local function plain_head(r, tree, which, what)
	local body, _, all = lengthy(r, 2, what)
	local sub = tree:add(f[which], all)

	sub:set_text(what)
	return body, sub
end

-- The first octet of what comes next, 0 for what has no protocol.
local function kind_of(r)
	return r.range(r.at, 1):uint()
end

-- RFC 9838 4.4
local function gsa(r, tree)
	while r:left() > 0 do
		if kind_of(r) == 0 then
			local body, sub = plain_head(r, tree, "policy",
			    "Group-wide policy")

			attributes(body, sub, GROUP_ATTRS, show_group)
		else
			local body, sub = spi_head(r, tree, "policy",
			    "Group SA policy")

			selector(body, sub, "source")
			selector(body, sub, "destination")
			while transform(body, sub) do end
			attributes(body, sub, SA_ATTRS, show_sa)
		end
	end
end

-- RFC 9838 4.5
local function kd(r, tree)
	while r:left() > 0 do
		if kind_of(r) == 0 then
			local body, sub = plain_head(r, tree, "bag",
			    "Member key bag")

			attributes(body, sub, MEMBER_ATTRS, show_member)
		else
			local body, sub = spi_head(r, tree, "bag",
			    "Group key bag")

			attributes(body, sub, BAG_ATTRS, show_bag)
		end
	end
end

-- The other payloads that G-IKEv2 changes ------------------------------------

local function proposal(r, tree)
	local body, head, all = lengthy(r, 2, "proposal")
	local more = head(0, 1):uint()
	local num = body:take(1, "proposal number")
	local proto = body:take(1, "proposal protocol")
	local size = body:number(1, "proposal SPI size")
	local n = body:number(1, "number of transforms")
	local sub = tree:add(f.proposal, all, num:uint())

	if more ~= 0 and more ~= 2 then
		damage("proposal: begins with " .. more .. ", not 0 or 2")
	end
	sub:append_text(", " .. name_of(PROTOCOLS, proto:uint()))
	sub:add(f.protocol, proto)
	if size > 0 then
		sub:add(f.spi, body:take(size, "proposal SPI"))
	end
	for i = 1, n do
		if transform(body, sub) ~= (i < n) then
			damage("proposal: " .. n .. " transforms announced, " ..
			    "the last mark is on number " .. i)
		end
	end
	if body:left() > 0 then
		damage("proposal: " .. body:left() .. " octets too many")
	end
	return more == 2
end

-- SA, and SAg, which looks the same.
local function sa(r, tree)
	while proposal(r, tree) do end
	if r:left() > 0 then
		damage("SA: " .. r:left() .. " octets after the last proposal")
	end
end

local function printable(bytes)
	return not bytes:raw():find("[^\32-\126]")
end

local function identity(r, tree)
	local type = r:take(1, "identity type")

	r:take(3, "identity")
	tree:add(f.id_type, type)
	if r:left() == 0 then
		return
	end
	local id = r:rest()

	tree:add(f.id, id)
	if printable(id:bytes()) then
		tree:add(f.id_text, id, id:bytes():raw())
		tree:append_text(": " .. id:bytes():raw())
	end
end

local function notify(r, tree)
	r:take(1, "notify protocol")
	local size = r:number(1, "notify SPI size")
	local type = r:take(2, "notify type")
	local data

	if size > 0 then
		tree:add(f.spi, r:take(size, "notify SPI"))
	end
	tree:add(f.notify, type)
	tree:append_text(": " .. name_of(NOTIFIES, type:uint()))
	data = r:rest()
	if type:uint() == 16429 then
		if not data or data:len() ~= 4 then
			damage("GROUP_SENDER: data has " ..
			    (data and data:len() or 0) .. " octets, not 4")
		end
		tree:add(f.group_sender, data)
	elseif type:uint() == 40961 then
		if not data or data:len() ~= 16 then
			damage("MIKE_GROUP: data has " ..
			    (data and data:len() or 0) .. " octets, not 16")
		end
		tree:add(f.mike_group, data)
	elseif data then
		tree:add(f.notify_data, data)
	end
end

local function delete(r, tree)
	local proto = r:take(1, "delete protocol")
	local size = r:number(1, "delete SPI size")
	local n = r:number(2, "number of SPIs")

	tree:add(f.protocol, proto)
	if r:left() ~= n * size then
		damage("delete: " .. n .. " SPIs of " .. size ..
		    " octets announced, " .. r:left() .. " octets there")
	end
	for _ = 1, size > 0 and n or 0 do
		local spi = r:take(size, "delete SPI")
		local item = tree:add(f.spi, spi)

		if every(spi:bytes(), 0) then
			item:append_text(" (all)")
		end
	end
end

local BODIES = {
	[33] = sa, [41] = notify, [42] = delete, [50] = identity, [51] = gsa,
	[52] = kd,
}

-- Messages ------------------------------------------------------------------

-- Call body(...), and show damage that it meets in tree.
local function guarded(tree, body, ...)
	local ok, why = pcall(body, ...)

	if ok then
		return true
	end
	if type(why) ~= "table" then
		error(why, 0)
	end
	tree:add_proto_expert_info(damaged, "Damaged: " .. why.damage)
	return false
end

local function payload_name(type, exchange)
	if type == 33 and (exchange == 39 or exchange == 40) then
		return "SAg"
	end
	return name_of(PAYLOADS, type)
end

-- One payload; gives the type of the next.
local function payload(r, tree, type, exchange)
	local body, head, all = lengthy(r, 2, payload_name(type, exchange))

	if type == 41 and body:left() >= 4 then
		tree:append_text("(" ..
		    name_of(NOTIFIES, all(6, 2):uint()) .. ")")
	end
	local sub = tree:add(f.payload, all, type,
	    "Payload: " .. payload_name(type, exchange))

	if BODIES[type] then
		guarded(sub, BODIES[type], body, sub)
	end
	return head(0, 1):uint()
end

-- The payloads of a message, as long as they are to be read.
local function chain(r, tree, type, exchange)
	while type ~= 0 do
		tree:append_text(" " .. payload_name(type, exchange))
		if type == 46 or type == 53 then
			return
		end
		type = payload(r, tree, type, exchange)
	end
	if r:left() > 0 then
		damage(r:left() .. " octets after the last payload")
	end
end

-- Is this one of ours: a new exchange, or an IKE_SA_INIT that says so?
local function concerns(exchange, message)
	if exchange >= 39 and exchange <= 42 then
		return true
	end
	if exchange ~= 34 then
		return false
	end
	local octets = message:bytes():raw()

	-- MIKE_GROUP's head, or a key wrap transform.
	return octets:find("\0\24\0\0\160\1", 1, true) ~= nil or
	    octets:find("[\0\3]\0\0\8\13\0\0[\1-\4]") ~= nil
end

-- Wireshark leaves "Unknown 39" in its place.
local function name_in_column(pinfo, exchange)
	local info = tostring(pinfo.cols.info or "")
	local better, n = info:gsub("Unknown %(?" .. exchange .. "%)?",
	    EXCHANGES[exchange], 1)

	if n == 1 then
		pinfo.cols.info:set(better)
	end
end

-- What is inside an Encrypted payload that was decrypted: its octets (nil:
-- none), the type of the first payload (nil: not all fragments are there).
local function inner_of(outer)
	local whole, nexts = in_whole(), { in_next() }

	if outer == 46 then
		-- The header's, then that of the Encrypted payload.
		local contained = in_contained()

		return contained and contained.range,
		    nexts[2] and nexts[2].value or 0
	end
	-- Wireshark's item of the first payload lies in what it reassembled.
	for _, t in ipairs(whole and { in_type() } or {}) do
		if t.value ~= 53 and t.source == whole.source then
			return whole.range, t.value
		end
	end
end

function gike.dissector(_, pinfo, root)
	local message, version = in_message(), in_version()
	local exchange, first = in_exchange(), in_next()

	if not (message and version and exchange and first) or
	    version.value < 0x20 or version.value > 0x2f or
	    message.range:len() < 28 or
	    not concerns(exchange.value, message.range) then
		return
	end
	local number = exchange.value
	local tree = root:add(gike, message.range)
	local flags = message.range(19, 1):uint()

	name_in_column(pinfo, number)
	tree:append_text(", " .. name_of(EXCHANGES, number) ..
	    (number == 41 and "" or
	    flags % 64 >= 32 and " response" or " request") .. ":")
	tree:add(f.exchange, message.range(18, 1))
	local r = reader(message.range, 28)

	guarded(tree, chain, r, tree, first.value, number)
	if first.value ~= 46 and first.value ~= 53 then
		return
	end
	if not in_decrypted() then
		tree:add_proto_expert_info(sealed)
		return
	end
	local range, type = inner_of(first.value)

	if type then
		tree:append_text(" {")
		guarded(tree, chain, reader(range), tree, type, number)
		tree:append_text(" }")
	else
		tree:append_text(" (a fragment)")
	end
end

DissectorTable.get("udp.port"):add(848, Dissector.get("isakmp"))
register_postdissector(gike)
