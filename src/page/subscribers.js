"use strict";

/*
 * The subscribers of the topic of the panel: the list of subscriptions, and
 * then what is announced of them behind the list's last id. Its stream is open
 * only while somebody watches.
 */

const SUBSCRIBERS_ROWS_MAX = 100;
const SUBSCRIBERS_WAIT_S_MAX = 15;

/* A quiet stream is not taken for a dead one, whatever the server's heartbeat is. */
const SUBSCRIBERS_HEARTBEAT_MS = 60000;

/* What a refusal means here; what the server says of it follows. */
const SUBSCRIBERS_REFUSALS = {
	401: "Only a token may see the subscribers",
	403: "This token may not see the subscribers of the topic",
	404: "The server does not list subscribers",
	501: "The server cannot know the subscribers",
};

/* By the subscriber's id: { said, line }, and no line for one that is not shown. */
const subscribers = { abort: null, source: null, timer: 0, attempts: 0, omittedCount: 0, found: new Map() };

/* It would be refused again. */
class SubscribersRefused extends Error {}

/*
 * The list of a topic in one of the shapes, which the server chooses by the
 * token where it has both. A token in a cookie cannot be read here: then the
 * older shape is tried first.
 */
async function subscribersAsk(topic, key, signal) {
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
		throw await subscribersRefusal(response);
	return subscribersRead(await response.json(), response.headers.get("Link") ?? "");
}

/* Where the list says it is, from where on the stream tells more, and who is in it. */
function subscribersRead({ id, lastEventID, subscriptions, omitted = 0 }, link) {
	const lastId = lastEventID ?? /\blast-event-id="([^"]*)"/.exec(link)?.[1];
	if (typeof id !== "string" || typeof lastId !== "string" || !Array.isArray(subscriptions))
		throw new SubscribersRefused("What the server sent is no list of subscriptions.");
	return { id, lastId, omitted, subscriptions: subscriptions.filter(subscribersIsOne) };
}

function subscribersIsOne(said) {
	return typeof said?.subscriber === "string";
}

async function subscribersRefusal(response) {
	const { status } = response;
	const line = await answerLine(response);
	const meaning = SUBSCRIBERS_REFUSALS[status];
	if (meaning)
		return new SubscribersRefused(`${meaning}. ${line}`);
	return status < 500 && status !== 429 ? new SubscribersRefused(line) : new Error(line);
}

/* Watches until subscribersStop; whatever fails in passing is tried again, from the list on. */
async function subscribersStart() {
	const topic = $("publish-topic").value;
	const key = $("publish-key").value.trim();
	$("subscribers-watch").setAttribute("aria-pressed", "true");
	if (!subscribers.attempts)
		show("subscribers", "connecting", "Asking for the subscribers.");
	const abort = subscribers.abort = new AbortController();
	try {
		if (!topic)
			throw new SubscribersRefused("The field Topic is empty.");
		const list = await subscribersAsk(topic, key, abort.signal);
		const { SharedSource } = await import("./client.js");
		if (!abort.signal.aborted)
			subscribersFollow(list, topic, key, SharedSource);
	} catch (error) {
		if (abort.signal.aborted)
			return;
		if (error instanceof SubscribersRefused)
			subscribersFail(error.message);
		else
			subscribersWait(error instanceof TypeError ? "The server does not answer" : error.message);
	}
}

/* In both shapes what is announced has the topic that the list has, and a segment behind it. */
function subscribersFollow(list, topic, key, SharedSource) {
	const query = new URLSearchParams({ topic: `${list.id}{/subscriber}`, lastEventID: list.lastId });
	const url = `events?${query}`;
	const source = subscribers.source = new SharedSource(url, { share: false, resume: false,
		heartbeat: SUBSCRIBERS_HEARTBEAT_MS, token: key ? () => key : undefined });
	subscribersClear();
	subscribers.omittedCount = list.omitted;
	list.subscriptions.forEach(subscribersAdd);
	for (const type of ["message", "mercure"])
		source.addEventListener(type, (event) => subscribersHear(event, topic));
	source.onopen = () => {
		subscribers.attempts = 0;
		subscribersShow(topic);
	};
	source.onerror = () => subscribersLost(source, url, key);
}

/* The server may have begun anew, and know nothing of what was announced: the list is asked for again. */
async function subscribersLost(source, url, key) {
	const isRefused = source.readyState === EventSource.CLOSED;
	source.close();
	const [line] = isRefused ? await streamRefusal(url, keyHeaders(key)) : ["The connection was lost"];
	if (source !== subscribers.source)
		return;
	if (isRefused)
		subscribersFail(`What is announced cannot be had. ${line}`);
	else
		subscribersWait(line);
}

function subscribersWait(line) {
	const seconds = Math.min(SUBSCRIBERS_WAIT_S_MAX, 2 ** subscribers.attempts++);
	show("subscribers", "reconnecting", `${line}; next attempt in ${seconds} s.`);
	subscribers.timer = setTimeout(subscribersStart, 1000 * seconds);
}

function subscribersFail(line) {
	subscribersStop();
	show("subscribers", "failed", line);
}

function subscribersStop() {
	clearTimeout(subscribers.timer);
	subscribers.abort?.abort();
	subscribers.source?.close();
	Object.assign(subscribers, { abort: null, source: null, attempts: 0 });
	subscribersClear();
	$("subscribers-watch").setAttribute("aria-pressed", "false");
	show("subscribers", "idle", "Not watching.");
}

/* What is announced; whoever made the subscriber's token chose its payload. */
function subscribersHear({ data }, topic) {
	let said = null;
	try {
		said = JSON.parse(data);
	} catch {
		/* of somebody who may publish there */
	}
	if (!subscribersIsOne(said))
		return;
	if (said.active === false)
		subscribersRemove(said);
	else
		subscribersAdd(said);
	subscribersShow(topic);
}

function subscribersLine({ subscriber, payload }) {
	const line = document.createElement("li");
	for (const text of payload === undefined ? [subscriber] : [subscriber, tokenText(payload)]) {
		line.append(document.createElement("bdi"));
		line.lastChild.textContent = text;
	}
	return line;
}

function subscribersAdd(said) {
	const { found } = subscribers;
	if (!found.has(said.subscriber))
		found.set(said.subscriber, { said, line: null });
	subscribersFill();
}

/* Somebody whom the list has left out was only counted. */
function subscribersRemove({ subscriber }) {
	const gone = subscribers.found.get(subscriber);
	if (gone) {
		gone.line?.remove();
		subscribers.found.delete(subscriber);
	} else if (subscribers.omittedCount)
		subscribers.omittedCount--;
	subscribersFill();
}

/* Shows as many as have room, the first of them first. */
function subscribersFill() {
	const box = $("subscribers-list");
	const count = Math.min(subscribers.found.size, SUBSCRIBERS_ROWS_MAX);
	if (box.childElementCount >= count)
		return;
	for (const one of subscribers.found.values()) {
		if (!one.line)
			box.append(one.line = subscribersLine(one.said));
		if (box.childElementCount === count)
			return;
	}
}

function subscribersClear() {
	subscribers.found.clear();
	subscribers.omittedCount = 0;
	$("subscribers-list").replaceChildren();
	$("subscribers-list").hidden = $("subscribers-more").hidden = true;
}

function subscribersShow(topic) {
	const shown = $("subscribers-list").childElementCount;
	const count = subscribers.found.size + subscribers.omittedCount;
	$("subscribers-list").hidden = !shown;
	$("subscribers-more").hidden = count === shown;
	setText("subscribers-more", count === shown ? "" : `And ${count - shown} more.`);
	show("subscribers", "open", `Subscribers of ${topic}: ${count || "none"}.`);
}

/* Another topic or token is watched in place of the last. */
function subscribersChange({ target }) {
	if (!subscribers.abort || target.id !== "publish-topic" && target.id !== "publish-key")
		return;
	subscribersStop();
	subscribersStart();
}

$("subscribers-watch").addEventListener("click", () => subscribers.abort ? subscribersStop() : subscribersStart());
$("publish-form").addEventListener("change", subscribersChange);
addEventListener("pagehide", subscribersStop);
