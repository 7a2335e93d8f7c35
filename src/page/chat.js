"use strict";

/*
 * Chat and publishing. The chat's stream is the second that stays open: two
 * windows of the page leave two of an origin's six connections for the rest.
 */

const CHAT_URL = "events?topic=chat&lastEventID=";
const CHAT_LINES_MAX = 1000;
const NAME_MAX = 40;
const TEXT_MAX = 2000;
const ANSWER_MS = 10000;

/* Publish. Gives the event's id, or throws what the server says. */

async function publish(fields, key) {
	const yielding = setTimeout(counterYield, 1000);
	try {
		const response = await fetch("events", { method: "POST", cache: "no-store",
			headers: keyHeaders(key),
			body: new URLSearchParams(fields), signal: AbortSignal.timeout(ANSWER_MS) });
		if (!response.ok)
			throw new Error(await answerLine(response));
		return await response.text();
	} catch (error) {
		throw error.name !== "TimeoutError" ? error : new Error(`No answer in ${ANSWER_MS / 1000} s. ` +
			"Do other windows of this page hold all the connections that the browser allows?");
	} finally {
		clearTimeout(yielding);
	}
}

function keyHeaders(key) {
	return key ? { Authorization: `Bearer ${key}` } : {};
}

/* A refusal is a line of text; pages come from the web server itself. */
async function answerLine(response) {
	const isText = response.headers.get("Content-Type")?.startsWith("text/plain");
	const line = isText ? (await response.text()).trim().split("\n")[0] : "";
	return line || challengeReason(response) || `${response.status} ${response.statusText}`.trim();
}

/* Where the text was replaced on the way, the challenge may say why. */
function challengeReason(response) {
	const challenge = response.headers.get("WWW-Authenticate") ?? "";
	const reason = /\berror_description="((?:[^"\\]|\\.)*)"/.exec(challenge)?.[1];
	return reason && `${response.status}: ${reason.replace(/\\(.)/g, "$1")}`;
}

/* With the counters of two windows running, a request would wait for their end. */
function counterYield() {
	if ($("counter").dataset.state !== "running")
		return;
	counter.close();
	show("counter", "failed", `Broken off at ${$("counter-progress").value}: its connection was needed.`);
}

/* Panel: the fields, what became of them, and the command that does the same. */

function panelFields() {
	const [topic, type, data] = ["topic", "type", "data"].map((name) => $(`publish-${name}`).value);
	return type ? { topic, type, data } : { topic, data };
}

async function panelPublish(event) {
	event.preventDefault();
	show("publish", "sending", "Publishing.");
	try {
		show("publish", "published", `Published as ${await publish(panelFields(), $("publish-key").value.trim())}`);
	} catch (error) {
		show("publish", "failed", error.message);
	}
}

function shellQuote(word) {
	return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function panelShow() {
	const hasKey = $("publish-key").value.trim() !== "";
	const words = Object.entries(panelFields()).map(([name, value]) =>
		`--data-urlencode ${shellQuote(`${name}=${value}`)}`);
	if (hasKey)
		words.unshift("-H \"Authorization: Bearer $KEY\"");
	setText("publish-curl", ["curl", ...words, shellQuote(new URL("events", location).href)]
		.join(" \\\n  ").replace(" \\\n ", ""));
	$("publish-key-note").hidden = !hasKey;
	setText("publish-copied", "");
}

async function panelCopy() {
	getSelection().selectAllChildren($("publish-curl"));
	const isCopied = await navigator.clipboard?.writeText($("publish-curl").textContent)
		.then(() => true, () => false) || document.execCommand("copy");
	setText("publish-copied", isCopied ? "Copied." : "Selected; the browser lets nothing be copied.");
}

/* Chat: its stream. */

const chat = { source: null, timer: 0, attempts: 0, reason: "", gap: null,
	box: $("chat-log"), isAtEnd: true, size: "", ids: new Set(), lastId: "",
	sent: new Set(), sending: Promise.resolve() };

function chatOpen() {
	chatClose();
	show("chat", chat.gap ? "reconnecting" : "connecting", chat.gap ? "Reconnecting." : "Connecting.");
	chat.source = new EventSource(CHAT_URL + encodeURIComponent(chat.lastId || "earliest"));
	listen(chat.source, { open: chatOpened, error: chatFailed, message: chatReceive,
		refused: (event) => { chat.reason = event.data; } });
}

function chatClose() {
	clearTimeout(chat.timer);
	chat.source?.close();
	chatMarkGap();
}

/* From here on something may be missed, unless the server knows the last event. */
function chatMarkGap() {
	if (chat.lastId)
		chat.gap ??= { id: chat.lastId, line: chat.box.lastElementChild };
}

async function chatOpened() {
	const gap = chat.gap;
	Object.assign(chat, { attempts: 0, reason: "", gap: null });
	show("chat", "open", "Connected.");
	/* What was said before is not read out, what is said from now on is. */
	chat.timer = setTimeout(() => chat.box.setAttribute("aria-live", "polite"), 1000);
	const isKept = gap && await chatIsKept(gap.id);
	if (gap && isKept === null)
		chat.gap ??= gap;
	else if (isKept)
		setText("chat-note", "Connected again; nothing was missed.");
	else if (gap)
		chatShowGap(gap.line);
}

/* Whether the server can go on behind that event; null: it does not say. */
async function chatIsKept(id) {
	const abort = new AbortController();
	try {
		const response = await fetch(CHAT_URL + encodeURIComponent(id), { cache: "no-store", signal: abort.signal });
		return response.ok ? response.headers.get("Last-Event-ID") === id : null;
	} catch {
		return null;
	} finally {
		abort.abort();
	}
}

function chatShowGap(line) {
	const rule = document.createElement("p");
	rule.className = "gap";
	rule.textContent = "The server has not kept what is above: it was started anew, or that was long ago. " +
		"What was said in between may be missing.";
	line.after(rule);
	setText("chat-note", "Connected again, to a server that has no memory of what was said before.");
}

/* As for the clock: what the browser does not open again, we do. */
async function chatFailed() {
	const source = chat.source;
	chatMarkGap();
	if (source.readyState === EventSource.CONNECTING) {
		show("chat", "reconnecting", `${chat.reason || "The connection was lost"}; the browser asks again.`);
		return;
	}
	const seconds = Math.min(15, 2 ** chat.attempts++);
	const [line, isFinal] = await streamRefusal(`${CHAT_URL}earliest`);
	if (source !== chat.source)
		return;
	show("chat", "closed", isFinal ? line : `${line}; next attempt in ${seconds} s.`);
	if (!isFinal)
		chat.timer = setTimeout(chatOpen, 1000 * seconds);
}

/* What the server says instead of a stream, and whether it stays with that. */
async function streamRefusal(url, headers = {}) {
	const abort = new AbortController();
	try {
		const response = await fetch(url, { cache: "no-store", headers, signal: abort.signal });
		return response.ok ? ["The server gave no event stream", false] :
			[await answerLine(response), response.status === 501];
	} catch {
		return ["The server does not answer", false];
	} finally {
		abort.abort();
	}
}

/* Whoever may not write is not asked to, but told what the operator can set. */
async function chatAllow() {
	const response = await fetch("page.json", { cache: "no-store" }).catch(() => null);
	const { chat } = response?.ok ? await response.json() : { chat: "public" };
	$("chat-form").hidden = chat !== "public";
	$("chat-help").hidden = chat !== "private";
}

/* Chat: its messages. Whoever publishes may send anything, as text it is safe. */

function chatParse(data) {
	try {
		const { name, text } = JSON.parse(data);
		if (typeof name === "string" && typeof text === "string")
			return [name, text];
	} catch {
		/* not a message of this page, yet somebody's */
	}
	return ["", data];
}

/* An id that the server made is a UUID of version 7, which begins with the time. */
function chatTime(id) {
	const digits = /^urn:uuid:([\da-f]{8})-([\da-f]{4})-7/.exec(id);
	const time = document.createElement("time");
	if (digits) {
		const date = new Date(parseInt(digits[1] + digits[2], 16));
		time.dateTime = date.toISOString();
		time.textContent = timeText(date, { second: undefined });
	}
	return time;
}

function chatReceive({ data, lastEventId: id }) {
	if (id && chat.ids.has(id))
		return;
	const [name, text] = chatParse(data);
	const line = document.createElement("p");
	line.dataset.id = id;
	line.append(document.createElement("bdi"), " ", chatTime(id), " ", document.createElement("span"));
	line.firstChild.textContent = name.trim().slice(0, NAME_MAX) || "Nameless";
	line.lastChild.textContent = text.slice(0, TEXT_MAX);
	line.lastChild.dir = "auto";
	line.classList.toggle("mine", chat.sent.has(id));
	chat.ids.add(id);
	chat.lastId = id;
	chat.box.append(line);
	if (chat.box.childElementCount > CHAT_LINES_MAX)
		chat.box.firstElementChild.remove();
	chatFollow();
}

/* Whoever has scrolled back to read stays there, also when the box changes. */
function chatFollow() {
	if (chat.isAtEnd)
		chat.box.scrollTop = chat.box.scrollHeight;
	chat.size = chatSize();
}

function chatScrolled() {
	if (chat.size === chatSize())
		chat.isAtEnd = chat.box.scrollHeight - chat.box.scrollTop - chat.box.clientHeight < 24;
}

function chatSize() {
	return `${chat.box.clientWidth} ${chat.box.clientHeight}`;
}

/* One after the other, since requests may overtake each other. */
function chatSend(event) {
	const [name, text] = [$("chat-name").value.trim(), $("chat-text").value];
	event.preventDefault();
	if (!text.trim())
		return;
	$("chat-text").value = "";
	setText("chat-answer", "");
	chat.isAtEnd = true;
	chat.sending = chat.sending.then(() => chatPublish(name, text));
}

/* Shown when it comes back by the stream, as everybody's is. */
async function chatPublish(name, text) {
	try {
		const id = await publish({ topic: "chat", data: JSON.stringify({ name, text }) });
		chat.sent.add(id);
		[...chat.box.children].find((line) => line.dataset.id === id)?.classList.add("mine");
	} catch (error) {
		$("chat-text").value = [text, $("chat-text").value].filter(Boolean).join(" ");
		setText("chat-answer", error.message);
	}
}

$("chat-form").addEventListener("submit", chatSend);
chat.box.addEventListener("scroll", chatScrolled);
new ResizeObserver(chatFollow).observe(chat.box);
$("publish-form").addEventListener("submit", panelPublish);
$("publish-form").addEventListener("input", panelShow);
$("publish-form").addEventListener("change", panelShow);
$("publish-copy").addEventListener("click", panelCopy);
$("retry").addEventListener("click", chatOpen);
$("chat-name").value ||= `Guest ${10 + Math.floor(90 * Math.random())}`;
addEventListener("pageshow", chatOpen);
addEventListener("pageshow", chatAllow);
addEventListener("pageshow", panelShow);
addEventListener("pagehide", () => {
	$("publish-key").value = "";
	chatClose();
});
