/* client.js by itself, in Node: how tabs share a stream. */
import assert from "node:assert/strict";
import test from "node:test";
import { HEARTBEAT, timers, settle, pass, unique, requests, open, held, locks, Sharer,
	SharedSource } from "./client_host.mjs";

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

test("a tab that joins a late stream finds it open, and does not join one that is closed", async () => {
	const { tab } = shared();
	tab("a");
	requests[0].open();
	await settle();
	await pass(1.8 * HEARTBEAT);
	assert.equal(tab("b").got[0]?.type, "open");
	assert.equal(requests.length, 1);
	await pass(HEARTBEAT);
	assert.equal(requests.length, 2);
	requests[1].answer(204);
	await settle();
	const c = tab("c");
	assert.equal(requests.length, 3);
	requests[2].open();
	await settle();
	assert.equal(c.got[0].type, "open");
	c.say({ type: "leave" });
});

test("events with one id are not sent again to who has had it", async () => {
	const { tab } = shared();
	tab("a");
	requests[0].open();
	await settle();
	requests[0].send("id: 1\ndata: x\n\ndata: y\n\nid: 2\ndata: z\n\n");
	await settle();
	assert.equal(tab("b", "1").data(), "z");
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
	Math.random = () => unique() / 1e9;		/* each has another */
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
	let news, opened = 0;
	channel.onmessage = ({ data }) => news ??= data;
	const a = await source_of();
	requests[0].open();
	await settle();
	[1, 2].forEach((n) => requests[0].send(event(n)));
	await settle();
	const said = [];
	const { postMessage } = BroadcastChannel.prototype;
	BroadcastChannel.prototype.postMessage = function (what) {
		said.push(what);
		postMessage.call(this, what);
	};
	const joining = source_of({ lastEventId: "1" });
	channel.postMessage(news);
	const b = await joining;
	BroadcastChannel.prototype.postMessage = postMessage;
	assert.deepEqual([a.got, b.got], [["1", "2"], ["2"]]);
	/* It is open once; and one that was the leader before has nothing to say. */
	b.onopen = () => opened++;
	b.readyState = 1;
	const { from, join } = said.findLast((what) => what.from);
	const { leader } = said.findLast((what) => what.leader && what.what);
	const own = new BroadcastChannel(from);
	own.postMessage({ leader, what: { type: "open" }, join });
	own.postMessage({ leader: leader + 1, what: { event: "message", data: "stray", id: "9" }, join });
	await settle();
	assert.deepEqual([opened, b.got], [0, ["2"]]);
	own.close();
	assert.equal(requests.length, 1);
	channel.close();
	a.close();
	b.close();
	await settle();
});

/* A SharedWorker, whose script comes late. */

test("tabs wait for a worker that is slow, and not for one that never answers", async () => {
	const ports = [];
	const workers = [];
	globalThis.SharedWorker = class {
		constructor() {
			workers.push(this);
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
	const heard = workers.map(({ port }) => port.onmessage);
	sources.forEach((it) => it.close());
	await settle();
	assert.equal(open().length, 0);
	/* Whoever is closed hears nothing more. */
	heard[0]({ data: { event: "message", data: "late", id: "2" } });
	assert.deepEqual(sources[0].got, ["1"]);
	const alone = await source_of({ worker: "w" });
	await pass(40 * HEARTBEAT);
	assert.equal(open().length, 1);
	/* Its failure comes when another way is gone. */
	const count = requests.length;
	workers.at(-1).onerror();
	await settle();
	assert.equal(open().length, 1);
	assert.equal(requests.length, count);
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
	a.close();
	assert.deepEqual([...timers.values()].filter(({ every }) => every), []);
});

test("those who send other cookies have another stream, and a token that fails is none", async () => {
	const failing = () => { throw new Error("no token"); };
	const all = [await source_of(), await source_of({ withCredentials: true }),
		await source_of({ token: failing, share: false })];
	assert.equal(requests.length, 3);
	assert.equal(requests[2].headers.Authorization, undefined);
	all.forEach((it) => it.close());
	await settle();
});
