/* SPDX-License-Identifier: ISC */
/* What all charts share: colours, the time axis, marks and patterns. */

const $ = (id) => document.getElementById(id);
const GUTTER = 128, RIGHT = 46, AXIS = 26; /* CSS pixels */
const FONT = '11px "Inter","Helvetica Neue",Arial,"Liberation Sans",sans-serif';

/* The state of the page itself. */
const view = { from: 0, to: D.end };
const at = { t: 0, site: -1, msg: -1, playing: false };

/* -- colours ------------------------------------------------------------------ */

let ink = {};

function readColours()
{
	const css = getComputedStyle(document.documentElement);
	const v = (name) => css.getPropertyValue(`--${name}`).trim();

	ink = {
		text: v('ink'), soft: v('soft'), line: v('line'),
		faint: v('faint'), card: v('card'), accent: v('accent'),
		lost: v('lost'),
		kind: D.kinds.map((_, i) => v(`k${i}`)),
		phase: D.phases.map((_, i) => v(`p${i}`)),
		keyed: [v('p3'), v('p3b')],
	};
	ink.rgb = D.states.map((s) => rgb(stateColour(s)));
}

function rgb(hex)
{
	const n = parseInt(hex.slice(1), 16);

	return [n >> 16 & 255, n >> 8 & 255, n & 255];
}

/* Keys that follow each other are told apart by two greens in turn. */
function stateColour([phase, , generation, step])
{
	if (phase !== PHASE.keyed)
		return ink.phase[phase];
	return ink.keyed[(generation + step) % 2 ? 0 : 1];
}

/* -- canvases --------------------------------------------------------------- */

/* A canvas of its element's width and a height, in CSS pixels. */
function prepare(canvas, height)
{
	const dpr = window.devicePixelRatio || 1;
	const w = Math.max(canvas.clientWidth, 50);
	const pw = Math.round(w * dpr), ph = Math.round(height * dpr);

	if (canvas.width !== pw || canvas.height !== ph) {
		canvas.width = pw;
		canvas.height = ph;
		canvas.style.height = `${height}px`;
	}
	const g = canvas.getContext('2d');

	g.setTransform(dpr, 0, 0, dpr, 0, 0);
	g.clearRect(0, 0, w, height);
	g.font = FONT;
	g.textBaseline = 'middle';
	return { g, w, h: height };
}

/* Time to CSS pixels and back, for charts with the common gutter. */
const plotWidth = (w) => w - GUTTER - RIGHT;
const timeX = (t, w) =>
    GUTTER + (t - view.from) / (view.to - view.from) * plotWidth(w);
const xTime = (x, w) =>
    view.from + (x - GUTTER) / plotWidth(w) * (view.to - view.from);

function clipPlot(g, w, h, top = 0)
{
	g.save();
	g.beginPath();
	g.rect(GUTTER, top, plotWidth(w), h - top);
	g.clip();
}

function line(g, x0, y0, x1, y1)
{
	g.beginPath();
	g.moveTo(x0, y0);
	g.lineTo(x1, y1);
	g.stroke();
}

/* Text that fits into so many pixels. */
function fit(g, text, width)
{
	if (g.measureText(text).width <= width)
		return text;
	let n = text.length;

	while (n > 1 && g.measureText(`${text.slice(0, n)}\u2026`).width > width)
		n--;
	return `${text.slice(0, n)}\u2026`;
}

function label(g, text, y, width = GUTTER - 14)
{
	g.fillStyle = ink.text;
	g.textAlign = 'right';
	g.fillText(fit(g, text, width), GUTTER - 8, y);
}

/* -- axes ------------------------------------------------------------------- */

const STEPS = [1, 2, 5];

function niceStep(span, most)
{
	for (const s of [10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600,
	    7200, 14400, 43200, 86400])
		if (span > 10e6 && s * 1e6 >= span / most)
			return s * 1e6;
	for (let scale = 1; ; scale *= 10)
		for (const s of STEPS)
			if (s * scale >= span / most)
				return s * scale;
}

/* Ticks and grid lines over the whole height; the labels stand below it. */
function timeAxis(g, w, h)
{
	const step = niceStep(view.to - view.from, plotWidth(w) / 84);
	const digits = Math.max(0, 6 - Math.floor(Math.log10(step) + 1e-9));

	g.lineWidth = 1;
	g.textAlign = 'center';
	for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
		const x = Math.round(timeX(t, w)) + 0.5;

		g.strokeStyle = ink.faint;
		line(g, x, 0, x, h - AXIS);
		g.strokeStyle = ink.soft;
		line(g, x, h - AXIS, x, h - AXIS + 4);
		g.fillStyle = ink.soft;
		g.fillText((t / 1e6).toFixed(digits), x, h - AXIS + 13);
	}
	g.strokeStyle = ink.line;
	line(g, GUTTER, h - AXIS + 0.5, w - RIGHT, h - AXIS + 0.5);
	g.textAlign = 'right';
	g.fillStyle = ink.soft;
	g.fillText('time, s', GUTTER - 14, h - AXIS + 13);
}

function yTick(g, text, y, w, right = false)
{
	g.fillStyle = ink.soft;
	g.textAlign = right ? 'left' : 'right';
	g.fillText(text, right ? w - RIGHT + 5 : GUTTER - 6, y);
}

function niceMax(v)
{
	for (let scale = 0.01; ; scale *= 10)
		for (const s of STEPS)
			if (s * scale >= v)
				return s * scale;
}

/* -- events of the scenario ---------------------------------------------------- */

function eventMarks(g, w, h)
{
	clipPlot(g, w, h);
	for (const [t, span, what] of D.events) {
		const x = Math.round(timeX(t, w)) + 0.5;

		if (t > view.to || t + span < view.from)
			continue;
		if (span > 0) {
			g.globalAlpha = 0.1;
			g.fillStyle = ink.lost;
			g.fillRect(x, 0, timeX(t + span, w) - x, h - AXIS);
			g.globalAlpha = 1;
		}
		g.strokeStyle = ink.lost;
		g.lineWidth = what === 'broken' ? 2 : 1;
		g.setLineDash([3, 3]);
		line(g, x, 0, x, h - AXIS);
		g.setLineDash([]);
	}
	g.restore();
}

/* Their texts, where there is room: two rows. */
function eventTexts(g, w, h)
{
	const free = [0, 0];

	g.textAlign = 'left';
	for (const [t, span, what, text] of D.events) {
		const x = Math.max(timeX(t, w), GUTTER);
		const words = fit(g, (what === 'broken' ? '\u2716 ' : '\u25bc ') +
		    text, 240);
		const wide = g.measureText(words).width + 10;
		const row = x >= free[0] ? 0 : 1;

		if (t > view.to || t + span < view.from || x < free[row])
			continue;
		/* At the end of the chart it stands on the other side. */
		const left = x + wide > w && x - wide > free[row];
		const from = left ? x - wide + 4 : x + 3;

		g.fillStyle = ink.card;
		g.globalAlpha = 0.85;
		g.fillRect(from - 2, row * 14 + 1, wide - 4, 13);
		g.globalAlpha = 1;
		g.fillStyle = ink.lost;
		g.fillText(words, from, row * 14 + 8);
		free[row] = from + wide;
	}
}

/* -- marks ------------------------------------------------------------------- */

/* The head of an arrow that arrives at (x, y) in a direction. */
function arrowHead(g, x, y, angle, fate, size = 7)
{
	const head = (back) => {
		g.beginPath();
		for (const [r, a] of [[0, 0], [size, 0.42], [size, -0.42]])
			g.lineTo(x - Math.cos(angle) * back -
			    Math.cos(angle + a) * r,
			y - Math.sin(angle) * back - Math.sin(angle + a) * r);
		g.closePath();
	};

	head(0);
	if (fate === LATE) {
		const c = g.fillStyle;

		g.fillStyle = ink.card;
		g.fill();
		g.stroke();
		g.fillStyle = c;
		return;
	}
	g.fill();
	if (fate === DUPLICATE) {
		head(size);
		g.fill();
	}
}

function cross(g, x, y, size = 4)
{
	g.strokeStyle = ink.lost;
	g.lineWidth = 2;
	line(g, x - size, y - size, x + size, y + size);
	line(g, x - size, y + size, x + size, y - size);
}

/* A state as a bar: colour, and height for those who see none. */
const TALL = { 0: 0.16, 1: 0.5, 2: 0.72, 3: 1, 4: 0.16 };

function stateBar(g, x, y, w, h, state)
{
	const [phase, emcon] = state;
	const tall = Math.max(h * TALL[phase], 2);
	const top = y + (h - tall) / 2;

	g.fillStyle = stateColour(state);
	g.fillRect(x, top, w, tall);
	if (phase === PHASE.noKeys && h >= 8 && w > 3) {
		g.fillStyle = ink.card;
		g.fillRect(x + 1, top + 1.5, w - 2, tall - 3);
	}
	if (emcon > 0)
		hatch(g, x, y, w, h, emcon === 2);
}

function hatch(g, x, y, w, h, both)
{
	g.save();
	g.beginPath();
	g.rect(x, y, w, h);
	g.clip();
	g.strokeStyle = ink.text;
	g.lineWidth = 1;
	g.beginPath();
	for (let i = -h; i < w + h; i += 5) {
		g.moveTo(x + i, y + h);
		g.lineTo(x + i + h, y);
		if (both) {
			g.moveTo(x + i, y);
			g.lineTo(x + i + h, y + h);
		}
	}
	g.stroke();
	g.restore();
}
