"use strict";

/*
 * One event stream brings a sample each second, and at its start those of the
 * last minutes. Times are the server's: the two machines' clocks may differ.
 */

const SPAN_MS = 300000;
const GAP_MS = 3000;
const SUMMARY_MS = 10000;
const MARGIN = { top: 10, right: 18, bottom: 22, left: 44 };

/* A delay of 0: no clock ticked. The least step: noise is not drawn large. */
const charts = [
	{ id: "open", unit: "", digits: 0, leastStep: 1, read: (sample) => sample.open },
	{ id: "events", unit: "", digits: 0, leastStep: 1, read: (sample) => sample.events },
	{ id: "tick", unit: " ms", digits: 2, leastStep: 0.5, read: (sample) => sample.tick_ms || null },
];

const samples = [];		/* the oldest first */
const latest = { sample: null, arrived: 0 };
const connection = { source: null, attempts: 0, timer: 0, refusal: "" };
const drawing = { frame: 0, isSummaryDue: true };
const levelText = new Intl.NumberFormat([], { notation: "compact" });
const $ = (id) => document.getElementById(id);

/* A live region speaks when its text is set: set it only when it changes. */
function setText(id, text) {
	if ($(id).textContent !== text)
		$(id).textContent = text;
}

function timeText(time, options) {
	return new Date(time).toLocaleTimeString([], { hour: "2-digit",
		minute: "2-digit", hourCycle: "h23", ...options });
}

/*
 * Samples that are not older than this one were seen before and are being sent
 * again after a loss, or else the server's clock was set back.
 */
function sampleArrived(event) {
	const sample = JSON.parse(event.data);
	while (samples.length && samples.at(-1).time >= sample.time)
		samples.pop();
	samples.push(sample);
	Object.assign(latest, { sample, arrived: performance.now() });
	drawSoon();
	connection.attempts = 0;
	if ($("status").dataset.state !== "open")
		connectionShow("open", `since ${timeText(Date.now(), { second: "2-digit" })}`);
}

/* Charts */

function drawSoon() {
	cancelAnimationFrame(drawing.frame);
	drawing.frame = requestAnimationFrame(draw);
}

function draw() {
	if (!latest.sample)
		return;
	const end = latest.sample.time + performance.now() - latest.arrived;
	while (samples.length && samples[0].time < end - SPAN_MS)
		samples.shift();
	for (const chart of charts)
		drawChart(chart, end);
	showFigures(latest.sample);
	drawing.isSummaryDue = false;
}

function peakOf(chart) {
	return Math.max(0, ...samples.map(chart.read));
}

/* The least of 1, 2, 5, 10, … that reaches the peak in three steps. */
function stepOf(chart) {
	const third = Math.max(peakOf(chart) / 3, chart.leastStep);
	const power = 10 ** Math.floor(Math.log10(third));
	return power * [1, 2, 5, 10].find((factor) => factor * power >= third);
}

/* Unbroken runs of samples that have the chart's value. */
function runsOf(chart) {
	const runs = [];
	for (const sample of samples.filter((sample) => chart.read(sample) !== null)) {
		if (!runs.length || sample.time - runs.at(-1).at(-1).time > GAP_MS)
			runs.push([]);
		runs.at(-1).push(sample);
	}
	return runs;
}

function drawChart(chart, end) {
	const svg = $(`${chart.id}-chart`);
	const step = stepOf(chart);
	const levels = Math.max(1, Math.ceil(peakOf(chart) / step));
	const bottom = svg.clientHeight - MARGIN.bottom;
	const right = svg.clientWidth - MARGIN.right;
	const x = (time) => (right - (right - MARGIN.left) * (end - time) / SPAN_MS).toFixed(1);
	const y = (value) => (bottom - (bottom - MARGIN.top) * value / step / levels).toFixed(1);
	const runs = runsOf(chart).map((run) => ({ from: x(run[0].time), to: x(run.at(-1).time),
		points: run.map((sample) => `${x(sample.time)} ${y(chart.read(sample))}`).join("L") }));
	const marks = [];
	for (let value = 0; value < (levels + 0.5) * step; value += step)
		marks.push(svgNode("path", { d: `M${MARGIN.left} ${y(value)}H${right}` }),
			svgNode("text", { class: "level", x: MARGIN.left - 8, y: y(value), dy: 4 }, levelText.format(value)));
	for (let time = end - end % 60000; time > end - SPAN_MS; time -= 60000)
		marks.push(svgNode("path", { d: `M${x(time)} ${bottom}v4` }),
			svgNode("text", { class: "minute", x: x(time), y: bottom + 17 }, timeText(time)));
	svg.querySelector("g").replaceChildren(...marks);
	/* A run of one is a dot: h0 is drawn with its round ends. */
	svg.querySelector(".line").setAttribute("d", runs.map((run) => `M${run.points}h0`).join(""));
	svg.querySelector(".area").setAttribute("d",
		runs.map((run) => `M${run.from} ${bottom}L${run.points}L${run.to} ${bottom}z`).join(""));
}

function svgNode(name, attributes, text = "") {
	const node = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [key, value] of Object.entries(attributes))
		node.setAttribute(key, value);
	node.textContent = text;
	return node;
}

/* Figures, and now and then the sentence that says them for a chart. */

function showFigures(sample) {
	for (const chart of charts) {
		const [now, peak] = [chart.read(sample), peakOf(chart)].map((value) => value?.toLocaleString([],
			{ minimumFractionDigits: chart.digits, maximumFractionDigits: chart.digits }));
		setText(`${chart.id}-value`, now ?? "–");
		setText(`${chart.id}-peak`, `peak ${peak}${chart.unit}`);
		if (drawing.isSummaryDue)
			$(`${chart.id}-chart`).setAttribute("aria-label",
				`${$(`${chart.id}-title`).textContent}, last five minutes: peak ${peak}${chart.unit}, ` +
				`${now ? now + chart.unit : "none"} at ${timeText(sample.time, { second: "2-digit" })}`);
	}
	setText("open-note", `${sample.stalled} stalled, ${sample.refused} refused`);
	$("open-note").classList.toggle("warning", sample.stalled > 0);
	showStore(sample);
}

function showStore(sample) {
	$("store").hidden = !sample.store;
	if (!sample.store)
		return;
	setText("store-kind", sample.store);
	setText("store-note", [sample.store_up ? "up" : `takes no updates: ${sample.why}`,
		sample.append_ms && `last update kept after ${sample.append_ms.toLocaleString([], { maximumFractionDigits: 2 })} ms`,
		sample.processes > 1 && `shared by ${sample.processes} processes`].filter(Boolean).join(", "));
	$("store-note").classList.toggle("warning", !sample.store_up);
}

/* Connection */

function connectionShow(state, note) {
	$("status").dataset.state = state;
	setText("state", state[0].toUpperCase() + state.slice(1));
	setText("status-note", note);
}

function connectionOpen() {
	connectionClose();
	if (connection.attempts)
		connectionShow("reconnecting", `attempt ${connection.attempts}`);
	const source = connection.source = new EventSource("status/events");
	source.addEventListener("sample", sampleArrived);
	source.addEventListener("refused", (event) => connection.refusal = `refused: ${JSON.parse(event.data).reason}; `);
	source.addEventListener("error", (event) => event instanceof MessageEvent || connectionFailed());
}

function connectionClose() {
	clearTimeout(connection.timer);
	connection.source?.close();
}

/*
 * A lost connection the browser opens again. After an answer that is no event
 * stream, as the 503 while the responder is away, it never asks again: we do.
 */
function connectionFailed() {
	const seconds = Math.min(15, 2 ** connection.attempts++);
	if (connection.source.readyState === EventSource.CONNECTING) {
		connectionShow("reconnecting", `${connection.refusal}attempt ${connection.attempts}, by the browser itself`);
	} else {
		connection.timer = setTimeout(connectionOpen, 1000 * seconds);
		connectionShow("closed", `the server gave no event stream; attempt ${connection.attempts} in ${seconds} s`);
	}
	connection.refusal = "";
}

/* While nothing comes the charts move on, so that the gap is seen. */
function watch() {
	if (performance.now() - latest.arrived < GAP_MS)
		return;
	drawSoon();
	if ($("status").dataset.state === "open")
		connectionShow("silent", `no sample since ${timeText(latest.sample.time, { second: "2-digit" })}`);
}

$("retry").addEventListener("click", () => {
	connection.attempts = 1;
	connectionOpen();
});
addEventListener("resize", drawSoon);
addEventListener("pageshow", connectionOpen);
addEventListener("pagehide", connectionClose);
setInterval(watch, 1000);
setInterval(() => drawing.isSummaryDue = true, SUMMARY_MS);
