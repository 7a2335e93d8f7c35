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
 * comes with the head and not on the second: nothing is judged by it. One burst
 * is what a busy machine or a moment without a network makes: a web server that
 * collects events makes another before they have been on time for a while.
 */

const delay = { last: 0, data: "", ticks: 0, goodTicks: 0, bursts: 0, isBurst: false,
	looked: performance.now(), graceUntil: 0 };

function delayReset() {
	Object.assign(delay, { last: performance.now(), ticks: 0, goodTicks: 0, bursts: 0, isBurst: false });
	if (performance.now() >= finding.until)
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
	const wasBurst = delay.isBurst;
	const isBurst = interval < 300 && data !== delay.data;
	Object.assign(delay, { last: now, data, isBurst });
	if (++delay.ticks < 3 || delayIsGrace(now))
		return;
	delay.goodTicks = interval > 500 && interval < 1500 ? delay.goodTicks + 1 : 0;
	if (isBurst && !wasBurst)
		delay.bursts++;
	if (delay.goodTicks > 2)
		delay.bursts = 0;
	if (delay.bursts > 1)
		delayShowLate("Events of different seconds came together.");
	else if (delay.goodTicks > 2 && now >= finding.until)
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

function delayShowLate(reason) {
	return findingShow("late", "late-events",
		"Your web server is buffering: events arrive late.", reason);
}

/*
 * Findings: what is wrong, by the word that fcgi-sse doctor has for it, and what
 * to change. One that a new stream does not show to be over at once stays until
 * then.
 */

const RETURN_MS = 10000;		/* how long the browser waits: the stream says so */
const finding = { until: 0, lifetimeMs: 0 };

async function findingShow(state, word, note, reason) {
	if ($("delay").dataset.state === state)
		return;
	show("delay", state, note);
	setText("delay-reason", reason);
	setText("delay-finding", word);
	setText("delay-advice", "");
	$("delay-finding").hash = word;
	const said = (await serverName() || "").toLowerCase();
	const name = ["lighttpd", "nginx", "apache", "haproxy", "caddy", "h2o"]
		.find((front) => said.includes(front));
	$("delay-link").hash = name || "buffering";
	const advice = await findingAdvice(word, name);
	if ($("delay").dataset.state === state)
		setText("delay-advice", advice);
}

/* The doctor's lines for that web server, else those for one it cannot name. */
async function findingAdvice(word, name) {
	const response = await fetch("web-servers", { signal: AbortSignal.timeout(SILENCE_MS) }).catch(() => null);
	const text = response?.ok ? await response.text().catch(() => "") : "";
	const lines = [...new DOMParser().parseFromString(text, "text/html")
		.querySelectorAll(`#${word} + ul > li`)];
	const own = lines.filter((line) => line.dataset.front === name);
	return (own.length ? own : lines.filter((line) => line.dataset.front === "unknown"))
		.map((line) => `${line.textContent}.`).join(" ");
}

/*
 * Two streams in a row that were cut after the same time: something has a limit
 * for them, unless it is our own option stream-lifetime.
 */
function findingCut(lengthMs, beforeMs) {
	const isSame = Math.abs(lengthMs - beforeMs) < Math.max(1000, 0.05 * lengthMs);
	const isOurs = lengthMs > 0.75 * finding.lifetimeMs && lengthMs < 1.1 * finding.lifetimeMs + 1000;
	if (lengthMs < SILENCE_MS || !isSame || isOurs)
		return;
	finding.until = performance.now() + RETURN_MS + 2 * lengthMs;
	findingShow("cut", "cut", "Something cuts the event stream.",
		`Two streams in a row ended after ${Math.round(lengthMs / 1000)} s, however lively they were.`);
}

function findingRefused(event) {
	finding.until = performance.now() + SILENCE_MS;
	findingShow("refused", "refused-streams", "The server refused the event stream.",
		`It says: ${JSON.parse(event.data).reason}.`);
}

async function findingStart() {
	const response = await fetch("page.json", { cache: "no-store" }).catch(() => null);
	finding.lifetimeMs = response?.ok ? (await response.json()).lifetime_ms : 0;
}

/* What the web server calls itself; null when it does not answer well. */
function serverName() {
	return fetch("stream", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(SILENCE_MS) })
		.then((response) => response.ok ? response.headers.get("Server") || "" : null, () => null);
}

/* Connection: the stream of the clock, and the clock that it moves. */

const connection = { source: null, isAsking: false, attempts: 0, losses: 0, timer: 0,
	openedAt: 0, lengthMs: 0 };
const arrivals = [];

function connectionOpen() {
	connectionClose();
	delayReset();
	connection.isAsking = true;
	connectionShow(connection.attempts ? "reconnecting" : "connecting",
		connection.attempts ? `attempt ${connection.attempts}` : "");
	connection.source = new EventSource("stream");
	listen(connection.source, { open: connectionOpened, error: connectionFailed,
		connecttime: () => {}, message: clockTick, refused: findingRefused });
}

function connectionClose() {
	clearTimeout(connection.timer);
	connection.source?.close();
}

function connectionOpened() {
	Object.assign(connection, { isAsking: false, attempts: 0, openedAt: performance.now() });
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
	const isLost = $("now").dataset.state === "open";
	const lengthMs = performance.now() - connection.openedAt;
	connection.isAsking = false;
	connection.losses += isLost;
	if (isLost) {
		findingCut(lengthMs, connection.lengthMs);
		connection.lengthMs = lengthMs;
	}
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
	findingStart();
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
