/*
 * What client.js finds in Node: a clock set by hand, a server that answers as
 * the test says, and Web Locks as far as they are used.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach } from "node:test";

export const HEARTBEAT = 1000;
const later = globalThis.setImmediate;

/* The clock: timers run when the test lets time pass. */
export const timers = new Map();
export let now = 1e12;
let timerCount = 0;
Date.now = () => now;
globalThis.setTimeout = (run, ms = 0, every = undefined) => {
	assert.ok(ms >= 0 && ms < 2 ** 31, `a timer of ${ms} ms`);
	timers.set(++timerCount, { run, due: now + ms, every });
	return timerCount;
};
globalThis.setInterval = (run, ms) => setTimeout(run, ms, ms);
globalThis.clearTimeout = globalThis.clearInterval = (timer) => timers.delete(timer);

export async function settle() {
	for (let i = 0; i < 30; i++)
		await new Promise((done) => later(done));
}

export async function pass(ms) {
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

/* As while a machine sleeps: no timer runs. */
export function sleep(ms) {
	now += ms;
}

/* A number that no other call has given. */
export const unique = () => ++timerCount;

/* The server: each request is taken from the list, and answered by the test. */
export const requests = [];
globalThis.fetch = (url, { headers, signal }) => new Promise((resolve, reject) => {
	const request = { url, headers, signal };
	const over = (then, value) => then(value, request.isOver = true);
	request.answer = (status, fields = {}) => over(resolve, new Response(status === 204 ? null :
		new ReadableStream({ cancel: () => { request.isCancelled = true; } }), { status, headers: fields }));
	request.fail = () => over(reject, new TypeError("network"));
	request.open = () => resolve(new Response(new ReadableStream({ start: (out) => {
		request.send = (bytes) => out.enqueue(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
		request.end = () => over(() => out.close());
		signal.addEventListener("abort", () => { try { out.error(signal.reason); } catch {} });
	} }), { headers: { "Content-Type": "text/event-stream; charset=utf-8" } }));
	signal.addEventListener("abort", () => reject(signal.reason));
	requests.push(request);
});
export const open = () => requests.filter(({ signal, isOver }) => !signal.aborted && !isOver);

export const listeners = new Map();
globalThis.addEventListener = (type, handler) => listeners.set(handler, type);
globalThis.removeEventListener = (type, handler) => listeners.delete(handler);
globalThis.CustomEvent ??= class extends Event {
	constructor(type, { detail }) { super(type); this.detail = detail; }
};
globalThis.self = globalThis;
globalThis.document = { baseURI: "http://host/page" };
globalThis.sessionStorage = {};

/* Web Locks, as far as they are used. */
export const held = new Map();
export const locks = { request: (name, { steal }, callback) => new Promise((resolve, reject) => {
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
export const { makeParser, connect, Sharer, SharedSource } = await import(
	`data:text/javascript,${encodeURIComponent(source + "export { makeParser, connect, Sharer };")}`);

beforeEach(() => {
	requests.length = 0;
	timers.clear();
	listeners.clear();
	held.clear();
	sessionStorage = {};
	Math.random = () => 0;
});
