/*
 * SharedSource: an EventSource that all tabs of a browser share, that comes
 * back from any failure, and that can send a token. connect() reads one
 * stream, a Sharer hands what it reads to many tabs, and a page makes a
 * SharedSource. The sharer lives in a SharedWorker, else in the tab that holds
 * a Web Lock, else in each tab.
 */

/* What a sharer keeps for tabs that join: about as many characters. */
const KEPT_MAX = 1e6;
const KEPT_EACH = 2000;

/* A tab that is silent for so long is gone; if not, it joins again. */
const TAB_MS_MAX = 3e5;
const TOKEN_MS_MAX = 5000;

/* A worker that has never answered for so long does not work; before, it is slow. */
const UNHEARD_MS_MAX = 3e4;

const WAIT_MS_MIN = 100;
const WAIT_MS_USUAL_MAX = 3e4;
const WAIT_MS_MAX = 36e5;

/*
 * The standard's parser (HTML, section 9.2.6), from a position on. A CR ends
 * its line, and an LF behind it is the same end.
 */
function makeParser(id, onEvent, onRetry) {
	let rest = "", type = "", data = [], isCut = false;

	return (text) => {
		const lines = (rest + (isCut ? text.replace(/^\n/, "") : text)).split(/\r\n?|\n/);
		isCut = /\r$/.test(text);
		rest = lines.pop();
		for (const line of lines) {
			const [, name, value] = /^([^:]*):? ?([^]*)$/.exec(line);
			if (!line) {
				onEvent(id, data.length && { event: type || "message", data: data.join("\n"), id });
				type = "";
				data = [];
			} else if (name === "data")
				data.push(value);
			else if (name === "event")
				type = value;
			else if (name === "id" && !value.includes("\0"))
				id = value;
			else if (name === "retry" && /^\d+$/.test(value))
				onRetry(+value);
		}
	};
}

/*
 * Opens a stream, again whenever it ends; emit gets what happens. Gives a
 * function that closes it.
 */
function connect({ url, withCredentials, heartbeat, hasToken }, id, emit, askToken) {
	let retry = 1000, tries = 0, after, isSoon, isDenied, isLate = false, isClosed, heard, abort, skip;

	const judge = (isLateNow) => {
		if (isLate !== isLateNow)
			emit({ type: "late", isOver: !(isLate = isLateNow) });
	};

	const hear = () => {
		heard = Date.now();
		judge(false);
	};

	/* Reads until the stream ends. Gives the reason; none: it is for good. */
	const read = async () => {
		const headers = { Accept: "text/event-stream" };
		const wasDenied = isDenied;
		const { signal } = abort = new AbortController();
		const token = hasToken && await askToken(wasDenied);
		if (token)
			headers.Authorization = `Bearer ${token}`;
		if (id)
			headers["Last-Event-ID"] = unescape(encodeURIComponent(id));
		hear();
		const { status, body, headers: fields } = await fetch(url, { headers, signal, cache: "no-store",
			credentials: withCredentials ? "include" : "same-origin" });
		isDenied = status === 401 && hasToken;
		isSoon = isDenied && !wasDenied;
		after = 1000 * fields.get("Retry-After") || 0;
		if (status !== 200 || !/^text\/event-stream\b/.test(fields.get("Content-Type"))) {
			body?.cancel();
			return /^(204|4(?!08|29)..)$/.test(status) && !isDenied ? "" : `status ${status}`;
		}
		tries = 0;
		emit({ type: "open" });
		const parse = makeParser(id, (newId, event) => {
			id = newId;
			if (event)
				emit(event);
		}, (ms) => retry = ms);
		for (const reader = body.pipeThrough(new TextDecoderStream()).getReader();;) {
			const { value, done } = await reader.read();
			if (done)
				return "ended";
			hear();
			parse(value);
		}
	};

	/* Never less than the server asks for, and up to half as long again. */
	const wait = (done) => {
		const doubled = tries > 1 && Math.min(WAIT_MS_USUAL_MAX, 500 * 2 ** tries);
		skip = done;
		setTimeout(done, Math.min(WAIT_MS_MAX, Math.max(WAIT_MS_MIN, after, retry, doubled)) *
			(1 + Math.random() / 2));
	};

	/* Connects anew at once: the network is another, or the stream is dead. */
	const renew = () => {
		isSoon = true;
		abort.abort();
		skip?.();
	};

	/*
	 * Silence of one and a half heartbeats is late, of two and a half dead.
	 * The clock goes on while the machine sleeps, so that is silence too.
	 */
	const watching = setInterval(() => {
		const beats = (Date.now() - heard) / heartbeat;
		if (beats > 1.5)
			judge(true);
		if (beats > 2.5)
			renew();
	}, heartbeat / 4);

	const close = () => {
		isClosed = true;
		clearInterval(watching);
		removeEventListener("online", renew);
		renew();
	};

	const run = async () => {
		while (!isClosed) {
			after = isSoon = 0;
			const reason = await read().catch(String);
			heard = NaN;
			if (isClosed)
				return;
			emit({ type: reason ? "error" : "closed", reason, tries: ++tries });
			if (!reason)
				close();
			else if (!isSoon)
				await new Promise(wait);
		}
	};

	addEventListener("online", renew);
	run();
	return close;
}

/*
 * Tabs that listen to one URL. All share a connection, but for one that joins
 * at a position which is not kept: it has a connection of its own, until that
 * reads an event which another has read.
 */
class Sharer {
	#tabs = new Map();	/* by name or port: { post, heard, feed } */
	#feeds = new Set();	/* { close, kept, size, isOpen } */
	#answer;

	take(name, post, { type, spec, id, token }) {
		const tab = this.#tabs.get(name);
		if (type === "join")
			this.#join(name, { post, heard: Date.now() }, spec, id);
		else if (type === "leave")
			this.#leave(name);
		else if (type === "token")
			this.#answer?.(token);
		else {
			if (tab)
				tab.heard = Date.now();
			post({ type: tab ? "pong" : "gone" });
		}
	}

	/* What is kept begins with the position itself, as an event without one. */
	#join(name, tab, spec, id) {
		this.#tabs.forEach(({ heard }, other) => tab.heard - heard > TAB_MS_MAX && this.#leave(other));
		const feed = [...this.#feeds].find(({ kept }) => !id || kept.some((event) => event.id === id)) ||
			{ kept: id ? [{ id, data: "" }] : [], size: 0 };
		this.#tabs.set(name, tab);
		feed.close ||= connect(spec, id, (what) => this.#emit(feed, what), (isDenied) => this.#token(isDenied));
		this.#feeds.add(feed);
		this.#follow(tab, feed, id);
	}

	#leave(name) {
		this.#tabs.delete(name);
		this.#reap();
	}

	/* Asks one tab after the other, the youngest first. */
	async #token(isDenied) {
		for (const { post } of [...this.#tabs.values()].reverse()) {
			const token = await new Promise((answer) => {
				setTimeout(this.#answer = answer, TOKEN_MS_MAX);
				post({ type: "token", isDenied });
			});
			if (token)
				return token;
		}
	}

	/* Closes the connections that no tab follows. */
	#reap() {
		const tabs = [...this.#tabs.values()];
		this.#feeds.forEach((feed) => {
			if (!tabs.some((tab) => tab.feed === feed)) {
				this.#feeds.delete(feed);
				feed.close();
			}
		});
	}

	/* Goes on behind the event with that id, which the feed keeps. */
	#follow(tab, feed, id) {
		tab.feed = feed;
		if (feed.isOpen)
			tab.post({ type: "open" });
		if (id)
			feed.kept.slice(feed.kept.findLastIndex((event) => event.id === id) + 1).forEach(tab.post);
		this.#reap();
	}

	#emit(feed, what) {
		const { type, id } = what;
		const { kept } = feed;
		const cost = (event) => KEPT_EACH + event.data.length;
		if (type !== "late")
			feed.isOpen = !type || type === "open";
		if (type === "closed")
			this.#feeds.delete(feed);
		this.#tabs.forEach((tab) => tab.feed === feed && tab.post(what));
		if (!id)
			return;
		kept.push(what);
		for (feed.size += cost(what); feed.size > KEPT_MAX && kept[1];)
			feed.size -= cost(kept.shift());
		for (const other of this.#feeds)
			if (other !== feed && other.kept.some((event) => event.id === id))
				return this.#tabs.forEach((tab) => tab.feed === feed && this.#follow(tab, other, id));
	}

	close() {
		this.#tabs.clear();
		this.#reap();
	}
}

/*
 * Ways to a sharer: each hands what it says to receive, and gives { post,
 * close }. A way that turns out not to work calls fail. A tab that hears
 * nothing goes the way again, and then isAgain is set.
 */

function byWorker(key, receive, fail, isAgain, worker) {
	const shared = new SharedWorker(worker, { type: "module", name: key });
	const { port } = shared;
	shared.onerror = fail;
	port.onmessage = ({ data }) => receive(data);
	return { shared, post: (what) => port.postMessage(what), close: () => port.close() };
}

/*
 * One tab holds the lock, and the sharer. Another takes the lock when that says
 * nothing. All hear the channel that is named by the key, on which the holder
 * tells that it is; else one tab speaks to another on a channel named by that.
 */
function byLock(key, receive, fail, isAgain) {
	const me = Math.random();
	const { locks } = navigator;
	const channels = {};
	const to = (name) => channels[name] ||= new BroadcastChannel(name);
	const gone = () => receive({ type: "gone" });
	let sharer, release, leader, isClosed, joins = 0;
	const lead = (steal) => locks.request(key, { steal }, () => isClosed || new Promise((done) => {
		release = done;
		sharer = new Sharer();
		to(key).postMessage({ leader: me });
		gone();
	})).catch(() => {
		if (isClosed)
			return;
		if (!sharer)
			return fail();
		sharer.close();
		sharer = leader = null;
		lead();
		gone();
	});
	const hear = ({ data: { from, leader: by, what, join } }) => {
		if (from)
			sharer?.take(from, (answer) => to(from).postMessage({ leader: me, what: answer, join }), what);
		else if (!sharer && (!what || join === joins && (!leader || by === leader))) {
			leader = by;
			what ? receive(what) : gone();
		}
	};
	lead(isAgain);
	to(key).onmessage = to(me).onmessage = hear;
	return {
		post(what) {
			joins += what.type === "join";
			sharer ? sharer.take(me, receive, what) : to(leader || key).postMessage({ from: me, what, join: joins });
		},
		close() {
			isClosed = true;
			sharer?.close();
			release?.();
			Object.values(channels).forEach((channel) => channel.close());
		},
	};
}

function byItself(key, receive) {
	const sharer = new Sharer();
	return { post: (what) => sharer.take(key, receive, what), close: () => sharer.close() };
}

/* As EventSource (HTML standard, section 9.2); client.d.ts has what is more. */
export class SharedSource extends EventTarget {
	readyState = 0;
	#spec; #key; #token; #worker; #store; #ways; #timer; #link; #fail; #pings; #failsAt;

	constructor(url, { withCredentials = false, token, heartbeat = 15000, key = "", share = true,
		worker = import.meta.url, resume = true, lastEventId } = {}) {
		super();
		this.url = url = new URL(url, document.baseURI).href;
		this.#key = `${[url, withCredentials, !!token, key]}`;
		this.withCredentials = withCredentials;
		this.#token = token;
		this.#worker = worker;
		this.#spec = { url, withCredentials, heartbeat, hasToken: !!token };
		try {
			this.#store = resume && sessionStorage;
		} catch {
			/* A page may have none. */
		}
		this.lastEventId = lastEventId || this.#store?.[this.#key] || "";
		this.#ways = [byWorker, byLock, byItself].slice(share ? worker ? 0 : 1 : 2);
		this.#listen("addEventListener");
		this.#timer = setInterval(() => this.#ping(), heartbeat / 2);
		this.#open();
	}

	/* Leaves while the page is put away or frozen, and comes back with it. */
	handleEvent({ type }) {
		if (type === "pageshow" || type === "resume")
			return this.#link || this.#open();
		this.#unlink();
		if (this.#store)
			this.#store[this.#key] = this.lastEventId;
	}

	close() {
		this.readyState = 2;
		delete this.#store?.[this.#key];
		clearInterval(this.#timer);
		this.#listen("removeEventListener");
		this.#unlink();
	}

	#listen(way) {
		for (const type of ["pagehide", "freeze", "pageshow", "resume"])
			self[way](type, this, true);
	}

	#unlink() {
		this.#link?.post({ type: "leave" });
		this.#link?.close();
		this.#link = null;
	}

	/* The first way that works: one throws where it is not there, or fails later. */
	#open(isAgain) {
		const [way] = this.#ways;
		const fail = this.#fail = () => {
			if (way !== this.#ways[0] || this.readyState > 1)
				return;
			this.#unlink();
			this.#ways.shift();
			this.#open();
		};
		this.#pings = 0;
		if (!isAgain)
			this.#failsAt = way === byWorker && Date.now() + UNHEARD_MS_MAX;
		try {
			this.#link = way(this.#key, (what) => this.#receive(what), fail, isAgain, this.#worker);
			this.#receive({ type: "gone" });
		} catch {
			fail();
		}
	}

	/* The sharer answers each; two without an answer, and it is dead, frozen or yet to start. */
	#ping() {
		if (!this.#link)
			return;
		if (this.#pings++ < 2 || Date.now() < this.#failsAt)
			return this.#link.post({ type: "ping" });
		if (this.#failsAt)
			return this.#fail();
		this.#unlink();
		this.#open(true);
	}

	async #receive(what) {
		const { type, event, data, id } = what;
		if (this.readyState > 1)
			return;
		if (type !== "gone")
			this.#failsAt = this.#pings = 0;
		if (event) {
			this.lastEventId = id;
			this.#tell(new MessageEvent(event, { data, lastEventId: id, origin: new URL(this.url).origin }));
		} else if (type === "gone")
			this.#link?.post({ type: "join", spec: this.#spec, id: this.lastEventId });
		else if (type === "token") {
			const token = await Promise.resolve(what.isDenied).then(this.#token).catch(() => 0);
			this.#link?.post({ type, token });
		} else if (type === "late")
			this.#report(type, what);
		else if (type !== "pong" && (type !== "open" || !this.readyState)) {
			this.readyState = ["error", "open", "closed"].indexOf(type);
			if (type === "closed")
				this.close();
			this.#report(type === "open" ? type : "error", what);
			if (what.reason && what.tries > 1)
				this.#report("down", what);
		}
	}

	#report(type, detail) {
		this.#tell(new CustomEvent(type, { detail }));
	}

	#tell(event) {
		this.dispatchEvent(event);
		this[`on${event.type}`]?.(event);
	}
}

for (const any of [SharedSource, SharedSource.prototype])
	Object.assign(any, { CONNECTING: 0, OPEN: 1, CLOSED: 2 });

/* In the SharedWorker each port is a tab. */
if ("onconnect" in globalThis) {
	const sharer = new Sharer();
	onconnect = ({ ports: [port] }) => {
		port.onmessage = ({ data }) => sharer.take(port, (what) => port.postMessage(what), data);
	};
}
