/* client.js by itself, in Node: its parser and its connection. */
import assert from "node:assert/strict";
import test from "node:test";
import { HEARTBEAT, timers, now, settle, pass, sleep, requests, open, listeners, makeParser,
	connect } from "./client_host.mjs";

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
	/* What is not read is not left to come. */
	assert.ok(requests.slice(1).filter(({ isOver }) => isOver).every(({ isCancelled }, at) => isCancelled || at === 1));
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

test("waits a little even where the server asks for no time", async () => {
	const { close } = connected();
	requests[0].open();
	await settle();
	requests[0].send("retry: 0\n\n");
	await settle();
	requests[0].end();
	await settle();
	await pass(99);
	assert.equal(requests.length, 1);
	await pass(1);
	assert.equal(requests.length, 2);
	close();
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
	sleep(3600e3);
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
