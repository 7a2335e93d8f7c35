"use strict";

/*
 * What a token says, read in the browser alone. The signature is not checked:
 * that needs the key, which the server has.
 */

const TOKEN_DETAIL = "https://mercure.rocks/authorization-detail";
const TOKEN_LIST_MAX = 10;

/* A part of a token as an object, or null. */
function tokenPart(part) {
	try {
		const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
		const text = new TextDecoder("utf-8", { fatal: true })
			.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
		const value = JSON.parse(text);
		return tokenIsObject(value) ? value : null;
	} catch {
		return null;
	}
}

function tokenIsObject(value) {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/* The token's header and claims, or null: it is no token. */
function tokenRead(text) {
	if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(text))
		return null;
	const [header, claims] = text.split(".", 2).map(tokenPart);
	return header && claims && { header, claims };
}

/* Whether it is of draft 08, as the server decides it. */
function tokenIsNew(token) {
	const typ = token?.header.typ;
	return typeof typ === "string" && /^(application\/)?at\+jwt$/i.test(typ);
}

/* A claim of any type, as text of a bearable length. */
function tokenText(value) {
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function tokenList(value) {
	const list = Array.isArray(value) ? value : [value];
	const texts = list.slice(0, TOKEN_LIST_MAX).map(tokenText);
	if (list.length > TOKEN_LIST_MAX)
		texts.push(`${list.length - TOKEN_LIST_MAX} more`);
	return texts.join(", ") || "nothing";
}

/* A time in seconds, which may be written as a text of digits. */
function tokenTime(value, isWrong, word) {
	const isTime = typeof value === "number" ||
		typeof value === "string" && /^\d+(\.\d+)?$/.test(value);
	const date = new Date(isTime ? 1000 * value : NaN);
	if (!isTime)
		return `${tokenText(value)}, which is no time`;
	const text = isNaN(date) ? tokenText(value) : date.toLocaleString();
	return isWrong(1000 * value) ? `${text}: ${word}` : text;
}

/* A topic of a detail: how it matches is said, unless it is the usual way. */
function tokenTopic(topic) {
	const { match, match_type: type } = tokenIsObject(topic) ? topic : { match: topic };
	if (match === undefined)
		return tokenText(topic);
	return type === undefined || type === "exact" ? match : `${tokenText(match)} (${tokenText(type)})`;
}

/* The topics that the token is for, by dialect: [[dialect, topics], ...]. */
function tokenRights(claims, action) {
	const rights = [];
	const old = claims["https://mercure.rocks/"] ?? claims.mercure;
	const details = claims.authorization_details;
	if (Array.isArray(old?.[action]))
		rights.push(["mercure", old[action]]);
	for (const detail of Array.isArray(details) ? details : []) {
		if (detail?.type === TOKEN_DETAIL && Array.isArray(detail.actions) &&
		    detail.actions.includes(action) && Array.isArray(detail.topics))
			rights.push(["authorization_details", detail.topics.map(tokenTopic)]);
	}
	return rights;
}

function tokenRightsText(claims, action) {
	return tokenRights(claims, action).map(([dialect, topics]) =>
		`${tokenList(topics)} (${dialect})`).join("; ") || "nothing";
}

/* What is shown of a token: [[term, text], ...]. */
function tokenRows({ header, claims }) {
	const now = Date.now();
	const given = [
		["Algorithm", header.alg, tokenText],
		["Issuer", claims.iss, tokenText],
		["Audience", claims.aud, tokenList],
		["Not before", claims.nbf, (value) => tokenTime(value, (ms) => ms > now, "not valid yet")],
		["Expires", claims.exp, (value) => tokenTime(value, (ms) => ms <= now, "expired")],
	];
	return [...given.map(([term, value, toText]) => [term, value === undefined ? "not said" : toText(value)]),
		["May publish", tokenRightsText(claims, "publish")],
		["May subscribe", tokenRightsText(claims, "subscribe")]];
}

/* Shows what is in the field of the key. */
function tokenShow() {
	const text = $("publish-key").value.trim();
	const token = tokenRead(text);
	const cells = token ? tokenRows(token).flat() : [];
	setText("publish-token-note", !text ? "" : token ?
		"What the token says; the server checks its signature:" : "This is not a token, but a key.");
	$("publish-token-note").hidden = !text;
	$("publish-token").hidden = !token;
	$("publish-token").replaceChildren(...cells.map((cell, i) => {
		const element = document.createElement(i % 2 ? "dd" : "dt");
		element.textContent = cell;
		return element;
	}));
}

for (const type of ["input", "change"])
	$("publish-form").addEventListener(type, tokenShow);
addEventListener("pageshow", tokenShow);
/* The field is empty by then. */
addEventListener("pagehide", tokenShow);
