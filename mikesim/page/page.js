/* SPDX-License-Identifier: ISC */
/* What a person does with the page. */

const TIMED = ['chart', 'rate', 'states', 'nets']; /* share the time axis */
const NARROWEST = 2; /* microseconds shown */

/* -- drawing when something changed ------------------------------------------- */

let pending = 0; /* 1: the time, 2: all */

function redraw(what = 2)
{
	if (pending === 0)
		requestAnimationFrame(() => {
			const all = pending === 2;

			pending = 0;
			if (all)
				drawAll();
			drawTime();
		});
	pending = Math.max(pending, what);
}

function drawAll()
{
	drawOverview();
	drawChart();
	drawRate();
	drawStates();
	drawNets();
}

function drawTime()
{
	replay.seek(at.t);
	$('now').textContent = seconds(at.t);
	$('at').textContent = seconds(at.t);
	$('slider').value = Math.round(at.t / D.end * 1e6);
	for (const id of TIMED) {
		const c = $(id), x = timeX(at.t, c.clientWidth);
		const bar = c.nextSibling;

		bar.hidden = x < GUTTER || x > c.clientWidth - RIGHT;
		bar.style.transform = `translateX(${x}px)`;
	}
	drawCounts();
	drawGrid();
}

/* -- one message ------------------------------------------------------------------ */

function fateText(c)
{
	return isLost(c.fate) ? `lost: ${D.fates[c.fate]}` : D.fates[c.fate];
}

function describe(m)
{
	const dl = make('dl');
	const say = (k, v, cls) => dl.append(make('dt', k), make('dd', v, cls));

	say('from', `${hostName(m.from)}, ${m.src}`);
	say('to', `${m.to < 0 ? 'group' : hostName(m.to)}, ${m.dst}`);
	say('sent', seconds(m.t, 6));
	for (const c of m.copies.slice(0, 8))
		say(isLost(c.fate) ? 'lost' : 'arrived',
		    `${seconds(c.t, 6)} (after ${seconds(c.t - m.t)})` +
		    (m.to < 0 && c.host >= 0 ? ` at ${hostName(c.host)}` : ''));
	say('octets', grouped(m.octets));
	say('fate', m.copies.length > 0 && m.to >= 0 ?
	    m.copies.map(fateText).join(', ') :
	    m.counts.map(([f, n]) => `${D.fates[f]} ${grouped(n)}`).join(', ') ||
	    'under way at the end', m.copies.some((c) => isLost(c.fate)) ?
	    'lost' : '');
	if (m.ike) {
		say('SPIs', `${m.spiI} ${m.spiR}`, 'mono');
		say('message ID', String(m.mid));
	}
	if (m.payloads)
		say('payloads', m.payloads);
	return dl;
}

function choose(i)
{
	const m = msgs[i];

	at.msg = i;
	$('detail').replaceChildren();
	if (!m) {
		$('detail').append(make('p', 'None chosen.', 'hint'));
		redraw();
		return;
	}
	$('detail').append(make('p', msgTitle(m), 'kind'), describe(m));
	if (m.t < view.from || m.t > view.to)
		setView(m.t - (view.to - view.from) / 2,
		    m.t + (view.to - view.from) / 2);
	at.t = m.t;
	redraw();
}

/* The next message of a lane that is shown. */
function step(by)
{
	let i = at.msg < 0 ? msgAt(view.from) - (by > 0 ? 1 : 0) : at.msg;

	do
		i += by;
	while (msgs[i] && !(laneY.has(msgs[i].from) &&
	    (msgs[i].to < 0 || laneY.has(msgs[i].to))));
	if (msgs[i])
		choose(i);
}

/* -- time shown, time now ---------------------------------------------------------- */

function setView(from, to)
{
	const span = Math.min(Math.max(to - from, NARROWEST), D.end);

	view.from = Math.min(Math.max(from, 0), D.end - span);
	view.to = view.from + span;
	redraw();
}

function zoom(by, around = (view.from + view.to) / 2)
{
	setView(around - (around - view.from) * by,
	    around + (view.to - around) * by);
}

function move(by)
{
	const d = (view.to - view.from) * by;

	setView(view.from + d, view.to + d);
}

function setTime(t)
{
	at.t = Math.min(Math.max(t, 0), D.end);
	redraw(1);
}

/* Around the time now, if it is shown. */
const focusTime = () =>
    at.t >= view.from && at.t <= view.to ? at.t : undefined;

let lastFrame = 0;

function play(on)
{
	at.playing = on;
	$('play').textContent = on ? '\u275a\u275a' : '\u25b6';
	$('play').setAttribute('aria-label', on ? 'Pause' : 'Play');
	if (!on)
		return;
	if (at.t >= D.end)
		at.t = 0;
	lastFrame = performance.now();
	requestAnimationFrame(frame);
}

function frame(now)
{
	if (!at.playing)
		return;
	setTime(at.t + (now - lastFrame) * 1000 * Number($('speed').value));
	lastFrame = now;
	if (at.t > view.to || at.t < view.from)
		setView(at.t, at.t + view.to - view.from);
	if (at.t >= D.end)
		play(false);
	else
		requestAnimationFrame(frame);
}

/* -- pointer and keyboard ------------------------------------------------------------- */

function onDrag(canvas, perPixel, click)
{
	let start = null;

	canvas.addEventListener('pointerdown', (ev) => {
		start = { x: ev.clientX, from: view.from, to: view.to,
			moved: false };
		canvas.setPointerCapture(ev.pointerId);
	});
	canvas.addEventListener('pointermove', (ev) => {
		if (!start)
			return;
		const dx = ev.clientX - start.x;

		if (Math.abs(dx) > 3)
			start.moved = true;
		if (!start.moved)
			return;
		canvas.classList.add('dragging');
		const d = dx * perPixel(canvas);

		setView(start.from + d, start.to + d);
	});
	canvas.addEventListener('pointerup', (ev) => {
		canvas.classList.remove('dragging');
		if (start && !start.moved)
			click(ev);
		start = null;
	});
	canvas.addEventListener('pointercancel', () => { start = null; });
}

function onWheel(canvas, always)
{
	canvas.addEventListener('wheel', (ev) => {
		if (!always && !ev.ctrlKey)
			return;
		ev.preventDefault();
		if (Math.abs(ev.deltaX) > Math.abs(ev.deltaY))
			move(ev.deltaX / 600);
		else
			zoom(Math.exp(Math.sign(ev.deltaY) * 0.25),
			    xTime(ev.offsetX, canvas.clientWidth));
	}, { passive: false });
}

const KEYS = {
	ArrowRight: () => step(1), ArrowLeft: () => step(-1),
	'+': () => zoom(0.5, focusTime()), '=': () => zoom(0.5, focusTime()),
	'-': () => zoom(2, focusTime()), 0: () => setView(0, D.end),
	PageUp: () => move(-0.8), PageDown: () => move(0.8),
	Home: () => setView(0, view.to - view.from),
	End: () => setView(D.end - (view.to - view.from), D.end),
	Escape: () => choose(-1),
};

function onKey(ev)
{
	const chart = document.activeElement === $('chart');
	const free = chart || document.activeElement === document.body;

	if (ev.ctrlKey || ev.altKey || ev.metaKey || !free)
		return;
	if (ev.key === ' ')
		play(!at.playing);
	else if (chart && KEYS[ev.key])
		KEYS[ev.key]();
	else
		return;
	ev.preventDefault();
}

/* -- words ------------------------------------------------------------------------ */

function allMessagesDrawn()
{
	return D.drawn === D.receivers && D.msgStride === 1 &&
	    D.msgEvery === 1 && D.appEvery === 1;
}

function buildWords()
{
	const notes = [];
	const say = (n, text) => { if (n) notes.push(text); };
	const few = D.drawn < D.receivers;
	const kept = Math.ceil(D.drawn / D.msgStride);

	document.title = D.title || 'mikesim';
	$('title').textContent = D.title || 'A run of mikesim';
	$('about').textContent = `${plural(D.hosts, 'host')}: ` +
	    `${plural(D.senders, 'sender')} with ` +
	    `${plural(D.receivers, 'receiver')} each; ${seconds(D.end, 0)} of ` +
	    `virtual time${D.stopped ? ', stopped before its end' : ''}; seed ` +
	    `${D.seed}.`;
	if (few)
		$('sample').textContent = `${grouped(D.drawn)} of ` +
		    `${grouped(D.receivers)} receivers of each site are drawn`;
	say(few, `Lanes: ${grouped(D.drawn)} of ${grouped(D.receivers)} ` +
	    'receivers of each site, evenly chosen, and all senders.');
	say(!few, 'Lanes: all hosts.');
	say(D.msgStride > 1, `Arrows: the messages of ${grouped(kept)} ` +
	    'receivers of each site, for those of all would be too many.');
	say(D.msgEvery > 1, `Of these, every ${D.msgEvery}th message.`);
	say(D.appEvery > 1, 'Of the application data, every ' +
	    `${D.appEvery}th message.`);
	say(allMessagesDrawn(), `Arrows: all ${plural(msgs.length, 'message')}.`);
	say(!allMessagesDrawn(), `${plural(msgs.length, 'message')} are drawn ` +
	    `of ${grouped(binTotals.reduce((a, b) => a + b, 0))} sent.`);
	notes.push('Rates, states and counts are those of all hosts.');
	say(D.fatesLeftOut, `${plural(D.fatesLeftOut, 'copy')
	    .replace('copys', 'copies')} of messages to groups have no arrow.`);
	say(D.textsLeftOut, `${plural(D.textsLeftOut, 'message')} without the ` +
	    'text of their payloads.');
	say(D.eventsLeftOut, `${plural(D.eventsLeftOut, 'event')} not marked.`);
	say(D.mediaLeftOut, `${plural(D.mediaLeftOut, 'net')} not drawn.`);
	say(D.changesLeftOut, 'States are known until ' +
	    `${seconds(D.changesUntil)} only: there were too many changes.`);
	$('notes').replaceChildren(...notes.map((n) => make('li', n)));
	$('statesnote').textContent = allDrawn ?
	    'g: generation of the keys, s: step; hatched: radio silence' :
	    'of all hosts of each site; click a site to see its exchanges';
}

function legendItem(text, draw, list = 'legend')
{
	const li = make('li'), c = swatch(draw);

	swatches.push(c);
	li.append(c, make('span', text));
	$(list).append(li);
}

function buildLegend()
{
	const arrow = (colour, fate, dash) => (g) => {
		g.strokeStyle = g.fillStyle = colour();
		g.lineWidth = 1.6;
		g.setLineDash(dash);
		line(g, 1, 6, isLost(fate) ? 18 : 28, 6);
		g.setLineDash([]);
		if (isLost(fate))
			cross(g, 19, 6);
		else
			arrowHead(g, 29, 6, 0, fate, 8);
	};
	const soft = () => ink.soft;

	D.kinds.forEach((name, k) => {
		if (D.bins[k].some((n) => n > 0))
			legendItem(name, arrow(() => ink.kind[k], 0, []));
	});
	legendItem('response', arrow(soft, 0, [5, 3]));
	legendItem('late', arrow(soft, LATE, []));
	legendItem('duplicate', arrow(soft, DUPLICATE, []));
	legendItem('lost', arrow(soft, LATE + 1, []));
	legendItem('share of airtime busy (left)', (g) => {
		g.fillStyle = ink.kind[1];
		g.globalAlpha = 0.55;
		g.fillRect(2, 0, 26, 12);
		g.globalAlpha = 1;
	}, 'netlegend');
	legendItem('longest wait for the channel (right)', (g) => {
		g.strokeStyle = ink.lost;
		g.lineWidth = 1.6;
		line(g, 1, 6, 29, 6);
	}, 'netlegend');
}

/* -- start ------------------------------------------------------------------------ */

function buildSites()
{
	const all = make('option', lanes.length <= LANES_AT_ONCE ? 'all' :
	    'senders only');

	all.value = -1;
	$('site').append(all);
	for (let s = 0; s < D.senders; s++) {
		const o = make('option', senderName(s));

		o.value = s;
		$('site').append(o);
	}
	setSite(lanes.length <= LANES_AT_ONCE ? -1 : 0);
	$('sitelabel').hidden = D.senders < 2;
}

function setSite(s)
{
	at.site = s;
	$('site').value = s;
	chooseLanes();
	redraw();
}

function buildSpeeds()
{
	/* The fastest shows the run in some ten seconds. */
	for (const x of [0.01, 0.1, 1, 10, 60, 600]) {
		const o = make('option', `${x}\u00d7`);

		o.value = x;
		$('speed').append(o);
	}
	$('speed').value = D.end > 300e6 ? 60 : 10;
}

function cursorsInto()
{
	for (const id of TIMED) {
		const box = make('div', undefined, 'timed'), c = $(id);

		c.replaceWith(box);
		box.append(c, make('div', undefined, 'cursor'));
	}
}

function listen()
{
	const perPlot = (c) => -(view.to - view.from) / plotWidth(c.clientWidth);
	const seek = (c) => (ev) => setTime(xTime(ev.offsetX, c.clientWidth));

	$('slider').addEventListener('input', () =>
		setTime($('slider').value / 1e6 * D.end));
	$('play').addEventListener('click', () => play(!at.playing));
	$('zoomin').addEventListener('click', () => zoom(0.5, focusTime()));
	$('zoomout').addEventListener('click', () => zoom(2, focusTime()));
	$('left').addEventListener('click', () => move(-0.5));
	$('right').addEventListener('click', () => move(0.5));
	$('fit').addEventListener('click', () => setView(0, D.end));
	$('site').addEventListener('change', () => setSite(Number($('site').value)));
	onDrag($('chart'), perPlot, (ev) => {
		const i = msgNear(ev.offsetX, ev.offsetY);

		if (i >= 0)
			choose(i);
		else
			seek($('chart'))(ev);
	});
	onDrag($('states'), perPlot, (ev) => {
		const s = siteAtRow(ev.offsetY);

		if (s >= 0)
			setSite(s);
		seek($('states'))(ev);
	});
	onDrag($('rate'), perPlot, seek($('rate')));
	onDrag($('nets'), perPlot, seek($('nets')));
	onDrag($('overview'), (c) => D.end / (c.clientWidth - 16), (ev) => {
		const half = (view.to - view.from) / 2;
		const t = (ev.offsetX - 8) / ($('overview').clientWidth - 16) * D.end;

		setView(t - half, t + half);
	});
	for (const id of TIMED)
		onWheel($(id), id === 'chart');
	$('grid').addEventListener('pointermove', hoverGrid);
	$('grid').addEventListener('click', (ev) => {
		const hit = hostsAt(ev.offsetX, ev.offsetY);

		if (hit && hit.site >= 0)
			setSite(hit.site);
	});
	document.addEventListener('keydown', onKey);
	window.addEventListener('resize', () => redraw());
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
}

function paint()
{
	readColours();
	swatches.forEach((c) => c.paint());
	redraw();
}

cursorsInto();
buildWords();
buildCounts();
buildLegend();
buildSites();
buildSpeeds();
listen();
paint();
