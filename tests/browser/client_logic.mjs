/*
 * client.js by itself, in Node: its parser, its connection and its sharing,
 * with a clock set by hand and a server that answers as the test says.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { beforeEach } from "node:test";

const HEARTBEAT = 1000;
const later = globalThis.setImmediate;

/* The clock: timers run when the test lets time pass. */
const timers = new Map();
let now = 1e12;
let timerCount = 0;
Date.now = () => now;
globalThis.setTimeout = (run, ms = 0, every = undefined) => {
	assert.ok(ms >= 0 && ms < 2 ** 31, `a timer of ${ms} ms`);
	timers.set(++timerCount, { run, due: now + ms, every });
	return timerCount;
};
globalThis.setInterval = (run, ms) => setTimeout(run, ms, ms);
globalThis.clearTimeout = globalThis.clearInterval = (timer) => timers.delete(timer);

async function settle() {
	for (let i = 0; i < 30; i++)
		await new Promise((done) => later(done));
}

async function pass(ms) {
	for (const end = now + ms;;) {
		const next = [...timers].filter(([, { due }]) => due <= end).sort(([, a], [, b]) => a.due - b.due)[0];
		if (!next)
			return void (now = end);
		const [timer, { run, due, every }] = next;
		now = Math.max(now, due);
		every ? timers.set(timer, { run, due: due + every, every }) : timers.delete(timer);
		run();
		await settle();
	}
}

/* The server: each request is taken from the list, and answered by the test. */
const requests = [];
globalThis.fetch = (url, { headers, signal }) => new Promise((resolve, reject) => {
	const request = { url, headers, signal };
	const over = (then, value) => then(value, request.isOver = true);
	request.answer = (status, fields = {}) => over(resolve,
		new Response(status === 204 ? null : "", { status, headers: fields }));
	request.fail = () => over(reject, new TypeError("network"));
	request.open = () => resolve(new Response(new ReadableStream({ start: (out) => {
		request.send = (bytes) => out.enqueue(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
		request.end = () => over(() => out.close());
		signal.addEventListener("abort", () => { try { out.error(signal.reason); } catch {} });
	} }), { headers: { "Content-Type": "text/event-stream; charset=utf-8" } }));
	signal.addEventListener("abort", () => reject(signal.reason));
	requests.push(request);
});
const open = () => requests.filter(({ signal, isOver }) => !signal.aborted && !isOver);

const listeners = new Map();
globalThis.addEventListener = (type, handler) => listeners.set(handler, type);
globalThis.removeEventListener = (type, handler) => listeners.delete(handler);
globalThis.CustomEvent ??= class extends Event {
	constructor(type, { detail }) { super(type); this.detail = detail; }
};
globalThis.self = globalThis;
globalThis.document = { baseURI: "http://host/page" };
globalThis.sessionStorage = {};

/* Web Locks, as far as they are used. */
const held = new Map();
const locks = { request: (name, { steal }, callback) => new Promise((resolve, reject) => {
	const lock = held.get(name) ?? { queue: [] };
	held.set(name, lock);
	const grant = async () => {
		lock.reject = reject;
		lock.owner = grant;
		resolve(await callback());
		if (lock.owner === grant)
			(lock.queue.shift() ?? (() => held.delete(name)))();
	};
	if (steal && lock.owner) {
		lock.reject(new Error("stolen"));
		grant();
	} else
		lock.owner ? lock.queue.push(grant) : grant();
}) };
Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });

const source = readFileSync(process.env.CLIENT_JS, "utf8");
const { makeParser, connect, Sharer, SharedSource } = await import(
	`data:text/javascript,${encodeURIComponent(source + "export { makeParser, connect, Sharer };")}`);

beforeEach(() => {
	requests.length = 0;
	timers.clear();
	listeners.clear();
	held.clear();
	sessionStorage = {};
	Math.random = () => 0;
});

/* The parser */

function parsed(pieces, id = "") {
	const events = [];
	const retries = [];
	const parse = makeParser(id, (newId, event) => {
		id = newId;
		if (event)
			events.push([event.event, event.data, event.id]);
	}, (ms) => retries.push(ms));
	pieces.forEach(parse);
	return { id, events, retries };
}

const TEXT = [
	":a comment", "data: one", "", "id: 1", "data:two", "data", "data:  lines", "",
	"event: named", "data: x:y", "data : no field", "other: field", "", "event: without data", "",
	"id: 2", "", "data: behind", "", "id: no\0id", "retry: 70", "retry: -1", "retry: 1e3", "retry:", "data: é😀", "",
	"id", "data: id away", "", "data: never ended"];
const EVENTS = [
	["message", "one", ""], ["message", "two\n\n lines", "1"], ["named", "x:y", "1"],
	["message", "behind", "2"], ["message", "é😀", "2"], ["message", "id away", ""]];

for (const [name, end] of [["LF", "\n"], ["CR", "\r"], ["CRLF", "\r\n"]])
	test(`parses lines that end in ${name}, wherever they are cut`, () => {
		const text = TEXT.join(end);
		for (let at = 0; at <= text.length; at++) {
			const { events, retries, id } = parsed([text.slice(0, at), text.slice(at)].filter(Boolean));
			assert.deepEqual(events, EVENTS, `cut at ${at}`);
			assert.deepEqual(retries, [70]);
			assert.equal(id, "");
		}
		assert.deepEqual(parsed([...text]).events, EVENTS);
	});

test("a CR ends an event at once", () => {
	assert.deepEqual(parsed(["data: x\r\r"]).events, [["message", "x", ""]]);
	assert.deepEqual(parsed(["data: x\r", "\ndata: y\r", "\n\r", "\n"]).events, [["message", "x\ny", ""]]);
});

test("the id of an event that was cut off does not count", () => {
	const { id, events } = parsed(["id: 1\ndata: x\n\nid: 2\ndata: y\n"], "0");
	assert.equal(id, "1");
	assert.equal(events.length, 1);
});

/* The connection */

function connected({ id = "", hasToken = false, token, heartbeat = HEARTBEAT } = {}) {
	const seen = [];
	const asked = [];
	const close = connect({ url: "http://host/events", heartbeat, hasToken }, id, (what) => seen.push(what),
		(isDenied) => { asked.push(isDenied); return token?.(isDenied); });
	return { close, seen, asked, types: () => seen.map(({ type, event }) => type ?? event).join(" ") };
}

test("comes back from an end, from failures and from 5xx, later each time", async () => {
	const { types, seen, close } = connected({ id: "é" });
	assert.equal(requests[0].headers["Last-Event-ID"], "\u00c3\u00a9");
	requests[0].open();
	await settle();
	requests[0].send("retry: 200\nid: 7\ndata: x\n\nid: 8\ndata: cut");
	await settle();
	requests[0].end();
	await settle();
	assert.equal(types(), "open message error");
	await pass(199);
	assert.equal(requests.length, 1);
	await pass(1);
	assert.equal(requests[1].headers["Last-Event-ID"], "7");
	const delays = [];
	const fates = [(r) => r.answer(502), (r) => r.fail(), (r) => r.answer(503, { "Retry-After": "20" }), (r) => r.answer(429),
		(r) => r.answer(200), ...Array(9).fill((r) => r.answer(500))];
	for (const fate of fates) {
		const count = requests.length;
		fate(requests.at(-1));
		await settle();
		const before = now;
		while (requests.length === count)
			await pass(50);
		delays.push(now - before);
	}
	assert.deepEqual(delays.slice(0, 5), [2000, 4000, 20000, 16000, 30000]);
	assert.ok(delays.slice(5).every((ms) => ms === 30000));
	assert.equal(types().match(/error/g).length, 15);
	assert.equal(seen.at(-1).tries, 15);
	assert.equal(seen[3].reason, "status 502");
	requests.at(-1).open();
	await settle();
	assert.equal(seen.at(-1).type, "open");
	close();
	assert.equal(open().length, 0);
});

test("waits up to half as long again, and an hour at most", async () => {
	Math.random = () => 0.999;
	const { close } = connected({ heartbeat: 6e5 });
	requests[0].answer(503, { "Retry-After": "99999999999" });
	await settle();
	await pass(36e5 - 1);
	assert.equal(requests.length, 1);
	await pass(18e5);
	assert.equal(requests.length, 2);
	close();
});

for (const status of [204, 400, 401, 403, 404, 410])
	test(`stops for good at ${status}`, async () => {
		const { types } = connected();
		requests[0].answer(status);
		await settle();
		await pass(1e6);
		assert.equal(types(), "closed");
		assert.equal(requests.length, 1);
		assert.equal(timers.size, 0);
	});

test("a token is refreshed once after 401, at once", async () => {
	const { asked, close } = connected({ hasToken: true, token: (isDenied) => isDenied ? "new" : "old" });
	await settle();
	assert.equal(requests[0].headers.Authorization, "Bearer old");
	requests[0].answer(401);
	await settle();
	assert.equal(requests[1].headers.Authorization, "Bearer new");
	requests[1].answer(401);
	await settle();
	assert.equal(requests.length, 2);
	await pass(2000);
	assert.equal(requests.length, 3);
	requests[2].open();
	await settle();
	requests[2].end();
	await settle();
	await pass(1000);
	assert.deepEqual(asked.map(Boolean), [false, true, true, false]);
	close();
});

test("silence is late, then the stream is opened anew at once", async () => {
	const { types, seen, close } = connected();
	requests[0].open();
	await settle();
	await pass(1.4 * HEARTBEAT);
	requests[0].send(":\n");
	await settle();
	await pass(1.4 * HEARTBEAT);
	assert.equal(types(), "open");
	await pass(0.5 * HEARTBEAT);
	assert.equal(types(), "open late");
	requests[0].send(":\n");
	await settle();
	assert.deepEqual(seen.map(({ isOver }) => isOver), [undefined, false, true]);
	await pass(2.9 * HEARTBEAT);
	assert.equal(types(), "open late late late error late");
	assert.deepEqual(requests.map(({ signal }) => signal.aborted), [true, false]);
	close();
});

test("a machine that has slept, and a new network, open it anew at once", async () => {
	const { close } = connected();
	requests[0].open();
	await settle();
	now += 3600e3;
	await pass(0.3 * HEARTBEAT);
	assert.equal(requests.length, 2);
	requests[1].fail();
	await settle();
	const [online] = [...listeners].find(([, type]) => type === "online");
	online();
	await settle();
	assert.equal(requests.length, 3);
	close();
	assert.equal(listeners.size, 0);
});

/* Sharing */

const SPEC = { url: "http://host/events", heartbeat: HEARTBEAT };

function shared() {
	const sharer = new Sharer();
	const tab = (name, id = "", spec = SPEC) => {
		const got = [];
		const say = (what) => sharer.take(name, (answer) => got.push(answer), what);
		say({ type: "join", spec, id });
		return { got, say, data: () => got.filter(({ event }) => event).map(({ data }) => data).join(" ") };
	};
	return { sharer, tab };
}

const event = (n) => `id: ${n}\ndata: ${n}\n\n`;

test("tabs share a stream, and one that comes back goes on where it was", async () => {
	const { tab } = shared();
	const [a, b] = [tab("a"), tab("b")];
	requests[0].open();
	await settle();
	[1, 2, 3].forEach((n) => requests[0].send(event(n)));
	await settle();
	const c = tab("c", "1");
	const d = tab("d");
	requests[0].send(event(4));
	await settle();
	assert.deepEqual([a, b, c, d].map(({ data }) => data()), ["1 2 3 4", "1 2 3 4", "2 3 4", "4"]);
	assert.equal(c.got[0].type, "open");
	assert.equal(requests.length, 1);
	for (const one of [a, b, c])
		one.say({ type: "leave" });
	assert.equal(open().length, 1);
	d.say({ type: "leave" });
	assert.equal(open().length, 0);
});

test("one at another position has a stream of its own until they meet", async () => {
	const { tab } = shared();
	const a = tab("a", "5");
	requests[0].open();
	await settle();
	const b = tab("b", "5");
	const c = tab("c", "3");
	assert.equal(requests.length, 2);
	assert.equal(requests[1].headers["Last-Event-ID"], "3");
	requests[0].send(event(6));
	await settle();
	requests[1].open();
	await settle();
	[4, 5].forEach((n) => requests[1].send(event(n)));
	await settle();
	assert.equal(open().length, 1);
	requests[0].send(event(7));
	await settle();
	assert.deepEqual([a, b, c].map(({ data }) => data()), ["6 7", "6 7", "4 5 6 7"]);
});

test("what is kept is bounded by its length", async () => {
	const { tab } = shared();
	const a = tab("a");
	requests[0].open();
	await settle();
	const long = "x".repeat(98000);
	for (let n = 1; n < 20; n++)
		requests[0].send(`id: ${n}\ndata: ${long}\n\n`);
	await settle();
	assert.equal(a.got.length, 20);
	assert.equal(tab("b", "10").got.length, 10);
	assert.equal(requests.length, 1);
	tab("c", "9");
	assert.equal(requests.length, 2);
});

test("a tab that says nothing is dropped, and told so if it was asleep", async () => {
	const { tab } = shared();
	const [a, b] = [tab("a"), tab("b")];
	await pass(299e3);
	b.say({ type: "ping" });
	await pass(2e3);
	tab("c");
	for (const one of [a, b])
		one.say({ type: "ping" });
	assert.deepEqual([a, b].map(({ got }) => got.at(-1).type), ["gone", "pong"]);
});

test("one tab is asked for the token, the next if it has none", async () => {
	const { tab } = shared();
	const spec = { ...SPEC, hasToken: true };
	const a = tab("a", "", spec);
	a.say({ type: "token", token: "one" });
	await settle();
	assert.equal(requests[0].headers.Authorization, "Bearer one");
	const b = tab("b", "", spec);
	requests[0].answer(401);
	await settle();
	assert.deepEqual(a.got.filter(({ type }) => type === "token").length, 1);
	assert.deepEqual(b.got.at(-1), { type: "token", isDenied: true });
	await pass(5000);
	assert.deepEqual(a.got.at(-1), { type: "token", isDenied: true });
	a.say({ type: "token", token: "two" });
	await settle();
	assert.equal(requests[1].headers.Authorization, "Bearer two");
});

/* Web Locks */

async function source_of(options) {
	Math.random = () => ++timerCount / 1e9;		/* each has another */
	const it = new SharedSource("events", { heartbeat: HEARTBEAT, worker: "", ...options });
	it.got = [];
	it.onmessage = ({ data }) => it.got.push(data);
	await settle();
	return it;
}

test("the tab with the lock has the stream, and hands it on when it goes", async () => {
	const [a, b, c] = [await source_of(), await source_of(), await source_of()];
	requests[0].open();
	await settle();
	[1, 2].forEach((n) => requests[0].send(event(n)));
	await settle();
	assert.deepEqual([a, b, c].map(({ readyState }) => readyState), [1, 1, 1]);
	a.close();
	await settle();
	assert.equal(open().length, 1);
	assert.equal(requests[1].headers["Last-Event-ID"], "2");
	requests[1].open();
	await settle();
	requests[1].send(event(3));
	await settle();
	assert.deepEqual([a.got, b.got, c.got], [["1", "2"], ["1", "2", "3"], ["1", "2", "3"]]);
	b.close();
	c.close();
	await settle();
	assert.equal(held.size, 0);
	assert.equal(open().length, 0);
});

test("a tab takes the lock from one that says nothing", async () => {
	const a = await source_of();
	requests[0].open();
	requests[0].isFrozen = true;
	const b = await source_of();
	/* The frozen one: its messages are not delivered, nor its timers run. */
	const [[, lock]] = held;
	const stolen = lock.reject;
	lock.reject = () => {};
	const frozen = BroadcastChannel.prototype.postMessage;
	BroadcastChannel.prototype.postMessage = function (what) {
		if (what.from)
			return frozen.call(this, what);
		if (what.leader && lock.reject !== stolen && requests.length > 1)
			frozen.call(this, what);
	};
	await pass(2 * HEARTBEAT);
	assert.equal(requests.length, 2);
	BroadcastChannel.prototype.postMessage = frozen;
	stolen(new Error("stolen"));
	requests[1].open();
	await settle();
	requests[1].send(event(1));
	await settle();
	assert.equal(open().length, 1);
	assert.deepEqual([a.got, b.got], [["1"], ["1"]]);
	a.close();
	b.close();
	await settle();
	assert.equal(open().length, 0);
});

test("a tab whose leader was another before joins the one that took the lock", async () => {
	const first = await source_of();
	const a = await source_of();
	first.close();
	await settle();
	const b = await source_of();
	requests[1].open();
	await settle();
	const [[, lock]] = held;
	const stolen = lock.reject;
	lock.reject = () => {};
	const deliver = BroadcastChannel.prototype.postMessage;
	BroadcastChannel.prototype.postMessage = () => {};
	await pass(2 * HEARTBEAT);
	BroadcastChannel.prototype.postMessage = deliver;
	stolen(new Error("stolen"));
	await settle();
	requests[2].open();
	await settle();
	requests[2].send(event(1));
	await settle();
	assert.equal(requests.length, 3);
	assert.deepEqual([a.got, b.got], [["1"], ["1"]]);
	a.close();
	b.close();
	await settle();
	assert.equal(open().length, 0);
});

test("a tab that joins twice gets what was missed once", async () => {
	const channel = new BroadcastChannel("http://host/events,false,false,");
	let news;
	channel.onmessage = ({ data }) => news ??= data;
	const a = await source_of();
	requests[0].open();
	await settle();
	[1, 2].forEach((n) => requests[0].send(event(n)));
	await settle();
	const joining = source_of({ lastEventId: "1" });
	channel.postMessage(news);
	const b = await joining;
	assert.deepEqual([a.got, b.got], [["1", "2"], ["2"]]);
	assert.equal(requests.length, 1);
	channel.close();
	a.close();
	b.close();
	await settle();
});

/* A SharedWorker, whose script comes late. */

test("tabs wait for a worker that is slow, and not for one that never answers", async () => {
	const ports = [];
	globalThis.SharedWorker = class {
		constructor() {
			const waiting = [];
			const port = this.port = { close() {}, postMessage: (what) => port.take ? port.take(what) : waiting.push(what) };
			ports.push((sharer) => {
				port.take = (what) => sharer.take(port, (answer) => port.onmessage({ data: answer }), what);
				waiting.forEach(port.take);
			});
		}
	};
	const sources = [await source_of({ worker: "w" }), await source_of({ worker: "w" })];
	await pass(8 * HEARTBEAT);
	assert.equal(requests.length, 0);
	const sharer = new Sharer();
	ports.forEach((start) => start(sharer));
	await settle();
	requests[0].open();
	await settle();
	requests[0].send(event(1));
	await settle();
	assert.equal(requests.length, 1);
	assert.deepEqual(sources.map(({ got }) => got), [["1"], ["1"]]);
	sources.forEach((it) => it.close());
	await settle();
	assert.equal(open().length, 0);
	const alone = await source_of({ worker: "w" });
	await pass(40 * HEARTBEAT);
	assert.equal(open().length, 1);
	alone.close();
	delete globalThis.SharedWorker;
});

test("where no lock can be had, each tab has its own stream", async () => {
	const { request } = locks;
	locks.request = () => Promise.reject(new Error("not here"));
	const a = await source_of();
	assert.equal(requests.length, 1);
	a.close();
	locks.request = request;
	Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
	const b = await source_of();
	assert.equal(requests.length, 2);
	b.close();
	Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
	assert.equal(open().length, 0);
});

test("the position is kept for the next page", async () => {
	const a = await source_of({ share: false });
	requests[0].open();
	await settle();
	requests[0].send(event(5));
	await settle();
	a.handleEvent({ type: "pagehide" });
	assert.equal(open().length, 0);
	a.handleEvent({ type: "pageshow" });
	assert.equal(requests[1].headers["Last-Event-ID"], "5");
	a.handleEvent({ type: "pageshow" });
	assert.equal(requests.length, 2);
	a.handleEvent({ type: "pagehide" });
	const next = [await source_of({ share: false }), await source_of({ share: false, resume: false }),
		await source_of({ share: false, lastEventId: "9" })];
	next.forEach((it) => it.close());
	next.push(await source_of({ share: false }));
	assert.deepEqual(requests.slice(2).map(({ headers }) => headers["Last-Event-ID"]), ["5", undefined, "9", undefined]);
	next.forEach((it) => it.close());
	assert.deepEqual(sessionStorage, {});
});
