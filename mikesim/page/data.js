/* SPDX-License-Identifier: ISC */
/* The run: what page_json.c wrote, made ready for questions about a time. */
'use strict';

const D = JSON.parse(document.getElementById('data').textContent);

D.end = Math.max(D.end, 1); /* of an empty run */

/* -- hosts ----------------------------------------------------------------- */

/* Site by site, the sender first. */
const lanes = D.names.map(([host, site, name]) => ({ host, site, name }))
    .sort((a, b) => a.site - b.site || a.host - b.host);
const laneOf = new Map(lanes.map((l) => [l.host, l]));
const senderName = (site) => laneOf.get(site).name;

function siteOf(host)
{
	return host < D.senders ? host :
	    Math.floor((host - D.senders) / D.receivers);
}

function hostName(host)
{
	const lane = laneOf.get(host);

	if (lane)
		return lane.name;
	let nth = (host - D.senders) % D.receivers;
	for (const [name, count] of D.sections) {
		if (nth < count)
			return `${name} no. ${nth + 1} of ${senderName(siteOf(host))}`;
		nth -= count;
	}
	return `host ${host}`;
}

/* -- states: a log of changes, walked forward and backward -------------------- */

const PHASE = { off: 0, noKeys: 1, registering: 2, keyed: 3, left: 4 };
const EMCON = ['transmits', 'receive only', 'silent'];
const changes = decodeChanges();

function decodeChanges()
{
	const bin = atob(D.changes);
	const n = D.nChanges;
	const at = new Float64Array(n), host = new Uint32Array(n);
	const to = new Uint16Array(n), from = new Uint16Array(n);
	const now = new Uint16Array(D.hosts);
	let pos = 0, t = 0;

	const varint = () => {
		let v = 0, scale = 1, c;

		do {
			c = bin.charCodeAt(pos++);
			v += (c & 127) * scale;
			scale *= 128;
		} while (c & 128);
		return v;
	};
	for (let i = 0; i < n; i++) {
		t += varint();
		at[i] = t;
		host[i] = varint();
		to[i] = varint();
		from[i] = now[host[i]];
		now[host[i]] = to[i];
	}
	return { n, at, host, to, from };
}

/* What every host is at a time; moves to another time by the changes between. */
class Replay {
	constructor()
	{
		this.i = 0;
		this.now = new Uint16Array(D.hosts);
		this.count = new Uint32Array(D.states.length);
		this.count[0] = D.hosts;
	}

	set(host, state)
	{
		this.count[this.now[host]]--;
		this.count[state]++;
		this.now[host] = state;
	}

	seek(t)
	{
		const c = changes;

		for (; this.i < c.n && c.at[this.i] <= t; this.i++)
			this.set(c.host[this.i], c.to[this.i]);
		for (; this.i > 0 && c.at[this.i - 1] > t; this.i--)
			this.set(c.host[this.i - 1], c.from[this.i - 1]);
	}

	phases()
	{
		const n = D.phases.map(() => 0), emcon = [0, 0, 0];

		this.count.forEach((v, s) => {
			n[D.states[s][0]] += v;
			emcon[D.states[s][1]] += v;
		});
		return { n, emcon };
	}
}

/* The drawn hosts' states as runs: [from, to, state]. */
const runsOf = (() => {
	const runs = new Map(lanes.map((l) => [l.host, [[0, D.end, 0]]]));

	for (let i = 0; i < changes.n; i++) {
		const r = runs.get(changes.host[i]);

		if (!r)
			continue;
		r[r.length - 1][1] = changes.at[i];
		r.push([changes.at[i], D.end, changes.to[i]]);
	}
	return runs;
})();

/*
 * Hosts of each site by class at the end of each of so many equal bins.  A
 * class is a phase, or KEYED_ODD: keys that follow each other are in turn in
 * one and the other.
 */
const BANDS = 300, KEYED_ODD = D.phases.length, CLASSES = KEYED_ODD + 1;
const classOf = D.states.map(([phase, , generation, step]) =>
	phase === PHASE.keyed && (generation + step) % 2 === 0 ? KEYED_ODD :
	phase);
const bands = (() => {
	const sites = D.senders;
	const out = new Uint32Array(sites * BANDS * CLASSES);
	const now = new Uint32Array(sites * CLASSES);
	let i = 0;

	for (let s = 0; s < sites; s++)
		now[s * CLASSES] = D.receivers + 1;
	for (let b = 0; b < BANDS; b++) {
		const until = D.end * (b + 1) / BANDS;

		for (; i < changes.n && changes.at[i] <= until; i++) {
			const s = siteOf(changes.host[i]) * CLASSES;

			now[s + classOf[changes.from[i]]]--;
			now[s + classOf[changes.to[i]]]++;
		}
		for (let s = 0; s < sites; s++)
			out.set(now.subarray(s * CLASSES, (s + 1) * CLASSES),
			    (s * BANDS + b) * CLASSES);
	}
	return out;
})();

/* -- messages ---------------------------------------------------------------- */

const DELIVERED = 0, DUPLICATE = 1, LATE = 2;
const isLost = (fate) => fate > LATE;
const CAUSE = D.fates.map((f) => f.slice(0, 1).toUpperCase());

const msgs = D.msgs.map((m, i) => {
	const copies = m[8].map(([host, fate, t]) => ({ host, fate, t }));
	const last = copies.reduce((x, c) => Math.max(x, c.t), m[0]);

	return {
		i, t: m[0], from: m[1], to: m[2], kind: m[3],
		response: m[4] === 1, ike: m[4] < 2, octets: m[5],
		src: m[6], dst: m[7], copies: copies.reverse(), counts: m[9],
		spiI: m[10], spiR: m[11], mid: m[12], exchange: m[13],
		payloads: m[14], last,
		open: copies.length === 0 && m[9].length === 0,
	};
});
const longest = msgs.reduce((x, m) => Math.max(x, m.last - m.t), 0);

/* Index of the first message sent at t or later. */
function msgAt(t)
{
	let lo = 0, hi = msgs.length;

	while (lo < hi) {
		const mid = (lo + hi) >> 1;

		if (msgs[mid].t < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

function inFlight(t)
{
	const out = [];

	for (let i = msgAt(t - longest); i < msgs.length && msgs[i].t <= t; i++)
		if (msgs[i].last > t || msgs[i].open)
			out.push(msgs[i]);
	return out;
}

function msgTitle(m)
{
	const name = m.ike && m.exchange === 35 ? 'IKE_AUTH' :
	    m.ike && D.kinds[m.kind] === 'other' ? `exchange ${m.exchange}` :
	    !m.ike && D.kinds[m.kind] === 'other' ? 'no IKE message' :
	    D.kinds[m.kind];

	return m.ike ? `${name} ${m.response ? 'response' : 'request'}` : name;
}

/* -- numbers for people ------------------------------------------------------- */

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');

function seconds(us, digits = 3)
{
	return `${(us / 1e6).toFixed(digits)} s`;
}

function plural(n, one)
{
	return `${grouped(n)} ${one}${n === 1 ? '' : 's'}`;
}
