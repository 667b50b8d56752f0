/* SPDX-License-Identifier: ISC */
/* What moves with the time: counts of hosts by state, and the map of them. */

const replay = new Replay();

function make(tag, text, cls)
{
	const e = document.createElement(tag);

	if (text !== undefined)
		e.textContent = text;
	if (cls)
		e.className = cls;
	return e;
}

/* -- counts ----------------------------------------------------------------------- */

const rows = {};

function swatch(draw)
{
	const c = make('canvas');

	c.width = 60;
	c.height = 24;
	c.paint = () => {
		const g = c.getContext('2d');

		g.setTransform(2, 0, 0, 2, 0, 0);
		g.clearRect(0, 0, 30, 12);
		g.font = FONT;
		g.textBaseline = 'middle';
		draw(g);
	};
	return c;
}
const swatches = [];

function countRow(key, text, state)
{
	const tr = make('tr'), s = make('td', undefined, 's');
	const c = swatch((g) => stateBar(g, 0, 0, 30, 12, state));
	const name = make('td', text), n = make('td', '0', 'n');
	const b = make('td', undefined, 'b'), bar = make('div', undefined, 'bar');

	swatches.push(c);
	s.append(c);
	b.append(bar);
	tr.append(s, name, n, b);
	$('counts').tBodies[0].append(tr);
	rows[key] = { n, bar, name, text };
}

function buildCounts()
{
	for (const p of ORDER)
		countRow(`p${p}`, D.phases[p], [p, 0, 0, 1]);
	countRow('e1', EMCON[1], [PHASE.keyed, 1, 0, 1]);
	countRow('e2', EMCON[2], [PHASE.keyed, 2, 0, 1]);
}

function setCount(key, n, colour)
{
	const r = rows[key];

	r.n.textContent = grouped(n);
	r.bar.style.width = `${n / D.hosts * 100}%`;
	r.bar.style.background = colour;
}

/* The keys in use, those of most hosts first. */
function keysText()
{
	const keys = new Map();

	replay.count.forEach((n, s) => {
		const [phase, , generation, step] = D.states[s];
		const k = `g${generation} s${step}`;

		if (n > 0 && phase === PHASE.keyed)
			keys.set(k, (keys.get(k) || 0) + n);
	});
	return [...keys].sort((a, b) => b[1] - a[1]).slice(0, 3)
	    .map(([k, n]) => `${k}: ${grouped(n)}`).join(', ');
}

function drawCounts()
{
	const { n, emcon } = replay.phases();
	const flying = inFlight(at.t).length, keys = keysText();

	for (const p of ORDER)
		setCount(`p${p}`, n[p], p === PHASE.keyed ? ink.keyed[0] :
		    ink.phase[p]);
	setCount('e1', emcon[1], ink.soft);
	setCount('e2', emcon[2], ink.soft);
	$('flight').textContent =
	    `${keys ? `Keys (generation, step): ${keys}. ` : ''}` +
	    `${plural(flying, 'message')} in flight` +
	    `${allMessagesDrawn() ? '' : ' of those that are drawn'}.`;
}

/* -- the map of all hosts ------------------------------------------------------- */

let cells = [];

const named = () => D.hosts <= 120 && lanes.length === D.hosts;

function gridBlocks(w)
{
	const cols = Math.ceil(Math.sqrt(D.senders));
	const rowsOf = Math.ceil(D.senders / cols);
	const size = Math.floor((w + 6) / cols) - 6;
	const tall = named() ? 0 : Math.max(18, Math.min(size, 300));

	return { cols, rowsOf, size, tall };
}

function drawGrid()
{
	const w = Math.max($('grid').clientWidth, 100);

	cells = [];
	if (named())
		drawNamed(w);
	else
		drawDots(w);
}

/* A column for each site, or two: hosts with their names. */
function drawNamed(w)
{
	const perSite = D.receivers + 1, h = 22;
	const columns = Math.min(D.senders, 3);
	const wide = Math.floor(w / columns);
	const tall = Math.ceil(D.senders / columns) * perSite * h + 6;
	const { g } = prepare($('grid'), tall);
	const place = new Map();
	const nth = D.names.map(() => 0);

	for (const l of lanes) {
		const n = l.host < D.senders ? 0 : ++nth[l.site];
		const x = l.site % columns * wide;
		const y = Math.floor(l.site / columns) * perSite * h + n * h;
		const s = D.states[replay.now[l.host]];

		place.set(l.host, { x: x + 8, y: y + 10 });
		cells.push({ x, y, w: wide, h, hosts: [l.host] });
		stateBar(g, x + 1, y + 3, 14, 14, s);
		g.textAlign = 'left';
		g.fillStyle = ink.text;
		g.font = l.host < D.senders ? `600 ${FONT}` : FONT;
		g.fillText(fit(g, l.name, wide - 30), x + 22, y + 10.5);
	}
	g.font = FONT;
	for (const m of inFlight(at.t)) {
		const a = place.get(m.from), b = place.get(m.to);

		if (a && b)
			drawFlight(g, m, a, b);
	}
}

function drawFlight(g, m, a, b)
{
	const done = m.last > m.t ? (at.t - m.t) / (m.last - m.t) : 0;
	const bow = 26 + Math.abs(b.y - a.y) * 0.16;
	const mid = { x: (a.x + b.x) / 2 + bow, y: (a.y + b.y) / 2 };
	const on = (k, i) => (1 - k) * (1 - k) * a[i] + 2 * k * (1 - k) * mid[i] +
	    k * k * b[i];

	g.strokeStyle = g.fillStyle = ink.kind[m.kind];
	g.lineWidth = 1.4;
	g.setLineDash(m.response ? [4, 3] : []);
	g.beginPath();
	g.moveTo(a.x, a.y);
	g.quadraticCurveTo(mid.x, mid.y, b.x, b.y);
	g.stroke();
	g.setLineDash([]);
	g.beginPath();
	g.arc(on(Math.min(done, 1), 'x'), on(Math.min(done, 1), 'y'), 4, 0, 7);
	g.fill();
}

/* A block for each site; a square is one host or some, their colours mixed. */
function drawDots(w)
{
	const { cols, rowsOf, size, tall } = gridBlocks(w);
	const { g } = prepare($('grid'), rowsOf * (tall + 20));
	const n = D.receivers;
	let px = Math.max(2, Math.floor(Math.sqrt(size * tall / Math.max(n, 1))));
	while (px > 2 && Math.floor(size / px) * Math.floor(tall / px) < n)
		px--;
	const across = Math.floor(size / px), down = Math.floor(tall / px);
	const k = Math.max(1, Math.ceil(n / (across * down)));

	$('gridnote').textContent = k === 1 ? '' :
	    `a dot: ${k} hosts, their colours mixed`;
	for (let s = 0; s < D.senders; s++) {
		const x = s % cols * (size + 6);
		const y = Math.floor(s / cols) * (tall + 20);

		g.fillStyle = stateColour(D.states[replay.now[s]]);
		g.fillRect(x, y + 2, 9, 9);
		g.fillStyle = at.site === s ? ink.accent : ink.soft;
		g.textAlign = 'left';
		g.fillText(fit(g, senderName(s), size - 14), x + 13, y + 7);
		g.imageSmoothingEnabled = false;
		const img = siteImage(s, across, Math.ceil(n / k / across) || 1, k);

		g.drawImage(img, x, y + 14, img.width * px, img.height * px);
		cells.push({ x, y: y + 14, w: across * px, h: tall, site: s, px,
			across, k });
	}
}

const scratch = document.createElement('canvas');

function siteImage(site, across, down, k)
{
	const first = D.senders + site * D.receivers;

	scratch.width = across;
	scratch.height = down;
	const g = scratch.getContext('2d');
	const img = g.createImageData(across, down), p = img.data;

	for (let i = 0, c = 0; i < D.receivers; i += k, c += 4) {
		const m = Math.min(k, D.receivers - i);
		let r = 0, gr = 0, b = 0;

		for (let j = 0; j < m; j++) {
			const x = ink.rgb[replay.now[first + i + j]];

			r += x[0];
			gr += x[1];
			b += x[2];
		}
		p[c] = r / m;
		p[c + 1] = gr / m;
		p[c + 2] = b / m;
		p[c + 3] = 255;
	}
	g.putImageData(img, 0, 0);
	return scratch;
}

function hostsAt(x, y)
{
	const c = cells.find((e) => x >= e.x && x < e.x + e.w && y >= e.y &&
	    y < e.y + e.h);

	if (!c || c.hosts)
		return c ? { hosts: c.hosts, site: -1 } : null;
	const i = (Math.floor((y - c.y) / c.px) * c.across +
	    Math.floor((x - c.x) / c.px)) * c.k;
	const first = D.senders + c.site * D.receivers, hosts = [];

	for (let j = i; j < Math.min(i + c.k, D.receivers); j++)
		hosts.push(first + j);
	return { hosts, site: c.site };
}

function stateText(s)
{
	const [phase, emcon, generation, step] = D.states[s];

	return D.phases[phase] +
	    (phase === PHASE.keyed ? ` g${generation} s${step}` : '') +
	    (emcon > 0 ? `, ${EMCON[emcon]}` : '');
}

function hoverGrid(ev)
{
	const hit = hostsAt(ev.offsetX, ev.offsetY);
	const some = hit && hit.hosts.length > 0;

	$('cell').textContent = !some ? '' : `${hostName(hit.hosts[0])}: ` +
	    stateText(replay.now[hit.hosts[0]]) +
	    (hit.hosts.length > 1 ? `, and ${hit.hosts.length - 1} more` : '');
}
