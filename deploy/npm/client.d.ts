/** What a SharedSource may be told. */
export interface SharedSourceOptions {
	/** As for EventSource: send cookies to other origins too. The default is false. */
	withCredentials?: boolean;

	/**
	 * Gives the token that is sent as "Authorization: Bearer". isDenied is true
	 * when the server has answered 401 to the last one. One of the tabs is
	 * asked, whenever a stream is opened.
	 */
	token?: (isDenied: boolean) => string | undefined | Promise<string | undefined>;

	/** The server's heartbeat in milliseconds. The default is 15000. */
	heartbeat?: number;

	/** Tabs share a stream if they have the same URL, credentials and key. */
	key?: string;

	/** false: this source has a stream of its own. The default is true. */
	share?: boolean;

	/**
	 * Where this module is served by the page's own origin, for the
	 * SharedWorker; "" is for none. The default is import.meta.url, which a
	 * bundler changes.
	 */
	worker?: string | URL;

	/** Goes on where the page before it, in the same tab, was. The default is true. */
	resume?: boolean;

	/** The position to begin behind, as if an event with that id had come. */
	lastEventId?: string;
}

/** Of an event "error" or "down". */
export interface Failure {
	/** Such as "ended", "status 503" or the error of fetch; empty where it is for good. */
	reason: string;

	/** How many times it has failed without an open stream in between. */
	tries: number;
}

/** Of an event "late". */
export interface Lateness {
	/** Whether the silence is over: the stream speaks again. */
	isOver: boolean;
}

export interface SharedSourceEventMap {
	open: CustomEvent;
	message: MessageEvent<string>;
	error: CustomEvent<Failure>;
	/** It has failed twice in a row, or more often. */
	down: CustomEvent<Failure>;
	/** Nothing has come for one and a half heartbeats; or that is over. */
	late: CustomEvent<Lateness>;
}

/** An EventSource that all tabs of a browser share. */
export class SharedSource extends EventTarget {
	static readonly CONNECTING: 0;
	static readonly OPEN: 1;
	static readonly CLOSED: 2;

	constructor(url: string | URL, options?: SharedSourceOptions);

	readonly CONNECTING: 0;
	readonly OPEN: 1;
	readonly CLOSED: 2;
	readonly url: string;
	readonly withCredentials: boolean;
	readonly readyState: 0 | 1 | 2;

	/** The id of the last event that this tab has had. */
	readonly lastEventId: string;

	onopen: ((event: CustomEvent) => void) | null;
	onmessage: ((event: MessageEvent<string>) => void) | null;
	onerror: ((event: CustomEvent<Failure>) => void) | null;
	ondown: ((event: CustomEvent<Failure>) => void) | null;
	onlate: ((event: CustomEvent<Lateness>) => void) | null;

	close(): void;

	addEventListener<K extends keyof SharedSourceEventMap>(type: K,
		listener: (event: SharedSourceEventMap[K]) => void, options?: boolean | AddEventListenerOptions): void;
	addEventListener(type: string, listener: (event: MessageEvent<string>) => void,
		options?: boolean | AddEventListenerOptions): void;
	addEventListener(type: string, listener: EventListenerOrEventListenerObject | null,
		options?: boolean | AddEventListenerOptions): void;
	removeEventListener<K extends keyof SharedSourceEventMap>(type: K,
		listener: (event: SharedSourceEventMap[K]) => void, options?: boolean | EventListenerOptions): void;
	removeEventListener(type: string, listener: (event: MessageEvent<string>) => void,
		options?: boolean | EventListenerOptions): void;
	removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null,
		options?: boolean | EventListenerOptions): void;
}
