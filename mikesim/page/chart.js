/* SPDX-License-Identifier: ISC */
/* The charts: each a function that draws one canvas as the page stands. */

/* -- exchanges --------------------------------------------------------------- */

const LANES_AT_ONCE = 60, EVENT_ROWS = 32;
let shownLanes = [];   /* of the site that is shown */
let laneY = new Map(); /* host: middle of its lane */
let segments = [];     /* what was drawn, for the pointer */

/* All hosts of the site, and the senders of other sites they speak with. */
function chooseLanes()
{
	const site = at.site;

	if (site < 0) {
		shownLanes = lanes.length <= LANES_AT_ONCE ? lanes :
		    lanes.filter((l) => l.host < D.senders);
	} else {
		const hosts = new Set([site]);

		for (const m of msgs)
			if (m.to >= 0 && (siteOf(m.from) === site ||
			    siteOf(m.to) === site))
				[m.from, m.to].filter((h) => h < D.senders)
				    .forEach((h) => hosts.add(h));
		shownLanes = lanes.filter((l) =>
			hosts.has(l.host) || l.site === site);
	}
}

function laneHeight()
{
	return Math.min(40, Math.max(13, 400 / Math.max(shownLanes.length, 1)));
}

function drawLanes(g, w, lh)
{
	laneY = new Map();
	shownLanes.forEach((l, i) => {
		const y = EVENT_ROWS + (i + 0.5) * lh;
		const thick = Math.min(6, lh * 0.4);

		laneY.set(l.host, y);
		g.font = l.host < D.senders ? `600 ${FONT}` : FONT;
		label(g, l.name, y);
		for (const [from, to, s] of runsOf.get(l.host)) {
			const x0 = Math.max(timeX(from, w), GUTTER);
			const x1 = Math.min(timeX(to, w), w - RIGHT);

			if (x1 > x0) {
				g.globalAlpha = 0.5;
				stateBar(g, x0, y - thick / 2, x1 - x0, thick,
				    D.states[s]);
				g.globalAlpha = 1;
			}
		}
	});
	g.font = FONT;
}

/* Where a copy's arrow ends; null: at a host that is not shown. */
function copyLine(m, c, w)
{
	const y0 = laneY.get(m.from);
	const host = c.host >= 0 ? c.host : m.to;
	let y1 = host >= 0 ? laneY.get(host) : y0 + laneHeight() * 0.8;
	let x1 = timeX(c.t, w);
	const x0 = timeX(m.t, w);

	if (y0 === undefined || y1 === undefined)
		return null;
	if (isLost(c.fate)) {
		y1 = y0 + (y1 - y0) * 0.7;
		x1 = x0 + (x1 - x0) * 0.7;
	}
	return { x0, y0, x1, y1, m, c };
}

function drawArrow(g, s, busy, chosen)
{
	const angle = Math.atan2(s.y1 - s.y0, s.x1 - s.x0);
	const colour = ink.kind[s.m.kind];

	g.strokeStyle = g.fillStyle = colour;
	if (chosen) {
		g.lineWidth = 7;
		g.globalAlpha = 0.35;
		line(g, s.x0, s.y0, s.x1, s.y1);
		g.globalAlpha = 1;
	}
	g.lineWidth = chosen ? 2.4 : busy ? 1 : 1.4;
	g.setLineDash(s.m.response ? [5, 3] : []);
	line(g, s.x0, s.y0, s.x1, s.y1);
	g.setLineDash([]);
	if (busy && !chosen)
		return;
	if (!isLost(s.c.fate)) {
		arrowHead(g, s.x1, s.y1, angle, s.c.fate,
		    s.c.host < 0 ? 4 : 7);
		return;
	}
	cross(g, s.x1, s.y1);
	if (segments.length > 60 && !chosen)
		return;
	g.fillStyle = ink.lost;
	g.textAlign = 'left';
	g.fillText(D.fates[s.c.fate], s.x1 + 8, s.y1);
}

/* Along the arrow, where it is long enough for its name. */
function arrowText(g, s)
{
	const len = Math.hypot(s.x1 - s.x0, s.y1 - s.y0);
	const text = `${msgTitle(s.m)}, ${s.m.octets}`;
	let angle = Math.atan2(s.y1 - s.y0, s.x1 - s.x0);

	if (s.c.fate === DUPLICATE || g.measureText(text).width + 24 > len)
		return;
	g.save();
	g.translate((s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2);
	g.rotate(angle);
	g.textAlign = 'center';
	g.lineWidth = 3;
	g.strokeStyle = ink.card;
	g.strokeText(text, 0, -8);
	g.fillStyle = ink.kind[s.m.kind];
	g.fillText(text, 0, -8);
	g.restore();
}

function collectSegments(w)
{
	segments = [];
	for (let i = msgAt(view.from - longest); i < msgs.length; i++) {
		const m = msgs[i];

		if (m.t > view.to)
			break;
		if (!laneY.has(m.from) || m.last < view.from)
			continue;
		const copies = m.copies.length > 0 ? m.copies :
		    [{ host: m.to, t: m.t + 1,
			fate: m.counts.length > 0 ? m.counts[0][0] : DELIVERED }];

		for (const c of copies) {
			const s = copyLine(m, c, w);

			if (s)
				segments.push(s);
		}
	}
}

function drawChart()
{
	const lh = laneHeight();
	const h = EVENT_ROWS + shownLanes.length * lh + AXIS + 4;
	const { g, w } = prepare($('chart'), Math.round(h));

	timeAxis(g, w, Math.round(h));
	drawLanes(g, w, lh);
	eventMarks(g, w, Math.round(h));
	collectSegments(w);
	clipPlot(g, w, h - AXIS);
	const busy = segments.length > 1500;

	g.globalAlpha = busy ? 0.4 : 1;
	for (const s of segments)
		if (s.m.i !== at.msg)
			drawArrow(g, s, busy, false);
	g.globalAlpha = 1;
	if (busy)
		for (const s of segments)
			if (isLost(s.c.fate))
				cross(g, s.x1, s.y1, 2);
	if (segments.length < 120)
		for (const s of segments)
			arrowText(g, s);
	for (const s of segments)
		if (s.m.i === at.msg)
			drawArrow(g, s, false, true);
	g.restore();
	eventTexts(g, w, h);
}

/* The message drawn at a point, or -1. */
function msgNear(x, y)
{
	let best = 7, found = -1;

	for (const s of segments) {
		const dx = s.x1 - s.x0, dy = s.y1 - s.y0;
		const d2 = dx * dx + dy * dy;
		const k = d2 === 0 ? 0 : Math.min(1, Math.max(0,
		    ((x - s.x0) * dx + (y - s.y0) * dy) / d2));
		const d = Math.hypot(x - s.x0 - k * dx, y - s.y0 - k * dy);

		if (d < best) {
			best = d;
			found = s.m.i;
		}
	}
	return found;
}

/* -- messages of all hosts ----------------------------------------------------- */

const KINDS = D.kinds.length, LOSSES = KINDS + 1;
const sentRows = D.bins.slice(0, KINDS);
const binTotals = D.bins[0].map((_, b) =>
	sentRows.reduce((n, row) => n + row[b], 0));

/* So many bins as one, for bars that can be told apart; and their tops. */
function joinBins(k)
{
	const n = Math.ceil(binTotals.length / k);
	const rows = D.bins.map((row) => {
		const out = new Array(n).fill(0);

		row.forEach((v, b) => { out[Math.floor(b / k)] += v; });
		return out;
	});
	let up = 1;

	for (let b = 0; b < n; b++)
		up = Math.max(up, rows.slice(0, KINDS)
		    .reduce((sum, row) => sum + row[b], 0));
	return { n, rows, width: D.binWidth * k, up,
		down: Math.max(1, ...rows[LOSSES]) };
}
const joined = [1, 2, 4, 8].map(joinBins);

function binsFor(pixels, span)
{
	return joined.find((j) => j.width / span * pixels >= 4) || joined[3];
}

function drawBins(g, X, j, middle, up, down, tops)
{
	for (let b = 0; b < j.n; b++) {
		const x0 = X(b * j.width), x1 = X((b + 1) * j.width);
		const wide = Math.max(x1 - x0 - 1, 1);
		let y = middle;

		for (let k = 0; k < KINDS; k++) {
			const n = j.rows[k][b] / tops.up * up;

			if (n > 0) {
				g.fillStyle = ink.kind[k];
				g.fillRect(x0, y - n, wide, n);
				y -= n;
			}
		}
		g.fillStyle = ink.lost;
		g.fillRect(x0, middle + 1, wide,
		    j.rows[LOSSES][b] / tops.down * down);
	}
}

function drawOverview()
{
	const { g, w, h } = prepare($('overview'), 46);
	const X = (t) => 8 + t / D.end * (w - 16);

	g.fillStyle = ink.card;
	g.fillRect(8, 0, w - 16, h);
	const j = binsFor(w - 16, D.end);

	drawBins(g, X, j, h - 13, h - 16, 11, j);
	g.strokeStyle = ink.lost;
	for (const [t] of D.events)
		line(g, X(t), 0, X(t), h);
	g.fillStyle = ink.soft;
	g.globalAlpha = 0.25;
	g.fillRect(8, 0, X(view.from) - 8, h);
	g.fillRect(X(view.to), 0, w - 8 - X(view.to), h);
	g.globalAlpha = 1;
	g.strokeStyle = ink.accent;
	g.lineWidth = 1.5;
	g.strokeRect(X(view.from), 0.75, Math.max(X(view.to) - X(view.from), 2),
	    h - 1.5);
}

function drawRate()
{
	const h = 150, up = 74, middle = 84, down = 34;
	const { g, w } = prepare($('rate'), h);
	const j = binsFor(plotWidth(w), view.to - view.from);
	const perBin = j.width / 1e6;
	const peak = niceMax(j.up / perBin), drop = niceMax(j.down / perBin);
	const tops = { up: peak * perBin, down: drop * perBin };

	timeAxis(g, w, h);
	clipPlot(g, w, h);
	drawBins(g, (t) => timeX(t, w), j, middle, up, down, tops);
	g.restore();
	g.strokeStyle = ink.soft;
	line(g, GUTTER, middle + 0.5, w - RIGHT, middle + 0.5);
	yTick(g, `${grouped(+peak.toPrecision(3))} /s`, middle - up + 4, w);
	yTick(g, 'sent', middle - up / 2, w);
	yTick(g, '0', middle - 5, w);
	yTick(g, 'lost', middle + down / 2, w);
	yTick(g, `${grouped(+drop.toPrecision(3))} /s`, middle + down - 2, w);
	eventMarks(g, w, h);
}

/* -- states -------------------------------------------------------------------- */

const allDrawn = lanes.length === D.hosts && D.hosts <= LANES_AT_ONCE;
const ORDER = [PHASE.keyed, PHASE.registering, PHASE.noKeys, PHASE.off,
	PHASE.left];
const BIG = 130, ROW = 20;

function drawStateLines(g, w, h)
{
	shownLanes.forEach((l, i) => {
		const y = 6 + i * ROW;

		label(g, l.name, y + 7);
		for (const [from, to, s] of runsOf.get(l.host)) {
			const x0 = Math.max(timeX(from, w), GUTTER);
			const x1 = Math.min(timeX(to, w), w - RIGHT);
			const [phase, , generation, step] = D.states[s];

			if (x1 <= x0)
				continue;
			stateBar(g, x0, y, x1 - x0, 14, D.states[s]);
			if (phase !== PHASE.keyed || x1 - x0 < 44)
				continue;
			const text = `g${generation} s${step}`;
			const wide = g.measureText(text).width;

			g.textAlign = 'left';
			g.fillStyle = stateColour(D.states[s]);
			g.fillRect(x0 + 3, y, wide + 5, 14);
			g.fillStyle = '#10201a';
			g.fillText(text, x0 + 5, y + 7.5);
		}
	});
	timeAxisBelow(g, w, h);
}

function timeAxisBelow(g, w, h)
{
	g.globalCompositeOperation = 'destination-over';
	timeAxis(g, w, h);
	g.globalCompositeOperation = 'source-over';
}

function drawBand(g, site, w, y, h)
{
	const all = D.receivers + 1;

	clipPlot(g, w, y + h, y);
	for (let b = 0; b < BANDS; b++) {
		const x0 = Math.round(timeX(D.end * b / BANDS, w));
		const x1 = Math.round(timeX(D.end * (b + 1) / BANDS, w));
		let top = y + h;

		if (x1 < GUTTER || x0 > w - RIGHT)
			continue;
		for (const p of [PHASE.keyed, KEYED_ODD, ...ORDER.slice(1)]) {
			const n = bands[(site * BANDS + b) * CLASSES + p] / all * h;

			g.fillStyle = p === KEYED_ODD ? ink.keyed[1] :
			    ink.phase[p];
			g.fillRect(x0, top - n, x1 - x0, n);
			top -= n;
		}
	}
	g.restore();
}

function statesHeight()
{
	if (allDrawn)
		return shownLanes.length * ROW + 6 + AXIS;
	return (at.site >= 0 ? BIG + 12 : 0) + D.senders * ROW + 4 + AXIS;
}

function drawStates()
{
	const h = statesHeight();
	const { g, w } = prepare($('states'), h);
	let y = 4;

	if (allDrawn) {
		drawStateLines(g, w, h);
		eventMarks(g, w, h);
		return;
	}
	if (at.site >= 0) {
		drawBand(g, at.site, w, y, BIG);
		g.font = `600 ${FONT}`;
		label(g, `site of ${senderName(at.site)}`, y + BIG / 2 - 8);
		g.font = FONT;
		yTick(g, 'hosts', y + BIG / 2 + 8, w);
		yTick(g, grouped(D.receivers + 1), y + 6, w);
		yTick(g, '0', y + BIG - 5, w);
		y += BIG + 12;
	}
	for (let s = 0; s < D.senders; s++, y += ROW) {
		drawBand(g, s, w, y, ROW - 3);
		label(g, senderName(s), y + ROW / 2 - 1);
	}
	timeAxisBelow(g, w, h);
	eventMarks(g, w, h);
}

/* The site of a row of the states chart, or -1. */
function siteAtRow(y)
{
	const s = Math.floor((y - 4 - (at.site >= 0 ? BIG + 12 : 0)) / ROW);

	return !allDrawn && s >= 0 && s < D.senders ? s : -1;
}

/* -- nets ---------------------------------------------------------------------- */

const NETS_AT_ONCE = 8, NET = 78;

function shownNets()
{
	return D.media.filter((m) => at.site < 0 || m[1] === at.site);
}

function drawNet(g, [name, , stations, width, busy, wait], w, y)
{
	const h = NET - 22, base = y + h;
	const top = niceMax(Math.max(...wait, 1) / 1000);

	label(g, name, y + h / 2 - 7);
	g.fillStyle = ink.soft;
	g.fillText(plural(stations, 'station'), GUTTER - 8, y + h / 2 + 8);
	yTick(g, '100 %', y + 4, w);
	yTick(g, '0', base - 4, w);
	yTick(g, `${top} s`, y + 4, w, true);
	yTick(g, '0', base - 4, w, true);
	clipPlot(g, w, base + 2, y - 2);
	g.fillStyle = ink.kind[1];
	g.globalAlpha = 0.55;
	busy.forEach((v, b) => {
		const x0 = timeX(b * width, w), x1 = timeX((b + 1) * width, w);
		const n = Math.min(v, 1000) / 1000 * h;

		g.fillRect(x0, base - n, Math.max(x1 - x0, 0.7), n);
	});
	g.globalAlpha = 1;
	g.strokeStyle = ink.lost;
	g.lineWidth = 1.4;
	g.beginPath();
	wait.forEach((v, b) => g.lineTo(timeX((b + 0.5) * width, w),
	    base - v / 1000 / top * h));
	g.stroke();
	g.restore();
	g.strokeStyle = ink.line;
	line(g, GUTTER, base + 0.5, w - RIGHT, base + 0.5);
}

/* Many nets: one strip each, the darker the busier. */
function drawNetStrip(g, [name, , , width, busy], w, y)
{
	label(g, name, y + 7);
	clipPlot(g, w, y + 14, y);
	g.fillStyle = ink.kind[1];
	busy.forEach((v, b) => {
		const x0 = timeX(b * width, w), x1 = timeX((b + 1) * width, w);

		g.globalAlpha = Math.min(1, v / 1000);
		g.fillRect(x0, y, Math.max(x1 - x0, 0.7) + 0.3, 13);
	});
	g.restore();
	g.globalAlpha = 1;
}

function drawNets()
{
	const nets = shownNets();
	const many = nets.length > NETS_AT_ONCE;
	const row = many ? 17 : NET;
	const h = nets.length * row + 6 + AXIS;

	$('netpanel').hidden = D.media.length === 0;
	if (D.media.length === 0)
		return;
	const { g, w } = prepare($('nets'), h);

	nets.forEach((m, i) => (many ? drawNetStrip : drawNet)(g, m, w,
	    4 + i * row));
	timeAxisBelow(g, w, h);
	eventMarks(g, w, h);
}
