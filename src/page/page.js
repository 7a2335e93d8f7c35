"use strict";

/*
 * One EventSource stays open for the clock, and one for the chat; counter and
 * reader add one each while they count. HTTP/1.1 gives an origin six connections.
 */

const LOG_LINES_MAX = 200;
const ARRIVALS_MS = 30000;
const SILENCE_MS = 3000;

const $ = (id) => document.getElementById(id);

/* A live region speaks when its text is set: set it only when it changes. */
function setText(id, text) {
	if ($(id).textContent !== text)
		$(id).textContent = text;
}

function show(section, state, note) {
	$(section).dataset.state = state;
	setText(`${section}-note`, note);
}

function showCount(section, number) {
	setText(`${section}-number`, String(number));
	$(`${section}-progress`).value = number;
}

function timeText(date, options) {
	return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit",
		second: "2-digit", hourCycle: "h23", ...options });
}

/* Console: what the event sources report, field by field. */

const log = { box: $("log"), held: document.createDocumentFragment(), isPaused: false };

/*
 * The browser's own events have the same names as events that a publisher may
 * call "open" or "error"; what came with data is not the browser's.
 */
function listen(source, handlers) {
	for (const [type, handler] of Object.entries(handlers))
		source.addEventListener(type, (event) => {
			const isConnection = type === "open" || type === "error";
			logEvent(source, event);
			if (isConnection !== event instanceof MessageEvent)
				handler(event);
		});
}

function logEvent(source, event) {
	const line = document.createElement("p");
	const name = new URL(source.url).pathname.split("/").pop();
	const id = event.lastEventId ? `id: ${event.lastEventId}  ` : "";
	const fields = event instanceof MessageEvent ? `${id}data: ${event.data}` :
		`readyState: ${["CONNECTING", "OPEN", "CLOSED"][source.readyState]}`;
	line.className = event.type;
	line.textContent = [timeText(new Date(), { fractionalSecondDigits: 3 }),
		name.padEnd(7), event.type.padEnd(7), fields].join("  ");
	logAppend(log.isPaused ? log.held : log.box, line);
}

function logAppend(parent, lines) {
	const isAtEnd = log.box.scrollHeight - log.box.scrollTop - log.box.clientHeight < 24;
	parent.append(lines);
	while (parent.childElementCount > LOG_LINES_MAX)
		parent.firstElementChild.remove();
	if (isAtEnd)
		log.box.scrollTop = log.box.scrollHeight;
}

function logPause() {
	log.isPaused = !log.isPaused;
	$("log-pause").setAttribute("aria-pressed", String(log.isPaused));
	if (!log.isPaused)
		logAppend(log.box, log.held);
}

/*
 * Delay: do events arrive when they are sent? Only the intervals between
 * arrivals are judged, so the two machines' clocks may differ. The first event
 * comes with the head and not on the second: nothing is judged by it.
 */

const delay = { last: 0, data: "", ticks: 0, goodTicks: 0, looked: performance.now(), graceUntil: 0 };

function delayReset() {
	Object.assign(delay, { last: performance.now(), ticks: 0, goodTicks: 0 });
	show("delay", "unknown", "Watching when events arrive.");
}

/* Hidden until a moment ago, or a timer far too late: the page was asleep. */
function delayIsGrace(now) {
	if (document.hidden || now - delay.looked > 1500)
		delay.graceUntil = now + 2000;
	return now < delay.graceUntil;
}

function delayTick(data) {
	const now = performance.now();
	const interval = now - delay.last;
	const isBurst = interval < 300 && data !== delay.data;
	Object.assign(delay, { last: now, data });
	if (++delay.ticks < 3 || delayIsGrace(now))
		return;
	delay.goodTicks = interval > 500 && interval < 1500 ? delay.goodTicks + 1 : 0;
	if (isBurst)
		delayShowLate("Events of different seconds came together.");
	else if (delay.goodTicks > 2)
		show("delay", "ontime", "Events arrive on time.");
}

async function delayWatch() {
	const now = performance.now();
	const isSilent = !delayIsGrace(now) && now - delay.last > SILENCE_MS;
	delay.looked = now;
	if (isSilent && $("now").dataset.state === "open") {
		delay.goodTicks = 0;
		delayShowLate("The connection is open, yet no event has come for three seconds.");
	} else if (isSilent && connection.isAsking) {
		/* If a head alone is answered meanwhile, the stream is held back. */
		delay.last = Infinity;
		if (await serverName() !== null && connection.isAsking)
			delayShowLate("The stream is held back; other requests are answered at once.");
	}
}

async function delayShowLate(reason) {
	if ($("delay").dataset.state === "late")
		return;
	show("delay", "late", "Your web server is buffering: events arrive late.");
	setText("delay-reason", reason);
	const name = (await serverName() || "").toLowerCase();
	$("delay-link").hash = ["lighttpd", "nginx", "apache", "caddy", "h2o"]
		.find((word) => name.includes(word)) || "buffering";
}

/* What the web server calls itself; null when it does not answer well. */
function serverName() {
	return fetch("stream", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(SILENCE_MS) })
		.then((response) => response.ok ? response.headers.get("Server") || "" : null, () => null);
}

/* Connection: the stream of the clock, and the clock that it moves. */

const connection = { source: null, isAsking: false, attempts: 0, losses: 0, timer: 0 };
const arrivals = [];

function connectionOpen() {
	connectionClose();
	delayReset();
	connection.isAsking = true;
	connectionShow(connection.attempts ? "reconnecting" : "connecting",
		connection.attempts ? `attempt ${connection.attempts}` : "");
	connection.source = new EventSource("stream");
	listen(connection.source, { open: connectionOpened, error: connectionFailed,
		connecttime: () => {}, message: clockTick });
}

function connectionClose() {
	clearTimeout(connection.timer);
	connection.source?.close();
}

function connectionOpened() {
	Object.assign(connection, { isAsking: false, attempts: 0 });
	delayReset();
	connectionShow("open", `since ${timeText(new Date())}` +
		(connection.losses ? `, reconnected ${connection.losses} ×` : ""));
}

/*
 * A lost connection the browser opens again. After an answer that is no event
 * stream, as the 503 while the responder is away, it never asks again: we do.
 */
function connectionFailed() {
	const seconds = Math.min(15, 2 ** connection.attempts++);
	connection.isAsking = false;
	connection.losses += $("now").dataset.state === "open";
	delayReset();
	if (connection.source.readyState === EventSource.CONNECTING) {
		connectionShow("reconnecting", `attempt ${connection.attempts}, by the browser itself`);
	} else {
		connection.timer = setTimeout(connectionOpen, 1000 * seconds);
		connectionShow("closed", `the server gave no event stream; attempt ${connection.attempts} in ${seconds} s`);
	}
}

function connectionShow(state, note) {
	show("now", state, note);
	setText("state", state[0].toUpperCase() + state.slice(1));
}

function clockTick(event) {
	const now = performance.now();
	const date = new Date(event.data);
	setText("clock", timeText(date));
	setText("date", date.toLocaleDateString([], { dateStyle: "full" }));
	delayTick(event.data);
	arrivals.push(now);
	while (now - arrivals[0] > ARRIVALS_MS)
		arrivals.shift();
	$("arrivals-marks").setAttribute("d", arrivals.map((arrived) =>
		`M${(599 - 598 * (now - arrived) / ARRIVALS_MS).toFixed(1)} 6v20`).join(""));
}

/* Counter: read by an EventSource. */

let counter;

function counterStart() {
	counter?.close();
	const source = counter = new EventSource("counter");
	let hasEnded = false;
	showCount("counter", 0);
	show("counter", "running", "Counting.");
	listen(source, {
		message: (event) => showCount("counter", JSON.parse(event.data).num),
		end: (event) => {
			hasEnded = true;
			show("counter", "ended", `Ended at ${JSON.parse(event.data).count}.`);
		},
		/* Open after the end: something on the way lost Last-Event-ID. */
		open: () => hasEnded ? source.close() : show("counter", "running", "Counting."),
		error: () => counterFailed(source.readyState === EventSource.CLOSED, hasEnded),
	});
}

function counterFailed(isClosed, hasEnded) {
	const number = $("counter-progress").value;
	if (hasEnded && isClosed)
		show("counter", "stopped", `Ended at ${number}. The browser asked again, and stopped.`);
	else if (isClosed)
		show("counter", "failed", `Broken off at ${number}: the server gave no event stream.`);
	else if (!hasEnded)
		show("counter", "lost", `Lost at ${number}. The browser asks for what follows.`);
}

/* Reader: the same counter, read by fetch. */

let reading = new AbortController();

async function readerStart() {
	reading.abort();
	const abort = reading = new AbortController();
	$("reader-pieces").replaceChildren();
	$("reader-cancel").disabled = false;
	showCount("reader", 0);
	show("reader", "running", "Reading.");
	try {
		await readerRead(abort.signal);
		show("reader", "ended", `Ended, in ${$("reader-pieces").childElementCount} pieces.`);
	} catch (error) {
		if (abort !== reading)
			return;		/* started anew */
		show("reader", "failed", abort.signal.aborted ? "Cancelled." : `Broken off: ${error.message}.`);
	}
	$("reader-cancel").disabled = true;
}

async function readerRead(signal) {
	const response = await fetch("counter?format=text", { cache: "no-store", signal });
	if (!response.ok)
		throw new Error(`the server answered ${response.status}`);
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	for (let text = "";;) {
		const { value, done } = await reader.read();
		if (done)
			return;
		$("reader-pieces").append(document.createElement("li"));
		$("reader-pieces").lastChild.textContent = value.trim();
		text += value;		/* its last line may not be whole yet */
		showCount("reader", Number(text.split("\n").at(-2) || 0));
	}
}

function readerCancel() {
	$("reader-start").focus();	/* Cancel is about to be disabled */
	reading.abort();
}

/* Start; and leave nothing open behind a page that is put away. */

function start() {
	connectionOpen();
	counterStart();
}

function stop() {
	connectionClose();
	counter.close();
	reading.abort();
}

const clicks = { "retry": connectionOpen, "counter-restart": counterStart,
	"reader-start": readerStart, "reader-cancel": readerCancel,
	"log-pause": logPause, "log-clear": () => log.box.replaceChildren() };
for (const [id, act] of Object.entries(clicks))
	$(id).addEventListener("click", act);
setText("curl-url", new URL("clock", location).href);
document.addEventListener("visibilitychange", delayWatch);
addEventListener("pageshow", start);
addEventListener("pagehide", stop);
setInterval(delayWatch, 500);
