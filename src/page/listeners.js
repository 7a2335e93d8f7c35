"use strict";

/*
 * Who listens to the topic of the panel: the list of its subscriptions, and
 * then what is announced of them behind the list's last id. Its stream is open
 * only while somebody watches.
 */

const LISTENERS_ROWS_MAX = 100;
const LISTENERS_WAIT_S_MAX = 15;

/* A quiet stream is not taken for a dead one, whatever the server's heartbeat is. */
const LISTENERS_HEARTBEAT_MS = 60000;

/* What a refusal means here; what the server says of it follows. */
const LISTENERS_REFUSALS = {
	401: "Only a token may see who listens",
	403: "This token may not see who listens to the topic",
	404: "The server does not tell who listens",
	501: "The server cannot know who listens",
};

/* By the subscriber's id: { said, line }, and no line for one that is not shown. */
const listeners = { abort: null, source: null, timer: 0, attempts: 0, omittedCount: 0, found: new Map() };

/* It would be refused again. */
class ListenersRefused extends Error {}

/*
 * The list of a topic in one of the shapes, which the server chooses by the
 * token where it has both. A token in a cookie cannot be read here: then the
 * older shape is tried first.
 */
async function listenersAsk(topic, key, signal) {
	const headers = keyHeaders(key);
	const get = (url) => fetch(url, { cache: "no-store", headers, signal });
	const list = (isNew) => get(`events/subscriptions/${isNew ? "exact/" : ""}${encodeURIComponent(topic)}`);
	const settings = await get("page.json");
	const shapes = settings.ok ? (await settings.json()).subscriptions : "";
	const isNew = shapes === "1.0" || shapes === "both" && tokenIsNew(tokenRead(key));
	let response = await list(isNew);
	if (response.status === 400 && shapes === "both" && !key)
		response = await list(true);
	if (!response.ok)
		throw await listenersRefusal(response);
	return listenersRead(await response.json(), response.headers.get("Link") ?? "");
}

/* Where the list says it is, from where on the stream tells more, and who is in it. */
function listenersRead({ id, lastEventID, subscriptions, omitted = 0 }, link) {
	const lastId = lastEventID ?? /\blast-event-id="([^"]*)"/.exec(link)?.[1];
	if (typeof id !== "string" || typeof lastId !== "string" || !Array.isArray(subscriptions))
		throw new ListenersRefused("What the server sent is no list of subscriptions.");
	return { id, lastId, omitted, subscriptions: subscriptions.filter(listenersIsOne) };
}

function listenersIsOne(said) {
	return typeof said?.subscriber === "string";
}

async function listenersRefusal(response) {
	const { status } = response;
	const line = await answerLine(response);
	const meaning = LISTENERS_REFUSALS[status];
	if (meaning)
		return new ListenersRefused(`${meaning}. ${line}`);
	return status < 500 && status !== 429 ? new ListenersRefused(line) : new Error(line);
}

/* Watches until listenersStop; whatever fails in passing is tried again, from the list on. */
async function listenersStart() {
	const topic = $("publish-topic").value;
	const key = $("publish-key").value.trim();
	$("listeners-watch").setAttribute("aria-pressed", "true");
	if (!listeners.attempts)
		show("listeners", "connecting", "Asking who listens.");
	const abort = listeners.abort = new AbortController();
	try {
		if (!topic)
			throw new ListenersRefused("The field Topic is empty.");
		const list = await listenersAsk(topic, key, abort.signal);
		const { SharedSource } = await import("./client.js");
		if (!abort.signal.aborted)
			listenersFollow(list, topic, key, SharedSource);
	} catch (error) {
		if (abort.signal.aborted)
			return;
		if (error instanceof ListenersRefused)
			listenersFail(error.message);
		else
			listenersWait(error instanceof TypeError ? "The server does not answer" : error.message);
	}
}

/* In both shapes what is announced has the topic that the list has, and a segment behind it. */
function listenersFollow(list, topic, key, SharedSource) {
	const query = new URLSearchParams({ topic: `${list.id}{/subscriber}`, lastEventID: list.lastId });
	const url = `events?${query}`;
	const source = listeners.source = new SharedSource(url, { share: false, resume: false,
		heartbeat: LISTENERS_HEARTBEAT_MS, token: key ? () => key : undefined });
	listenersClear();
	listeners.omittedCount = list.omitted;
	list.subscriptions.forEach(listenersAdd);
	for (const type of ["message", "mercure"])
		source.addEventListener(type, (event) => listenersHear(event, topic));
	source.onopen = () => {
		listeners.attempts = 0;
		listenersShow(topic);
	};
	source.onerror = () => listenersLost(source, url, key);
}

/* The server may have begun anew, and know nothing of what was announced: the list is asked for again. */
async function listenersLost(source, url, key) {
	const isRefused = source.readyState === EventSource.CLOSED;
	source.close();
	const [line] = isRefused ? await streamRefusal(url, keyHeaders(key)) : ["The connection was lost"];
	if (source !== listeners.source)
		return;
	if (isRefused)
		listenersFail(`What is announced cannot be had. ${line}`);
	else
		listenersWait(line);
}

function listenersWait(line) {
	const seconds = Math.min(LISTENERS_WAIT_S_MAX, 2 ** listeners.attempts++);
	show("listeners", "reconnecting", `${line}; next attempt in ${seconds} s.`);
	listeners.timer = setTimeout(listenersStart, 1000 * seconds);
}

function listenersFail(line) {
	listenersStop();
	show("listeners", "failed", line);
}

function listenersStop() {
	clearTimeout(listeners.timer);
	listeners.abort?.abort();
	listeners.source?.close();
	Object.assign(listeners, { abort: null, source: null, attempts: 0 });
	listenersClear();
	$("listeners-watch").setAttribute("aria-pressed", "false");
	show("listeners", "idle", "Not watching.");
}

/* What is announced; whoever made the subscriber's token chose its payload. */
function listenersHear({ data }, topic) {
	let said = null;
	try {
		said = JSON.parse(data);
	} catch {
		/* of somebody who may publish there */
	}
	if (!listenersIsOne(said))
		return;
	if (said.active === false)
		listenersRemove(said);
	else
		listenersAdd(said);
	listenersShow(topic);
}

function listenersLine({ subscriber, payload }) {
	const line = document.createElement("li");
	for (const text of payload === undefined ? [subscriber] : [subscriber, tokenText(payload)]) {
		line.append(document.createElement("bdi"));
		line.lastChild.textContent = text;
	}
	return line;
}

function listenersAdd(said) {
	const { found } = listeners;
	if (!found.has(said.subscriber))
		found.set(said.subscriber, { said, line: null });
	listenersFill();
}

/* Somebody whom the list has left out was only counted. */
function listenersRemove({ subscriber }) {
	const gone = listeners.found.get(subscriber);
	if (gone) {
		gone.line?.remove();
		listeners.found.delete(subscriber);
	} else if (listeners.omittedCount)
		listeners.omittedCount--;
	listenersFill();
}

/* Shows as many as have room, the first of them first. */
function listenersFill() {
	const box = $("listeners-list");
	const count = Math.min(listeners.found.size, LISTENERS_ROWS_MAX);
	if (box.childElementCount >= count)
		return;
	for (const one of listeners.found.values()) {
		if (!one.line)
			box.append(one.line = listenersLine(one.said));
		if (box.childElementCount === count)
			return;
	}
}

function listenersClear() {
	listeners.found.clear();
	listeners.omittedCount = 0;
	$("listeners-list").replaceChildren();
	$("listeners-list").hidden = $("listeners-more").hidden = true;
}

function listenersShow(topic) {
	const shown = $("listeners-list").childElementCount;
	const count = listeners.found.size + listeners.omittedCount;
	$("listeners-list").hidden = !shown;
	$("listeners-more").hidden = count === shown;
	setText("listeners-more", count === shown ? "" : `And ${count - shown} more.`);
	show("listeners", "open", `Subscribers of ${topic}: ${count || "none"}.`);
}

/* Another topic or token is watched in place of the last. */
function listenersChange({ target }) {
	if (!listeners.abort || target.id !== "publish-topic" && target.id !== "publish-key")
		return;
	listenersStop();
	listenersStart();
}

$("listeners-watch").addEventListener("click", () => listeners.abort ? listenersStop() : listenersStart());
$("publish-form").addEventListener("change", listenersChange);
addEventListener("pagehide", listenersStop);
