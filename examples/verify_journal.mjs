// Verify exported journals with nothing but Node, by docs/journal-format.md.
//
//     node verify_journal.mjs [--on DAY] [--at SEQUENCE] [--alone] [EXPORT.jsonl ...]
//
// Print the head with the root of the tree, and the balances: at the end, or on each DAY of service
// and at each SEQUENCE. Where an export is not sound, print the line and the rule that it breaks,
// and exit with 1, or with 2 where a file cannot be read. Without a file, read standard input.
//
// Of banks that agreed with each other, the records of each two are compared, but with --alone: print
// what stands on their accounts, how many signatures were checked, and what is under way; or the
// record of one of them that the other one contradicts.
//
// Every integer of a record is a BigInt here, so that no sum is ever rounded.

import { createHash, createPublicKey, verify as isSignedBy } from "node:crypto";
import { readFileSync } from "node:fs";

const MAX = 2n ** 53n;
const TEXTS = ["name", "note", "reason"];
// What is said of an exchange, and may be amended.
const SAID = ["area", "category", "from", "note", "resource", "tags", "to"];
// The same, where an offer to another bank says it: under these names.
const inOffers = (name) => ({ from: "started_at", to: "ended_at" })[name] ?? name;
// Ids of operations that begin so are the library's own.
const OWN_IDS = ["due:", "peer:", "cheque:"];
// Fields of a request that only what is between two banks has.
const BETWEEN = ["offer", "answer", "abandoned"];
// What no booking of an offer has.
const UNOFFERED = ["via", "source", "limits"];
const ACCOUNT_KINDS = ["member", "group", "organisation", "fund", "clearing", "issuance"];
const MONTHS = { month: 1, quarter: 3, "half-year": 6, year: 12 };
const STATUS = {
  freeze: [["open"], "frozen"],
  thaw: [["frozen"], "open"],
  close_account: [["open", "frozen"], "closed"],
  reopen: [["closed"], "open"],
};
const DAY_IN_MICROSECONDS = 86_400_000_000n;

class Refused extends Error {}

function check(ok, rule, why) {
  if (!ok) throw new Refused(`${rule}: ${shown(typeof why === "function" ? why() : why)}`);
}

function shown(words) {
  const escape = (one) => `\\u{${one.codePointAt(0).toString(16)}}`;
  return String(words).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escape);
}

const has = (object, key) => Object.hasOwn(object, key);
const sha256 = (...parts) => parts.reduce((hash, one) => hash.update(one), createHash("sha256"));

// -- the form of records ----------------------------------------------------------------------

// Strings are compared by code point: JavaScript's `<` compares UTF-16 units.
const byCodePoint = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const keys = Object.keys(value).sort(byCodePoint);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

const same = (a, b) => canonical(a) === canonical(b);

function whole(value) {
  if (typeof value === "number") return BigInt(value); // a fraction is no BigInt
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(whole);
  // Entries are defined, not assigned: a key may be called __proto__.
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, whole(one)]));
}

function decode(bytes) {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function parse(text, rule) {
  let value;
  let again;
  try {
    value = whole(JSON.parse(text));
    again = canonical(value);
  } catch (error) {
    throw new Refused(`${rule}: ${shown(error.message)}`);
  }
  // A number beyond the form was rounded when it was read, and is written otherwise. A lone
  // surrogate can only be written as an escape, which has no place in the form.
  check(again === text && !/\\ud[89a-f]/.test(unescaped(text)), rule, "not in canonical form");
  const numbers = [];
  collect(value, numbers);
  check(numbers.every((one) => -MAX <= one && one <= MAX), rule, "a number beyond 2^53");
  return value;
}

// An escaped backslash is no beginning of another escape.
const unescaped = (text) => text.replaceAll("\\\\", "");

function collect(value, numbers) {
  if (typeof value === "bigint") numbers.push(value);
  else if (typeof value === "object" && value !== null)
    for (const one of Object.values(value)) collect(one, numbers);
}

const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isBoolean = (value) => typeof value === "boolean";
const isString = (value) => typeof value === "string";
const between = (least, most = MAX) => (value) =>
  typeof value === "bigint" && least <= value && value <= most;
const oneOf = (...words) => (value) => words.includes(value);
const orNull = (test) => (value) => value === null || test(value);
const arrayOf = (test, least = 1, most = Infinity) => (value) =>
  Array.isArray(value) && least <= value.length && value.length <= most && value.every(test);
const tuple = (...tests) => (value) =>
  Array.isArray(value) && value.length === tests.length && tests.every((t, i) => t(value[i]));

function compare(a, b) {
  if (isString(a)) return byCodePoint(a, b);
  if (!Array.isArray(a)) return a < b ? -1 : a > b ? 1 : 0;
  for (const [i, one] of a.entries()) {
    const order = compare(one, b[i]);
    if (order) return order;
  }
  return 0;
}

const isRising = (values) => values.every((one, i) => i === 0 || compare(values[i - 1], one) < 0);
const risingArray = (test, most) => (value) => arrayOf(test, 1, most)(value) && isRising(value);

// The tables of ids: ranges of code points.
const ranges = (words) =>
  words.split(" ").map((word) => word.split("-").map((point) => parseInt(point, 16)));
const isIn = (point, table) =>
  table.some((range) => range[0] <= point && point <= range[range.length - 1]);
const NOWHERE = ranges(
  "0-1F 7F-9F AD 600-605 61C 6DD 70F 890-891 8E2 180E 200B 200E-200F 2028-202E 2060-206F " +
    "D800-DFFF FEFF FFF9-FFFB 110BD 110CD 13430-1343F 1BCA0-1BCA3 1D173-1D17A E0000-E007F",
);
const BLANKS = ranges("20 A0 1680 2000-200A 202F 205F 3000");
const SCRIPTS = [
  "620-65F 66E-6D3 6D5 6EE-6EF 6FA-6FF 750-77F 8A0-8C9",
  "710-74F",
  "900-963 970-97F",
  "980-9E3 9F0-9FF",
  "A00-A63 A70-A7F",
  "A80-AE3 AF0-AFF",
  "B00-B63 B70-B7F",
  "B80-BE3 BF0-BFF",
  "C00-C63 C70-C7F",
  "C80-CE3 CF0-CFF",
  "D00-D63 D70-D7F",
  "D80-DE3 DF0-DFF",
  "1780-17D3",
].map(ranges);

// A joiner stands only between two characters of one script.
function isSeen(point, i, points) {
  if (point !== 0x200c && point !== 0x200d) return !isIn(point, NOWHERE);
  const [before, behind] = [points[i - 1] ?? -1, points[i + 1] ?? -1];
  return SCRIPTS.some((script) => isIn(before, script) && isIn(behind, script));
}

// An id of up to so many characters, which are code points.
const text = (most) => (value) => {
  if (!isString(value) || value === "") return false;
  const points = [...value].map((one) => one.codePointAt(0));
  return (
    points.length <= most &&
    !isIn(points[0], BLANKS) &&
    !isIn(points.at(-1), BLANKS) &&
    points.every(isSeen) &&
    value.normalize("NFC") === value
  );
};
const identifier = text(128);
const label = text(200);
const seconds = between(-MAX);
const positive = between(1n);

function isDay(value) {
  if (!isString(value) || !/^\d{4}-\d\d-\d\d$/.test(value) || value < "0001") return false;
  const time = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(time) && dayOf(time / 864e5) === value;
}

const isTime = (value) => isString(value) && /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(value);
const isHash = (value) => isString(value) && /^[0-9a-f]{64}$/.test(value);
const isLimit = (value) => value === null || value === "inherit" || seconds(value);
const isOwnLimit = (value) => value === null || seconds(value);
const moved = arrayOf(tuple(identifier, seconds), 2);

function isSide(value) {
  const lines = arrayOf(tuple(identifier, positive), 1, 1000)(value);
  return lines && isRising(value.map(([account]) => account));
}

function isSource(value) {
  if (isString(value)) return label(value);
  const pairs = arrayOf(tuple(label, label), 1, 20)(value);
  return pairs && isRising(value.map(([name]) => name));
}

function isShare(value) {
  const found = isString(value) && /^([1-9]\d{0,6})(?:\/([1-9]\d{0,6}))?$/.exec(value);
  if (!found) return false;
  const [above, below] = [BigInt(found[1]), BigInt(found[2] ?? 1)];
  if (found[2] === undefined ? above !== 1n : below === 1n) return false;
  return divisor(above, below) === 1n && above <= below && below <= 1_000_000n;
}

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

// A field whose name ends in "?" may be left out.
const onAccount = { account: identifier };
const withReason = { ...onAccount, "reason?": isHash };
const told = {
  "category?": label,
  "area?": label,
  "resource?": label,
  "from?": isTime,
  "to?": isTime,
  "tags?": risingArray(label, 50),
  "note?": isHash,
};
const exchanged = {
  id: identifier,
  kind: identifier,
  earners: isSide,
  spenders: isSide,
  "occurred_on?": isDay,
  ...told,
  "via?": identifier,
  "source?": isSource,
  "limits?": oneOf("unchecked"),
};
const part = { id: identifier, "hours?": positive, "occurred_on?": isDay };
const delegated = { ...onAccount, delegate: identifier };
const change = { account: identifier, sets: isObject };
const flagged = { "flags?": arrayOf(isObject) };
const move = { occurred_on: isDay, postings: moved, statute: identifier };
const withFee = { "fee?": moved };
const lostHead = tuple(positive, isHash);
const terms = tuple(orNull(between(0n)), orNull(between(0n)));
const head = tuple(between(0n), isHash);
// A head of another bank that was seen, and its signature where it has one.
const isSeenHead = (value) =>
  Array.isArray(value) && head(value.slice(0, 2)) && arrayOf(isString, 0, 1)(value.slice(2));
const seen = { "seen?": isSeenHead };
const toldToPeer = { "terms?": terms, ...seen };
const isTrue = oneOf(true);
// Kinds that are on an agreement; effects that only what is between two banks has.
const ON_AGREEMENTS = ["agree", "suspend_agreement", "end_agreement", "readmit"];
const OF_OFFERS = ["answer_by", "terms", "seen"];
const ASKED = {
  to: identifier,
  answer_in: positive,
  "earner?": label,
  "reverses?": identifier,
};
const RECORD = {
  format: oneOf("timebank/1"),
  journal: identifier,
  sequence: positive,
  kind: isString,
  recorded_at: seconds,
  recorded_on: isDay,
  "actor?": identifier,
  request: isObject,
  effects: isObject,
};
const SETS = {
  "kind?": oneOf(...ACCOUNT_KINDS),
  "status?": oneOf("open", "frozen", "closed", "agreed"),
  "joined_on?": orNull(isDay),
  "floor?": isLimit,
  "ceiling?": isLimit,
  "named?": isBoolean,
};
// Kind → the fields of its request, and of its effects.
const SHAPES = {
  open_account: [
    {
      ...onAccount,
      kind: oneOf(...ACCOUNT_KINDS),
      "name?": isHash,
      "joined_on?": isDay,
      "floor?": isOwnLimit,
      "ceiling?": isOwnLimit,
    },
    change,
  ],
  set_limits: [{ ...onAccount, "floor?": isLimit, "ceiling?": isLimit }, change],
  rename: [{ ...onAccount, "name?": isHash }, change],
  freeze: [withReason, change],
  thaw: [withReason, change],
  close_account: [withReason, change],
  reopen: [withReason, change],
  transfer: [
    { ...exchanged, "offer?": isObject, "answer?": isObject, "written_off?": isTrue },
    { ...move, ...withFee, ...flagged, ...toldToPeer },
  ],
  reverse: [
    { ...part, transfer: identifier, "reason?": isHash, "offer?": isObject },
    { ...move, ...withFee, reverses: positive, ...toldToPeer },
  ],
  hold: [
    { ...exchanged, "expires_in?": positive, "offer?": isObject },
    {
      lines: moved,
      reserves: arrayOf(tuple(identifier, between(0n), between(0n))),
      statute: identifier,
      "expires_at?": seconds,
      ...withFee,
      ...flagged,
      "answer_by?": seconds,
      "reverses?": positive,
      ...toldToPeer,
    },
  ],
  settle: [
    { ...part, hold: identifier, "answer?": isObject },
    { ...move, ...withFee, ...flagged, resolves: positive, ...seen },
  ],
  void: [
    {
      id: identifier,
      hold: identifier,
      "reason?": isHash,
      "abandoned?": isTrue,
      "answer?": isObject,
    },
    { resolves: positive, ...flagged },
  ],
  adopt: [{ statute: isObject }, { adopts: identifier }],
  due: [
    {
      id: identifier,
      account: identifier,
      rule: identifier,
      by: identifier,
      since: isDay,
      "period?": tuple(isDay, isDay),
    },
    { ...move, ...flagged, "basis?": seconds },
  ],
  name_delegate: [
    { ...delegated, "until?": isDay },
    { ...delegated, of: positive, until: orNull(isDay) },
  ],
  end_delegate: [delegated, { ...delegated, of: positive }],
  erase: [
    { "account?": identifier, "record?": positive, reason: isHash },
    { erased: risingArray(isHash), texts: risingArray(tuple(positive, oneOf(...TEXTS)), 1000) },
  ],
  restart_clock: [
    { reason: isHash, today: isDay },
    { statute: identifier, "ends?": risingArray(positive), "through?": isDay },
  ],
  amend: [
    { operation: identifier, ...told, "takes_away?": risingArray(oneOf(...SAID)), reason: isHash },
    { amends: positive, sets: isObject, was: isObject },
  ],
  amend_account: [
    {
      ...onAccount,
      "joined_on?": isDay,
      "kind?": oneOf("member", "group", "organisation"),
      "takes_away?": risingArray(oneOf("joined_on")),
      reason: isHash,
    },
    { ...change, was: isObject },
  ],
  close_books: [
    { "through?": isDay, reason: isHash },
    { statute: identifier, through: orNull(isDay) },
  ],
  merge: [
    { ...onAccount, into: identifier, reason: isHash },
    {
      ...onAccount,
      into: identifier,
      of: positive,
      ...move,
      postings: arrayOf(tuple(identifier, seconds), 0),
      ...flagged,
      "joined_on?": isDay,
    },
  ],
  history_lost: [{ "lost?": lostHead, reason: isHash }, { lost: lostHead }],
  agree: [
    {
      ...withReason,
      peer: identifier,
      they_may_owe: orNull(between(0n)),
      we_may_owe: orNull(between(0n)),
      "key?": isString,
      "theirs?": terms,
    },
    { ...change, of: positive },
  ],
  suspend_agreement: [{ ...onAccount, reason: isHash }, { ...onAccount, of: positive }],
  end_agreement: [{ ...onAccount, reason: isHash }, { ...change, of: positive }],
  readmit: [{ ...onAccount, head: isSeenHead, reason: isHash }, { ...onAccount, of: positive }],
  refuse: [
    { id: identifier, code: label, offer: isObject, "reason?": isHash },
    { terms, ...seen },
  ],
  issue_cheques: [
    { id: identifier, ...onAccount, cheques: between(1n, 99n) },
    { ...onAccount, of: positive },
  ],
  void_cheque: [{ id: identifier, code: label, "reason?": isHash }, { of: positive }],
};
// Kinds whose ids are of booklets of cheques, or of cheques.
const ON_CHEQUES = ["issue_cheques", "void_cheque"];
const message = {
  format: oneOf("timebank-peers/1"),
  kind: oneOf("offer", "cancel", "answer"),
  from: identifier,
  to: identifier,
};
// Kind of message → the fields of its body.
const BODIES = {
  offer: {
    ...message,
    id: identifier,
    record: positive,
    seconds: positive,
    exchange: identifier,
    occurred_on: isDay,
    answer_by: seconds,
    terms,
    "earner?": label,
    "reverses?": identifier,
    ...Object.fromEntries(SAID.map((name) => [`${inOffers(name)}?`, told[`${name}?`]])),
    "seen?": head,
  },
  cancel: { ...message, offer: isObject },
  answer: {
    ...message,
    record: positive,
    offer: isObject,
    accepted: isBoolean,
    "occurred_on?": isDay,
    "code?": label,
    terms,
    "seen?": head,
  },
};
const SIGNED = { body: isObject, "signature?": isString };

function shape(found, fields, rule) {
  for (const [name, value] of Object.entries(found)) {
    const key = has(fields, name) ? name : `${name}?`;
    check(has(fields, key), rule, `no field ${name}`);
    check(fields[key](value), rule, () => `${name} is ${canonical(value)}`);
  }
  for (const name of Object.keys(fields))
    check(name.endsWith("?") || has(found, name), rule, `${name} is missing`);
}

// -- statutes ---------------------------------------------------------------------------------

function isName(value) {
  const letters = isString(value) && /^[a-z0-9](?:[a-z0-9 -]{0,30}[a-z0-9])?$/.test(value);
  return letters && value !== "welcome" && value !== "demurrage";
}

function isKinds(value) {
  const kinds = arrayOf(oneOf(...ACCOUNT_KINDS))(value);
  return kinds && isRising(value.map((kind) => ACCOUNT_KINDS.indexOf(kind)));
}

// Rule → its fields, each with what it is where it is left out; `needed` may not be.
const needed = Symbol("needed");
const beyond = [oneOf("refuse", "flag"), "refuse"];
const kinds = [isKinds, ["member"]];
const FIELDS = {
  limits: {
    floor: [seconds, null],
    ceiling: [seconds, null],
    from_month: [between(0n, 1200n), 0n],
    beyond,
  },
  granularity: {
    unit: [positive, needed],
    rounding: [oneOf("refuse", "up", "nearest"), "refuse"],
  },
  largest_exchange: { hours: [positive, needed], beyond },
  record_within: { days: [between(0n, 36_500n), needed], beyond },
  welcome: {
    hours: [positive, needed],
    fund: [identifier, needed],
    due_back: [isBoolean, false],
    given: [oneOf("on joining", "when asked"), "on joining"],
    kinds,
  },
  dues: {
    hours: [positive, needed],
    fund: [identifier, needed],
    every: [oneOf("once", ...Object.keys(MONTHS)), "year"],
    name: [isName, "dues"],
    kinds,
    from_month: [between(0n, 1200n), 0n],
    first_period: [oneOf("whole", "months", "days", "free"), "whole"],
    unit: [positive, 1n],
    remainder_to: [oneOf("fund", "payer"), "fund"],
  },
  demurrage: {
    share: [isShare, needed],
    above: [between(0n), needed],
    fund: [identifier, needed],
    every: [oneOf(...Object.keys(MONTHS)), "half-year"],
    kinds,
    unit: [positive, 1n],
    remainder_to: [oneOf("fund", "payer"), "payer"],
  },
  fee: {
    fund: [identifier, needed],
    share: [isShare, null],
    fixed: [positive, null],
    payer: [oneOf("spender", "earner"), "spender"],
    remainder_to: [oneOf("fund", "payer"), "fund"],
    unit: [positive, 1n],
  },
};

function filled(found, name) {
  check(isObject(found), "statute", `${name} is no object`);
  const known = FIELDS[name];
  const rule = {};
  for (const [field, value] of Object.entries(found)) {
    check(has(known, field), "statute", `${name} has no ${field}`);
    const [test, left] = known[field];
    check(test(value), "statute", () => `${name}.${field} is ${canonical(value)}`);
    check(left === needed || !same(value, left), "statute", `${name}.${field} says nothing`);
  }
  for (const [field, [, left]] of Object.entries(known)) {
    check(left !== needed || has(found, field), "statute", `${name} has no ${field}`);
    rule[field] = has(found, field) ? found[field] : left;
  }
  return rule;
}

function readStatute(said) {
  for (const name of Object.keys(said))
    check(["version", "time_zone"].includes(name) || has(FIELDS, name), "statute", `no ${name}`);
  check(identifier(said.version), "statute", "no version");
  if (has(said, "time_zone"))
    check(identifier(said.time_zone) && said.time_zone !== "UTC", "statute", "time zone");
  const statute = { said, version: said.version, limits: new Map(), dues: [] };
  for (const name of Object.keys(FIELDS))
    if (name !== "limits" && name !== "dues")
      statute[name] = has(said, name) ? filled(said[name], name) : null;
  const { fee } = statute;
  check(!fee || (fee.share === null) !== (fee.fixed === null), "statute", "the fee");
  if (has(said, "limits")) {
    check(isObject(said.limits) && Object.keys(said.limits).length, "statute", "limits of none");
    for (const [kind, bands] of Object.entries(said.limits))
      statute.limits.set(kind, readBands(kind, bands));
  }
  if (has(said, "dues")) {
    check(arrayOf(isObject, 1, 12)(said.dues), "statute", "dues");
    statute.dues = said.dues.map((one) => filled(one, "dues"));
    check(isRising(statute.dues.map((one) => one.name)), "statute", "dues out of order");
  }
  return statute;
}

function readBands(kind, bands) {
  check(ACCOUNT_KINDS.includes(kind), "statute", `limits of ${kind}`);
  check(arrayOf(isObject, 1, 24)(bands), "statute", `limits of ${kind}`);
  const read = bands.map((band) => filled(band, "limits"));
  check(read[0].from_month === 0n, "statute", "no band of month 0");
  check(isRising(read.map((band) => [band.from_month, band.beyond])), "statute", "bands");
  for (const [i, { floor, ceiling, from_month: month }] of read.entries()) {
    check(floor === null || ceiling === null || floor <= ceiling, "statute", "floor and ceiling");
    const hard = read[i + 1];
    if (hard?.from_month !== month) continue;
    check(floor !== hard.floor || ceiling !== hard.ceiling, "statute", "equal bands");
    const within =
      (hard.floor === null || (floor !== null && floor >= hard.floor)) &&
      (hard.ceiling === null || (ceiling !== null && ceiling <= hard.ceiling));
    check(within, "statute", "a wider soft band");
  }
  return read;
}

function fundsOf({ fee, welcome, demurrage, dues }) {
  return new Set([fee, welcome, demurrage, ...dues].filter(Boolean).map((rule) => rule.fund));
}

function dueRule(statute, name) {
  if (name === "welcome" || name === "demurrage") return statute[name];
  return statute.dues.find((one) => one.name === name) ?? null;
}

const NO_LIMITS = [filled({}, "limits")];
const DEFAULT = readStatute({
  version: "default/1",
  limits: { member: [{ floor: -72_000n }], group: [{ floor: -72_000n }] },
});

// -- days -------------------------------------------------------------------------------------

const dayNumber = (day) => Date.parse(`${day}T00:00:00Z`) / 864e5;
const dayOf = (number) => new Date(number * 864e5).toISOString().slice(0, 10);
const later = (day, count) => dayOf(dayNumber(day) + count);
const earlier = (one, other) => (one < other ? one : other);
const split = (day) => day.split("-").map(Number);
const lastOfMonth = (year, month) => new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();

function utcDay(instant) {
  const rest = ((instant % DAY_IN_MICROSECONDS) + DAY_IN_MICROSECONDS) % DAY_IN_MICROSECONDS;
  return Number((instant - rest) / DAY_IN_MICROSECONDS);
}

function monthsBetween(first, last) {
  const [year, month, day] = split(first);
  const [lastYear, lastMonth, lastDay] = split(last);
  const months = (lastYear - year) * 12 + lastMonth - month;
  const full = Math.min(day, lastOfMonth(lastYear, lastMonth));
  return Math.max(months - (lastDay < full ? 1 : 0), 0);
}

function periodOf(every, day) {
  const [year, month] = split(day);
  const first = month - ((month - 1) % MONTHS[every]);
  const end = first + MONTHS[every] - 1;
  const two = (number) => String(number).padStart(2, "0");
  const start = day.slice(0, 4);
  return [`${start}-${two(first)}-01`, `${start}-${two(end)}-${two(lastOfMonth(year, end))}`];
}

function periodName([first, last]) {
  const month = split(last)[1];
  const months = month - split(first)[1] + 1;
  const names = {
    12: first.slice(0, 4),
    6: `${first.slice(0, 4)}-H${month / 6}`,
    3: `${first.slice(0, 4)}-Q${month / 3}`,
    1: first.slice(0, 7),
  };
  return names[months];
}

// -- arithmetic -------------------------------------------------------------------------------

const total = (lines) => lines.reduce((sum, [, one]) => sum + one, 0n);
const negative = (lines) => lines.map(([account, one]) => [account, -one]);
const max = (a, b) => (a > b ? a : b);
const min = (a, b) => (a < b ? a : b);
const up = (above, below) => (above + below - 1n) / below; // of what is not negative

function side(lines, sign) {
  return lines
    .filter(([, one]) => one * sign > 0n)
    .map(([account, one]) => [account, one * sign]);
}

// Share so many seconds as the lines do: by largest remainder, the first of equal ones.
function apportion(lines, to) {
  const sum = total(lines);
  if (sum === to) return lines;
  if (sum === 0n) return [];
  const shares = lines.map(([account, one], i) => ({
    account,
    share: (to * one) / sum,
    rest: (to * one) % sum,
    i,
  }));
  let left = to - shares.reduce((found, { share }) => found + share, 0n);
  for (const one of [...shares].sort((a, b) => compare(b.rest, a.rest) || a.i - b.i))
    if (left-- > 0n) one.share += 1n;
  return shares.filter(({ share }) => share).map(({ account, share }) => [account, share]);
}

// Whole units of `above / below` seconds: up for the fund, or down for who pays.
function inUnits({ unit, remainder_to: remainderTo }, above, below) {
  const units = remainderTo === "fund" ? up(above, below * unit) : above / (below * unit);
  return units * unit;
}

function ofShare(rule, basis) {
  const [above, below = "1"] = rule.share.split("/");
  return min(inUnits(rule, basis * BigInt(above), BigInt(below)), basis);
}

function inGranularity({ granularity }, asked) {
  if (!granularity || asked % granularity.unit === 0n) return asked;
  const { unit, rounding } = granularity;
  let units = asked / unit;
  if (rounding === "up" || (rounding === "nearest" && 2n * (asked % unit) >= unit)) units += 1n;
  check(rounding !== "refuse" && units > 0n, "unit", `${asked} seconds`);
  return units * unit;
}

// `within` is how payers share the fee of what was held.
function feeOf({ fee: rule }, earned, spent, within = []) {
  if (!rule) return [];
  const lines = (rule.payer === "spender" ? spent : earned).filter(([id]) => id !== rule.fund);
  const basis = total(lines);
  const fee = rule.fixed === null ? ofShare(rule, basis) : min(rule.fixed, basis);
  if (fee === 0n) return [];
  return [[rule.fund, fee], ...negative(apportion(within.length ? within : lines, fee))];
}

function dueAmount(rule, period, since) {
  if (!period || since === period[0] || rule.first_period === "whole") return rule.hours;
  if (rule.first_period === "free") return 0n;
  const [first, last, day] = [...period, since].map(dayNumber);
  let [above, below] = [last - day + 1, last - first + 1];
  if (rule.first_period === "months") {
    const [firstMonth, lastMonth, month] = [...period, since].map((one) => split(one)[1]);
    [above, below] = [lastMonth - month + 1, lastMonth - firstMonth + 1];
  }
  return min(inUnits(rule, rule.hours * BigInt(above), BigInt(below)), rule.hours);
}

function dueId(rule, which, account, times) {
  const end = times === 1 ? "" : `~${times}`;
  const id = `due:${rule}:${which}:${account}${end}`;
  const looksLikeOne = account.startsWith("sha256=") || /~[0-9]+$/.test(account);
  if ([...id].length <= 128 && !looksLikeOne) return id;
  return `due:${rule}:${which}:sha256=${sha256(account).digest("hex")}${end}`;
}

function movedBack(lines, count) {
  return [...negative(apportion(side(lines, 1n), count)), ...apportion(side(lines, -1n), count)];
}

// A statute whose fee is its own member's, in an exchange with another bank.
const paidBy = (statute, payer) =>
  statute.fee ? { ...statute, fee: { ...statute.fee, payer } } : statute;

// -- bodies of messages between banks ---------------------------------------------------------

function accountOf(journal) {
  if ([...journal].length <= 100) return `peer:${journal}`;
  return `peer:sha256=${sha256(journal).digest("hex")}`;
}

const sharedId = (...parts) => `peer:${sha256(parts.join("\0")).digest("hex").slice(0, 40)}`;

// The body of a signed message of some kind, whose form is checked.
function readBody(signed, ...kinds) {
  shape(signed, SIGNED, "messages");
  const { body } = signed;
  check(kinds.includes(body.kind), "messages", `${body.kind} is none`);
  shape(body, BODIES[body.kind], "messages");
  if (body.kind === "offer")
    check(has(body, "earner") !== has(body, "reverses"), "messages", "for whom");
  if (body.kind === "cancel") {
    const { from, to } = readBody({ body: body.offer }, "offer");
    check(body.from === from && body.to === to, "messages", "of another bank");
  }
  return body;
}

// A body, or of what takes an offer back the offer.
const offered = (body) => (body.kind === "cancel" ? body.offer : body);

function readAnswer(signed) {
  const answer = readBody(signed, "answer");
  const kinds = answer.accepted ? ["offer"] : ["offer", "cancel"];
  const offer = offered(readBody(answer.offer, ...kinds));
  check(answer.to === offer.from && answer.from === offer.to, "messages", "turned");
  const [one, other] = answer.accepted ? ["occurred_on", "code"] : ["code", "occurred_on"];
  check(has(answer, one) && !has(answer, other), "messages", "accepted, or refused");
  return [answer, offer];
}

const pick = (object, names) =>
  Object.fromEntries(names.filter((name) => has(object, name)).map((name) => [name, object[name]]));
const seenIn = (effects) => (has(effects, "seen") ? { seen: effects.seen.slice(0, 2) } : {});
const saidIn = (request) =>
  Object.fromEntries(
    SAID.filter((name) => has(request, name)).map((name) => [inOffers(name), request[name]]),
  );

// The offer that the record of a hold makes.
function offerBody({ journal, sequence, recorded_on: today, request, effects }) {
  const account = request.earners[0][0];
  return {
    format: "timebank-peers/1",
    kind: "offer",
    from: journal,
    to: request.offer.to,
    id: request.id,
    record: sequence,
    seconds: total(effects.lines.filter(([id]) => id === account)),
    exchange: request.kind,
    occurred_on: request.occurred_on ?? today,
    answer_by: effects.answer_by,
    terms: effects.terms,
    ...pick(request.offer, ["earner", "reverses"]),
    ...seenIn(effects),
    ...saidIn(request),
  };
}

// The answer that a record is to an offer of another bank.
function answerBody({ journal, sequence, kind, request, effects }) {
  const accepted = kind !== "refuse";
  return {
    format: "timebank-peers/1",
    kind: "answer",
    from: journal,
    to: request.offer.body.from,
    record: sequence,
    offer: request.offer,
    accepted,
    terms: effects.terms,
    ...(accepted ? { occurred_on: effects.occurred_on } : { code: request.code }),
    ...seenIn(effects),
  };
}

// -- the books --------------------------------------------------------------------------------

const joinedOf = (account) => account.joined_on ?? account.openedOn;
const isJudged = (request) => request.kind === "exchange" && !has(request, "limits");

function wasOpenOn(account, day) {
  let status = joinedOf(account) <= day ? "open" : "";
  for (const [since, then] of account.changes) if (since <= day) status = then;
  return status === "open";
}

// What is hashed before a leaf of the tree, and before a node.
const [LEAF, NODE] = [Buffer.of(0), Buffer.of(1)];

class Books {
  journal = "";
  sequence = 0n;
  digest = Buffer.alloc(0);
  digests = new Map(); // digest → the sequence of its record
  peaks = []; // the size and the hash of each perfect subtree of the tree, the largest first
  instant = -MAX;
  day = "";
  ids = new Map(); // id of an operation → sequence of its record
  accounts = new Map();
  statute = DEFAULT;
  versions = new Map([["default/1", DEFAULT]]);
  adopted = [["", DEFAULT]];
  closed = ""; // the last day of closed books
  moves = new Map(); // sequence → a transfer, settlement or dues, and what was moved back of it
  holds = new Map(); // sequence → an open hold
  operations = new Map(); // id of a transfer, hold or settlement → sequence of the first two
  said = new Map(); // sequence of a transfer or hold → what is said of it, as it was amended
  settled = new Map(); // sequence of a hold → that of its settlement
  amends = new Map(); // sequence of an amendment → that of the transfer or hold
  booklets = new Map(); // number of a booklet of cheques → its record, account and cheques
  offers = new Map(); // id of an offer to another bank → its body
  ends = new Map(); // id of an offer → the record that ended it
  answers = new Map(); // shared id → the record that answers an offer of another bank
  brought = []; // records that bring in again what both banks had agreed on
  messages = []; // records between two banks
  booked = new Set(); // ids of what was booked with another bank
  isBetween = false; // whether the record that is looked at is between two banks
  writtenOff = new Map(); // account → seconds
  lost = 0n; // of what was lost, the greatest sequence that was declared
  leaves = []; // of the tree
  subtrees = new Map(); // "first size" → the root of a perfect subtree
  sights = []; // what was seen of other banks: the account, a head, and by which record
  commitments = new Map(); // "sequence field" → commitment
  erased = new Set();
  absent = new Set();

  grow(body) {
    let peak = { size: 1, hash: sha256(LEAF, body).digest() };
    this.leaves.push(peak.hash);
    while (this.peaks.at(-1)?.size === peak.size) {
      const { size, hash } = this.peaks.pop();
      peak = { size: 2 * size, hash: sha256(NODE, hash, peak.hash).digest() };
    }
    this.peaks.push(peak);
  }

  // The root of so many leaves; that of a perfect subtree is kept.
  subtree(first, size) {
    if (size === 1) return this.leaves[first];
    const key = `${first} ${size}`;
    if (this.subtrees.has(key)) return this.subtrees.get(key);
    let half = 1;
    while (2 * half < size) half *= 2;
    const [left, right] = [this.subtree(first, half), this.subtree(first + half, size - half)];
    const root = sha256(NODE, left, right).digest();
    if (size === 2 * half) this.subtrees.set(key, root);
    return root;
  }

  record(record, body) {
    shape(record, RECORD, "fields");
    const { kind, request, effects } = record;
    check(has(SHAPES, kind), "kinds", `${kind} is none`);
    shape(request, SHAPES[kind][0], "fields");
    shape(effects, SHAPES[kind][1], "fields");
    if (this.sequence === 0n) this.begin(record.journal);
    this.sequence += 1n;
    check(record.sequence === this.sequence, "sequence", `it is ${this.sequence}`);
    check(record.journal === this.journal, "journal", "another");
    this.digests.set(this.digest.toString("hex"), this.sequence - 1n);
    this.digest = sha256(this.digest, body).digest();
    this.grow(body);
    this.clock(record);
    if (has(request, "id")) {
      check(!this.ids.has(request.id), "ids", "used before");
      const isShared = kind !== "hold" && BETWEEN.some((name) => has(request, name));
      const found = OWN_IDS.find((prefix) => request.id.startsWith(prefix));
      const entered = found === "cheque:" && kind === "transfer" && !isShared;
      const isOfCheque = ON_CHEQUES.includes(kind) || (entered && !has(request, "written_off"));
      const mine = isOfCheque ? "cheque:" : undefined;
      const own = kind === "due" ? "due:" : isShared ? "peer:" : mine;
      check(found === own, "ids", "of the library's own");
      this.ids.set(request.id, this.sequence);
    }
    for (const field of TEXTS)
      if (has(request, field)) this.commitments.set(`${this.sequence} ${field}`, request[field]);
    if (has(effects, "statute"))
      check(effects.statute === this.statute.version, "statutes", "another is in force");
    const step = this.between(kind, request);
    this.isBetween = step !== null;
    if (has(STATUS, kind)) this.setStatus(request, effects, ...STATUS[kind]);
    else if (step) {
      this[step](record, request, effects);
      this.messages.push(record);
      if (has(effects, "postings")) this.booked.add(request.id);
    } else {
      const isPlain = !OF_OFFERS.some((name) => has(effects, name));
      check(isPlain, "fields", "of an exchange between banks");
      this[kind](request, effects);
    }
  }

  begin(journal) {
    this.journal = journal;
    this.digest = sha256(`timebank/1:${journal}`).digest();
  }

  clock({ kind, recorded_at: instant, recorded_on: day }) {
    const ahead = dayNumber(day) - utcDay(instant);
    const isKept = ahead > 1 && day === this.day && kind !== "restart_clock";
    check(Math.abs(ahead) <= 1 || isKept, "recorded_on", `${day} is not the day of the instant`);
    if (kind === "restart_clock") {
      check(instant < this.instant || day < this.day, "restarts", "no record lay ahead");
    } else {
      check(instant >= this.instant, "recorded_at", "before that of the record before");
      check(day >= this.day, "recorded_on", "before that of the record before");
    }
    this.instant = instant;
    this.day = day;
  }

  account(id) {
    check(this.accounts.has(id), "accounts", `no account ${id}`);
    return this.accounts.get(id);
  }

  unmerged(id) {
    const account = this.account(id);
    check(account.mergedInto === null, "accounts", `${id} was merged`);
    return account;
  }

  // The account that stands for one that was merged.
  heir(id) {
    let heir = id;
    while (this.accounts.get(heir).mergedInto !== null) heir = this.accounts.get(heir).mergedInto;
    return heir;
  }

  // Who earns or spends is open; but the account of an agreement, which is `besides`.
  takePart(ids, besides = "", allowed = ["open"]) {
    for (const id of ids) {
      const { status } = this.account(id);
      check(allowed.includes(status) || id === besides, "accounts", `${id} is ${status}`);
    }
  }

  // -- accounts

  open_account(request, effects) {
    const { account: id, kind } = request;
    check(!this.accounts.has(id), "accounts", "opened before");
    const sets = {
      kind,
      status: "open",
      joined_on: request.joined_on ?? null,
      floor: has(request, "floor") ? request.floor : "inherit",
      ceiling: has(request, "ceiling") ? request.ceiling : "inherit",
      named: has(request, "name"),
    };
    this.sets(request, effects, sets);
    const joined = request.joined_on ?? this.day;
    check(joined <= later(this.day, 366), "accounts", "joined more than 366 days ahead");
    const account = {
      ...sets,
      opened: this.sequence,
      openedOn: this.day,
      mergedInto: null,
      balance: 0n,
      changes: [[this.day, "open"]],
      holds: new Map(),
      delegates: new Map(),
      charges: [],
      postings: [],
      merged: [],
      agreement: null,
    };
    this.accounts.set(id, account);
    this.setOwnLimits(account, sets);
  }

  sets(request, effects, expected) {
    shape(effects.sets, SETS, "fields");
    check(effects.account === request.account, "effects", "of another account");
    check(same(effects.sets, expected), "effects", "sets something else");
  }

  set_limits(request, effects) {
    const account = this.unmerged(request.account);
    check(has(request, "floor") || has(request, "ceiling"), "fields", "no limit");
    const { floor, ceiling } = { ...account, ...request };
    this.sets(request, effects, { floor, ceiling });
    check(["open", "frozen"].includes(account.status), "accounts", account.status);
    this.setOwnLimits(account, { floor, ceiling });
  }

  rename(request, effects) {
    this.unmerged(request.account);
    this.sets(request, effects, { named: has(request, "name") });
  }

  setStatus(request, effects, leaves, status) {
    const account = this.unmerged(request.account);
    this.sets(request, effects, { status });
    check(leaves.includes(account.status), "accounts", `${account.status} before`);
    if (status === "closed") {
      check(account.balance === 0n, "accounts", `closed with ${account.balance} seconds`);
      const [held, incoming] = this.reserved(account);
      check(held === 0n && incoming === 0n, "accounts", "closed with open holds");
      check(!fundsOf(this.statute).has(request.account), "accounts", "a fund is closed");
    }
    account.status = status;
    account.changes.push([this.day, status]);
  }

  name_delegate(request, effects) {
    const { account: id, delegate, until = null } = request;
    const account = this.account(id);
    const expected = { account: id, delegate, of: account.opened, until };
    check(same(effects, expected), "effects", "another delegate");
    check(account.status !== "closed", "accounts", "closed");
    check(id !== delegate, "delegates", "its own delegate");
    check(until === null || until >= this.day, "delegates", "until a day that is over");
    check(account.delegates.get(delegate) !== until, "delegates", "named so already");
    account.delegates.set(delegate, until);
  }

  end_delegate({ account: id, delegate }, effects) {
    const account = this.account(id);
    check(same(effects, { account: id, delegate, of: account.opened }), "effects", "another");
    check(account.delegates.delete(delegate), "delegates", "nobody's");
  }

  // -- what moves hours

  post(request, effects, own, fee) {
    const { postings, occurred_on: day } = effects;
    this.notClosed(day);
    check(total(postings) === 0n, "postings", "they do not sum to zero");
    check(same(postings, [...own, ...fee]), "postings", () => `not ${canonical([...own, ...fee])}`);
    check(same(effects.fee ?? [], fee), "fee", () => `not ${canonical(fee)}`);
    check(postings.every(([, one]) => one), "postings", "of nothing");
    if (!("transfer" in request) || "occurred_on" in request) // else it is the original's
      check(day <= later(this.day, 1), "occurred_on", "more than a day ahead");
    for (const [id, one] of postings) {
      const account = this.account(id);
      account.balance += one;
      check(seconds(account.balance), "postings", "a balance beyond 2^53");
      account.postings.push({ sequence: this.sequence, day, seconds: one });
      if (account.agreement) {
        check(this.isBetween, "agreements", `${id} is moved by hand`);
        account.agreement.moved += one;
      }
    }
    if (has(effects, "reverses") || !has(request, "id")) return;
    // Sequence of an open offer to another bank that moves hours back → seconds.
    const offeredBack = new Map();
    const back = { ownBack: [], feeBack: [], days: [day], offeredBack };
    this.moves.set(this.sequence, { id: request.id, own, fee, ...back });
  }

  notClosed(day) {
    check(day > this.closed, "books", `${day} is in books closed through ${this.closed}`);
  }

  flagsAre(effects, flags) {
    check(same(effects.flags ?? [], flags), "flags", () => `not ${canonical(flags)}`);
  }

  reserved(account) {
    let [held, incoming] = [0n, 0n];
    for (const hold of account.holds.values())
      if (hold.ends === null || hold.ends > this.instant) {
        held += hold.held;
        incoming += hold.incoming;
      }
    return [held, incoming];
  }

  // The band of an account, with its own limits in it; a soft one stands behind.
  bands(account) {
    const bands = this.statute.limits.get(account.kind) ?? NO_LIMITS;
    const months = account.joined_on === null ? 0 : monthsBetween(account.joined_on, this.day);
    const begun = bands.filter((one) => one.from_month <= months);
    const [hard, soft] = begun
      .filter((one) => one.from_month === begun.at(-1).from_month)
      .map((one) => ({ ...one }))
      .reverse();
    for (const name of ["floor", "ceiling"]) {
      if (account[name] === "inherit") continue;
      hard[name] = account[name];
      if (soft) soft[name] = null;
    }
    return soft ? [hard, soft] : [hard];
  }

  setOwnLimits(account, { floor, ceiling }) {
    Object.assign(account, { floor, ceiling });
    const [band] = this.bands(account);
    const sound = band.floor === null || band.ceiling === null || band.floor <= band.ceiling;
    check(sound, "limits", "a floor above its ceiling");
  }

  // A flag for each limit that is passed, or a refusal. `by` is what the rule says of it.
  flags(falls, rises, by = "") {
    const flags = [];
    for (const [rule, changes] of [["floor", negative(falls)], ["ceiling", rises]]) {
      const needs = new Map();
      for (const [id, one] of changes) needs.set(id, (needs.get(id) ?? 0n) + one);
      for (const id of [...needs.keys()].sort(byCodePoint)) {
        const wanted = needs.get(id);
        const account = this.account(id);
        const [held, incoming] = this.reserved(account);
        for (const { [rule]: limit, beyond: becomes } of wanted > 0n ? this.bands(account) : []) {
          if (limit === null) continue;
          const left =
            rule === "floor" ? account.balance - held - limit : limit - account.balance - incoming;
          if (wanted <= left) continue;
          check((by || becomes) === "flag", "limits", `${id} passes its ${rule}`);
          flags.push({ rule, account: id, limit, available: max(left, 0n), needed: wanted });
          break;
        }
      }
    }
    return flags;
  }

  late({ record_within: rule }, day) {
    if (!rule || day === null) return [];
    if (BigInt(dayNumber(this.day) - dayNumber(day)) <= rule.days) return [];
    check(rule.beyond === "flag", "days to record", day);
    return [{ rule: "days to record", days: rule.days, occurred_on: day }];
  }

  large({ largest_exchange: rule }, size) {
    if (!rule || size <= rule.hours) return [];
    check(rule.beyond === "flag", "largest exchange", `${size} seconds`);
    return [{ rule: "largest exchange", limit: rule.hours, needed: size }];
  }

  // The two sides that are asked for.
  sides(request) {
    const { earners: earned, spenders: spent } = request;
    check(total(earned) === total(spent), "sides", "they sum to something else");
    const alone = earned.length === 1 && spent.length === 1;
    check(!alone || earned[0][0] !== spent[0][0], "sides", "alike");
    check(request.kind !== "reversal", "fields", "kind is reversal");
    return [earned, spent];
  }

  // The sides, the fee and the flags of what is asked; `exact`, without a unit.
  exchange(request, day, statute = this.statute, { besides = "", exact = false } = {}) {
    let [earned, spent] = this.sides(request);
    this.takePart([...earned, ...spent].map(([id]) => id), besides);
    this.arranged(request);
    if (!isJudged(request)) return { earned, spent, fee: [], flags: [] };
    const flags = this.late(statute, day);
    const size = exact ? total(earned) : inGranularity(statute, total(earned));
    flags.push(...this.large(statute, size));
    earned = apportion(earned, size);
    spent = apportion(spent, size);
    const fee = feeOf(statute, earned, spent);
    this.takePart(fee.map(([id]) => id), besides);
    return { earned, spent, fee, flags };
  }

  arranged(request) {
    if (has(request, "via")) this.takePart([request.via], "", ["open", "frozen"]);
  }

  issue_cheques({ id, account: of, cheques }, effects) {
    const account = this.account(of);
    check(account.status === "open", "accounts", `it is ${account.status}`);
    check(same(effects, { account: of, of: account.opened }), "effects", "another account");
    const [, number] = /^cheque:([1-9]\d{0,8})$/.exec(id) ?? [];
    check(number, "cheques", `${id} is no booklet`);
    this.booklets.set(number, { record: this.sequence, account: of, cheques });
  }

  // The booklet of a cheque.
  booklet(id) {
    const found = /^cheque:([1-9]\d{0,8})-(\d\d)-(\d\d)$/.exec(id);
    check(found, "cheques", `${id} is no cheque`);
    const [, number, cheque, digits] = found;
    const expected = 98n - ((BigInt(number + cheque) * 100n) % 97n);
    check(BigInt(digits) === expected, "cheques", `the check digits are ${expected}`);
    check(this.booklets.has(number), "cheques", `no booklet ${number}`);
    const booklet = this.booklets.get(number);
    const isThere = between(1n, booklet.cheques)(BigInt(cheque));
    check(isThere, "cheques", `booklet ${number} has ${booklet.cheques}`);
    return booklet;
  }

  void_cheque({ id }, effects) {
    check(same(effects, { of: this.booklet(id).record }), "effects", "another booklet");
  }

  // What a transfer is that enters a cheque.
  enter_cheque(request) {
    const spender = this.heir(this.booklet(request.id).account);
    check(request.kind === "exchange", "cheques", `kind is ${request.kind}`);
    check(request.earners.length === 1, "cheques", "several earners");
    const spenders = request.spenders.map(([id]) => id);
    check(same(spenders, [spender]), "cheques", `the booklet is of ${spender}`);
    for (const field of ["source", "limits"])
      check(!has(request, field), "fields", `${field} of a cheque`);
  }

  transfer(request, effects) {
    if (request.id.startsWith("cheque:")) this.enter_cheque(request);
    const day = request.occurred_on ?? this.day;
    check(effects.occurred_on === day, "occurred_on", `not ${day}`);
    const { earned, spent, fee, flags } = this.exchange(request, day);
    const own = [...earned, ...negative(spent)];
    if (!has(request, "limits")) flags.push(...this.flags([...own, ...fee], [...own, ...fee]));
    this.flagsAre(effects, flags);
    this.post(request, effects, own, fee);
    this.tell(request);
  }

  // Keep what is said of a transfer or hold.
  tell(request) {
    const said = Object.fromEntries(SAID.map((name) => [name, request[name] ?? null]));
    if (has(request, "note")) said.note = this.sequence;
    this.said.set(this.sequence, said);
    this.operations.set(request.id, this.sequence);
  }

  reverse(request, effects) {
    check(has(request, "reason"), "fields", "no reason");
    this.moveBack(request, effects);
  }

  moveBack(request, effects, besides = "") {
    const found = this.moves.get(effects.reverses);
    check(found, "reversals", `record ${effects.reverses} is no transfer`);
    check(found.id === request.transfer, "reversals", `record ${effects.reverses} is ${found.id}`);
    const [first] = found.days;
    const day = request.occurred_on ?? (first > this.closed ? first : this.day);
    check(effects.occurred_on === day, "occurred_on", `not ${day}`);
    this.takePart(effects.postings.map(([id]) => id), besides, ["open", "frozen"]);
    const [own, fee] = [this.rest(found.own, found.ownBack), this.rest(found.fee, found.feeBack)];
    const left = total(side(own, 1n));
    const count = request.hours ?? left;
    check(0n < count && count <= left, "reversals", `${count} of ${left} seconds`);
    const back = movedBack(own, count);
    const feeBack = movedBack(fee, (total(side(fee, 1n)) * count) / left);
    this.post(request, effects, back, feeBack);
    found.days.push(day);
    found.ownBack.push(...back);
    found.feeBack.push(...feeBack);
  }

  // What is left of lines, each of which is moved back with the opposite sign. Accounts are those
  // of today: a line of one that was merged is of its heir, and stands where the first of it was.
  rest(lines, back) {
    const left = new Map();
    for (const [id, one] of lines) {
      const heir = this.heir(id);
      const key = `${one < 0n} ${heir}`;
      left.set(key, [heir, (left.get(key)?.[1] ?? 0n) + one]);
    }
    for (const [id, one] of back) left.get(`${one > 0n} ${this.heir(id)}`)[1] += one;
    return [...left.values()];
  }

  // -- holds

  hold(request, effects) {
    const day = request.occurred_on ?? this.day;
    this.notClosed(day);
    const { earned, spent, fee, flags } = this.exchange(request, day);
    const reserves = this.held(effects, earned, spent, fee, this.statute.fee?.payer === "spender");
    if (!has(request, "limits")) flags.push(...this.flagsOfHold(reserves));
    this.flagsAre(effects, flags);
    check(!has(effects, "reverses"), "fields", "reverses of no offer");
    this.keep(request, effects, this.statute);
  }

  // What a hold keeps of each account: to be spent, and to be earned.
  held(effects, earned, spent, fee, ofSpenders) {
    const lines = [...earned, ...negative(spent), ...fee];
    check(same(effects.lines, lines), "holds", () => `lines are not ${canonical(lines)}`);
    check(same(effects.fee ?? [], fee), "fee", () => `not ${canonical(fee)}`);
    const keeps = new Map();
    const keep = (id, spends, earns) => {
      const [held, incoming] = keeps.get(id) ?? [0n, 0n];
      keeps.set(id, [held + spends, incoming + earns]);
    };
    for (const [id, one] of spent) keep(id, one, 0n);
    for (const [id, one] of earned) keep(id, 0n, one);
    for (const [id, one] of fee)
      if (one > 0n) keep(id, 0n, one);
      else if (ofSpenders) keep(id, -one, 0n);
    const accounts = [...keeps.keys()].sort(byCodePoint);
    const reserves = accounts.map((id) => [id, ...keeps.get(id)]);
    check(same(effects.reserves, reserves), "holds", () => `reserves: ${canonical(reserves)}`);
    return reserves;
  }

  flagsOfHold(reserves) {
    return this.flags(
      reserves.map(([id, held]) => [id, -held]),
      reserves.map(([id, , incoming]) => [id, incoming]),
    );
  }

  // Keep what a hold reserves, until its end.
  keep(request, effects, statute) {
    const ends = has(request, "expires_in") ? this.instant + request.expires_in : null;
    check((effects.expires_at ?? null) === ends, "holds", `it expires at ${ends}`);
    this.holds.set(this.sequence, { request, effects, ends, statute });
    this.tell(request);
    check(ends === null || ends < MAX, "holds", "it expires too late");
    for (const [id, held, incoming] of effects.reserves) {
      const byHand = this.account(id).agreement !== null && !this.isBetween;
      check(!byHand, "agreements", `${id} is reserved by hand`);
      this.account(id).holds.set(this.sequence, { held, incoming, ends });
      const sums = this.reserved(this.account(id));
      check(sums.every((sum) => sum <= MAX), "holds", "more than 2^53 seconds");
    }
  }

  resolved(request, { resolves }) {
    const found = this.holds.get(resolves);
    check(found, "holds", "no hold that is open");
    check(found.request.id === request.hold, "holds", `it is ${found.request.id}`);
    check(found.ends === null || this.instant < found.ends, "holds", "it had expired");
    this.release(resolves);
    return found;
  }

  release(sequence) {
    for (const [id] of this.holds.get(sequence).effects.reserves)
      this.account(id).holds.delete(sequence);
    this.holds.delete(sequence);
  }

  // An open hold that is no offer to another bank, and is open no more.
  byHand(request, effects) {
    const found = this.resolved(request, effects);
    check(!has(found.request, "offer"), "offers", "an offer that has no answer");
    return found;
  }

  void(request, effects) {
    this.byHand(request, effects);
    check(!has(effects, "flags"), "flags", "of a void");
  }

  settle(request, effects) {
    const hold = this.byHand(request, effects);
    const { request: held, effects: ofHold, statute } = hold;
    const planned = held.occurred_on ?? this.day;
    const isPast = this.closed < planned && planned <= this.day;
    const day = request.occurred_on ?? (isPast ? planned : this.day);
    check(effects.occurred_on === day, "occurred_on", `not ${day}`);
    const judged = isJudged(held);
    const flags = judged ? this.late(statute, request.occurred_on ?? null) : [];
    const heldFee = ofHold.fee ?? [];
    const reserved = ofHold.lines.slice(0, ofHold.lines.length - heldFee.length);
    const all = total(side(reserved, 1n));
    let size = request.hours ?? all;
    if (judged && size !== all) size = inGranularity(statute, size);
    if (size > all && held.kind === "exchange") flags.push(...this.large(this.statute, size));
    const earned = apportion(side(reserved, 1n), size);
    const spent = apportion(side(reserved, -1n), size);
    const isShared = size <= all && statute.fee?.payer === "spender";
    const within = isShared ? side(heldFee, -1n) : [];
    const fee = judged ? feeOf(statute, earned, spent, within) : [];
    const own = [...earned, ...negative(spent)];
    this.takePart([...own, ...fee].map(([id]) => id));
    this.arranged(has(held, "via") ? { ...held, via: this.heir(held.via) } : held);
    if (size > all) flags.push(...this.surplus(ofHold.reserves, [...own, ...fee]));
    this.flagsAre(effects, flags);
    this.post(request, effects, own, fee);
    this.settled.set(effects.resolves, this.sequence);
    this.operations.set(request.id, effects.resolves);
  }

  // The surplus of a settlement is judged as if the hold were still open.
  surplus(reserves, lines) {
    const ids = new Set(lines.map(([id]) => id));
    const kept = reserves.filter(([id]) => ids.has(id));
    for (const [id, held, incoming] of kept)
      this.account(id).holds.set(0n, { held, incoming, ends: null });
    const flags = this.flags(
      [...lines, ...kept.map(([id, held]) => [id, held])],
      [...lines, ...kept.map(([id, , incoming]) => [id, -incoming])],
    );
    for (const [id] of kept) this.account(id).holds.delete(0n);
    return flags;
  }

  // -- between two banks

  // The name of what checks a record that is between two banks, null for any other.
  between(kind, request) {
    const named = [...BETWEEN, "written_off"].filter((one) => has(request, one));
    check(named.length <= 1, "fields", named.join(" and "));
    return named.length || ON_AGREEMENTS.includes(kind) ? [kind, ...named].join("_") : null;
  }

  agree(record, request, effects) {
    const { account: id, peer, they_may_owe: they, we_may_owe: we } = request;
    check(id === accountOf(peer), "agreements", `${id} is not of ${peer}`);
    check(peer !== this.journal, "agreements", "with itself");
    const sets = { status: "agreed", floor: they === null ? null : -they, ceiling: we };
    const account = this.onAgreement(request, effects, sets);
    check(account.kind === "clearing", "agreements", `of a ${account.kind}`);
    check(!fundsOf(this.statute).has(id), "agreements", "a fund");
    check(account.status !== "frozen", "accounts", "frozen");
    if (account.status !== "agreed") this.isEmpty(account);
    account.agreement ??= { peer, keys: [], moved: 0n, readmitted: 0n };
    Object.assign(account.agreement, { status: "agreed", terms: [they, we] });
    if (has(request, "key")) account.agreement.keys.push(request.key);
    this.setOfAgreement(account, sets);
  }

  // The account of a record on an agreement, whose effects are checked.
  onAgreement(request, effects, sets = null) {
    const account = this.account(request.account);
    check(effects.account === request.account, "effects", "of another account");
    check(effects.of === account.opened, "effects", `it is record ${account.opened}`);
    if (sets) this.sets(request, effects, sets);
    return account;
  }

  isEmpty(account) {
    check(account.balance === 0n, "agreements", `with ${account.balance} seconds`);
    check(same(this.reserved(account), [0n, 0n]), "agreements", "with open holds");
  }

  setOfAgreement(account, sets) {
    Object.assign(account, sets);
    account.changes.push([this.day, sets.status]);
  }

  suspend_agreement(record, request, effects) {
    this.onAgreement(request, effects);
    this.agreed(request.account).status = "suspended";
  }

  end_agreement(record, request, effects) {
    const sets = { status: "closed", floor: "inherit", ceiling: "inherit" };
    const account = this.onAgreement(request, effects, sets);
    const agreement = this.agreed(request.account);
    this.isEmpty(account);
    agreement.status = "ended";
    this.setOfAgreement(account, sets);
  }

  readmit(record, request, effects) {
    this.onAgreement(request, effects);
    this.agreed(request.account).readmitted = this.sequence;
    this.sights.push([request.account, request.head, this.sequence]);
  }

  // The agreement that an account has, which is not ended.
  agreed(id, ...statuses) {
    const { agreement } = this.account(id);
    check(agreement, "agreements", `${id} has none`);
    const allowed = statuses.length ? statuses : ["agreed", "suspended"];
    check(allowed.includes(agreement.status), "agreements", agreement.status);
    return agreement;
  }

  // The terms that the other bank is told are those of this one; the head that was seen is noted.
  toldToPeer(effects, id, agreement) {
    if (has(effects, "terms"))
      check(same(effects.terms, agreement.terms), "agreements", () => canonical(agreement.terms));
    if (has(effects, "seen")) this.sights.push([id, effects.seen, this.sequence]);
  }

  hasTerms(effects) {
    check(has(effects, "terms"), "fields", "terms is missing");
  }

  // -- what is offered to another bank

  hold_offer(record, request, effects) {
    const asked = request.offer;
    shape(asked, ASKED, "fields");
    check(has(asked, "earner") !== has(asked, "reverses"), "fields", "an earner, or a reversal");
    this.hasTerms(effects);
    for (const field of ["expires_in", "source", "limits"])
      check(!has(request, field), "offers", `with ${field}`);
    const [account, isBack] = [accountOf(asked.to), has(asked, "reverses")];
    const agreement = this.agreed(account, ...(isBack ? ["agreed", "suspended"] : ["agreed"]));
    const isToIt = request.earners.length === 1 && request.earners[0][0] === account;
    check(isToIt, "offers", `not to ${account}`);
    const isByIt = request.spenders.some(([id]) => id === account);
    check(!isByIt, "offers", `by ${account}`);
    const day = request.occurred_on ?? this.day;
    this.notClosed(day);
    check(isBack === has(effects, "reverses"), "fields", "reverses");
    const statute = isBack ? this.statute : paidBy(this.statute, "spender");
    let found;
    if (isBack) {
      const [earned, spent] = this.sides(request);
      this.offerBack(request, effects, account);
      found = { earned, spent, fee: [], flags: [] };
    } else found = this.exchange(request, day, statute, { besides: account });
    const reserves = this.held(effects, found.earned, found.spent, found.fee, true);
    if (!isBack) found.flags.push(...this.flagsOfHold(reserves));
    this.flagsAre(effects, found.flags);
    const by = this.instant + asked.answer_in;
    check(effects.answer_by === by, "offers", `it is answered by ${by}`);
    check(by < MAX, "offers", "it is answered too late");
    this.toldToPeer(effects, account, agreement);
    this.keep(request, effects, statute);
    this.offers.set(request.id, offerBody(record));
  }

  // An offer moves back what was booked for the other bank.
  offerBack(request, effects, account) {
    const { to, reverses } = request.offer;
    const original = this.ids.get(sharedId(to, reverses)) ?? 0n;
    check(effects.reverses === original, "effects", `it reverses record ${original}`);
    const found = this.moves.get(original);
    check(found && this.said.has(original), "reversals", `${original} is no transfer`);
    check(found.own.some(([id]) => id === account), "reversals", "not of the other bank");
    let left = total(side(this.rest(found.own, found.ownBack), 1n));
    for (const one of found.offeredBack.values()) left -= one;
    const wanted = total(request.earners);
    check(wanted <= left, "reversals", `${wanted} of ${left} seconds`);
    const gave = new Set(side(found.own, 1n).map(([id]) => this.heir(id)));
    const spenders = request.spenders.map(([id]) => id);
    check(spenders.every((id) => gave.has(id)), "reversals", "of another account");
    this.takePart([account, ...spenders], account, ["open", "frozen"]);
    this.arranged(request);
    found.offeredBack.set(this.sequence, wanted);
  }

  // An offer, which is open no more.
  ended(request, effects) {
    const found = this.resolved(request, effects);
    check(has(found.request, "offer"), "offers", "no offer");
    if (has(found.effects, "reverses"))
      this.moves.get(found.effects.reverses).offeredBack.delete(effects.resolves);
    return found;
  }

  settle_answer(record, request, effects) {
    const { request: held, effects: ofHold } = this.ended(request, effects);
    const account = accountOf(held.offer.to);
    const answer = this.answerTo(request.answer, this.offers.get(held.id), true);
    const shared = sharedId(this.journal, held.id);
    check(request.id === shared, "ids", `not ${shared}`);
    for (const field of ["hours", "occurred_on"])
      check(!has(request, field), "fields", `${field} of an offer`);
    const day = this.dayOf(answer.occurred_on);
    check(effects.occurred_on === day, "occurred_on", `not ${day}`);
    check(!has(effects, "flags"), "flags", "none of an answer");
    const fee = ofHold.fee ?? [];
    const own = ofHold.lines.slice(0, ofHold.lines.length - fee.length);
    this.toldToPeer(effects, account, this.account(account).agreement);
    this.post(request, effects, own, fee);
    this.settled.set(effects.resolves, this.sequence);
    this.operations.set(request.id, effects.resolves);
    if (has(ofHold, "reverses")) {
      const move = this.moves.get(ofHold.reverses);
      move.days.push(day);
      move.ownBack.push(...own);
    }
    this.ends.set(held.id, record);
  }

  // The day of what another bank booked: today, where it cannot be that one here.
  dayOf(day) {
    return this.closed < day && day <= this.day ? day : this.day;
  }

  void_answer(record, request, effects) {
    const { request: held } = this.ended(request, effects);
    this.answerTo(request.answer, this.offers.get(held.id), false);
    check(!has(effects, "flags"), "flags", "of a refusal");
    this.releaseOffer(record, held.id);
  }

  void_abandoned(record, request, effects) {
    const { request: held } = this.ended(request, effects);
    check(has(request, "reason"), "fields", "no reason");
    this.isFlagged(effects, "abandoned");
    this.releaseOffer(record, held.id);
  }

  releaseOffer(record, id) {
    const named = sharedId(this.journal, id, "void");
    check(record.request.id === named, "ids", `not ${named}`);
    this.ends.set(id, record);
  }

  isFlagged(effects, rule) {
    check(same(effects.flags ?? [], [{ rule }]), "flags", `not ${rule}`);
  }

  // The body of the answer to an offer of this bank.
  answerTo(signed, offer, accepted) {
    const [answer, theirs] = readAnswer(signed);
    const isOfBoth = answer.from === offer.to && answer.to === this.journal;
    check(isOfBoth, "offers", "an answer between others");
    check(answer.accepted === accepted, "offers", `accepted is ${answer.accepted}`);
    check(same(theirs, offer), "offers", "an answer to another offer");
    return answer;
  }

  // -- what another bank offers

  transfer_offer(record, request, effects) {
    const body = readBody(request.offer, "offer");
    this.hasTerms(effects);
    const account = this.ofOffer(request, body);
    check(!has(body, "reverses"), "offers", "a reversal");
    this.asOffered(request, body, account, "spenders");
    const agreement = this.agreed(account, "agreed");
    check(this.instant <= body.answer_by, "offers", "answered too late");
    const { occurred_on: day } = body;
    check(effects.occurred_on === day, "occurred_on", `not ${day}`);
    const options = { besides: account, exact: true };
    const { earned, spent, fee, flags } = this.exchange(
      request,
      day,
      paidBy(this.statute, "earner"),
      options,
    );
    const own = [...earned, ...negative(spent)];
    flags.push(...this.flags([...own, ...fee], [...own, ...fee]));
    this.flagsAre(effects, flags);
    this.toldToPeer(effects, account, agreement);
    this.post(request, effects, own, fee);
    this.tell(request);
    this.answers.set(request.id, record);
  }

  // The account of who made an offer to this bank; the id is checked.
  ofOffer(request, body) {
    check(body.to === this.journal, "offers", "to another bank");
    const shared = sharedId(body.from, body.id);
    check(request.id === shared, "ids", `not ${shared}`);
    return accountOf(body.from);
  }

  // What is asked is what was offered; one side is the account of the other bank.
  asOffered(request, body, account, side) {
    const other = side === "spenders" ? "earners" : "spenders";
    const own = pick(request, ["id", "offer", "answer", "note", other]);
    const asked = { kind: body.exchange, occurred_on: body.occurred_on, ...own };
    asked[side] = [[account, body.seconds]];
    for (const name of SAID)
      if (name !== "note" && has(body, inOffers(name))) asked[name] = body[inOffers(name)];
    check(same(request, asked), "offers", "something else is booked");
    check(side === "earners" || request[other].length === 1, "offers", "for several earners");
    const isOnBoth = request[other].some(([id]) => id === account);
    check(!isOnBoth, "offers", `${account} on both sides`);
    check(total(request[other]) === body.seconds, "sides", "they sum to something else");
  }

  reverse_offer(record, request, effects) {
    const body = readBody(request.offer, "offer");
    this.hasTerms(effects);
    const account = this.ofOffer(request, body);
    check(has(body, "reverses"), "offers", "no reversal");
    const shared = sharedId(this.journal, body.reverses);
    check(request.transfer === shared, "offers", `it reverses ${shared}`);
    check(request.hours === body.seconds, "offers", `${body.seconds} seconds`);
    check(!has(request, "occurred_on"), "fields", "occurred_on of an offer");
    const agreement = this.agreed(account);
    check(this.instant <= body.answer_by, "offers", "answered too late");
    const found = this.moves.get(effects.reverses);
    check(found?.own.some(([id]) => id === account), "reversals", "not of the other bank");
    this.toldToPeer(effects, account, agreement);
    this.moveBack(request, effects, account);
    this.answers.set(request.id, record);
  }

  refuse_offer(record, request, effects) {
    const body = readBody(request.offer, "offer", "cancel");
    const account = this.ofOffer(request, offered(body));
    const { agreement } = this.account(account);
    check(agreement, "agreements", `${account} has none`);
    this.toldToPeer(effects, account, agreement);
    this.answers.set(request.id, record);
  }

  // -- what is brought in again, or written off

  transfer_answer(record, request, effects) {
    const [answer, body] = readAnswer(request.answer);
    this.hasTerms(effects);
    check(answer.accepted, "offers", "it was refused");
    const isOwn = body.from === this.journal;
    check(isOwn || body.to === this.journal, "offers", "between others");
    const account = accountOf(isOwn ? body.to : body.from);
    const agreement = this.agreed(account);
    this.asOffered(request, body, account, isOwn ? "earners" : "spenders");
    let shared = sharedId(body.from, body.id);
    if (!isOwn && this.answers.has(shared)) {
      check(this.answers.get(shared).kind === "refuse", "offers", "it is booked");
      shared = sharedId(body.from, body.id, "again");
    }
    check(request.id === shared, "ids", `not ${shared}`);
    const isGivenUp = isOwn && this.offers.has(body.id);
    check(!isGivenUp || this.ends.has(body.id), "offers", "the offer is open");
    this.isFlagged(effects, isGivenUp ? "late answer" : "forgotten");
    const day = this.dayOf(body.occurred_on);
    check(effects.occurred_on === day, "occurred_on", `not ${day}`);
    const [earned, spent] = this.sides(request);
    this.takePart([...earned, ...spent].map(([id]) => id), account, ["open", "frozen"]);
    this.toldToPeer(effects, account, agreement);
    this.post(request, effects, [...earned, ...negative(spent)], []);
    this.tell(request);
    this.brought.push(record);
  }

  transfer_written_off(record, request, effects) {
    this.hasTerms(effects);
    const [earned, spent] = this.sides(request);
    check(earned.length === 1 && spent.length === 1, "sides", "of several");
    const ids = [earned[0][0], spent[0][0]];
    const found = ids.filter((id) => this.account(id).status === "agreed");
    check(found.length === 1, "agreements", "of no agreement");
    for (const field of ["occurred_on", ...UNOFFERED])
      check(!has(request, field), "fields", `${field} of a write-off`);
    check(request.kind === "write-off", "fields", `kind is ${request.kind}`);
    check(has(request, "note"), "fields", "no note");
    const [account] = found;
    this.takePart(ids, account);
    const moved = earned[0][0] === account ? total(earned) : -total(spent);
    const owed = -this.account(account).balance;
    const isOwed = min(owed, 0n) <= moved && moved <= max(owed, 0n);
    check(isOwed, "agreements", `${owed} seconds are owed`);
    this.isFlagged(effects, "written off");
    check(effects.occurred_on === this.day, "occurred_on", `not ${this.day}`);
    this.toldToPeer(effects, account, this.agreed(account));
    this.post(request, effects, [...earned, ...negative(spent)], []);
    this.tell(request);
    this.writtenOff.set(account, (this.writtenOff.get(account) ?? 0n) + moved);
  }

  // -- statutes, clocks, texts

  adopt({ statute: said }, { adopts }) {
    const statute = readStatute(said);
    const { version } = statute;
    check(adopts === version, "effects", `adopts ${version}`);
    const known = this.versions.get(version);
    check(known || !version.startsWith("default/"), "statutes", "default/ is the library's own");
    check(!known || same(known.said, said), "statutes", "other rules than before");
    for (const fund of fundsOf(statute)) {
      const account = this.account(fund);
      const usable = ["open", "frozen"].includes(account.status);
      check(usable, "statutes", `the fund ${fund} is ${account.status}`);
      check(!["member", "group"].includes(account.kind), "statutes", `${fund} is no fund`);
    }
    if (!known) this.versions.set(version, statute);
    this.statute = known ?? statute;
    this.adopted.push([this.day, this.statute]);
  }

  // From a restart on, what lies later counts as the restart's.
  restart_clock({ today }, effects) {
    check(today === this.day, "recorded_on", `today is not ${this.day}`);
    const ends = [...this.holds.keys()].filter((one) => {
      const hold = this.holds.get(one);
      return hold.ends !== null && hold.ends > this.instant;
    });
    check(same(effects.ends ?? [], ends), "holds", () => `the restart ends ${canonical(ends)}`);
    ends.forEach((one) => this.release(one));
    const through = this.closed >= this.day ? later(this.day, -1) : null;
    check((effects.through ?? null) === through, "books", `closed through ${through}`);
    this.closed = through ?? this.closed;
    const rewound = ([day, what]) => [earlier(day, this.day), what];
    this.adopted = this.adopted.map(rewound);
    for (const account of this.accounts.values()) {
      account.openedOn = earlier(account.openedOn, this.day);
      account.changes = account.changes.map(rewound);
      for (const one of account.charges)
        if (one.rule !== "welcome" && one.since > this.day) one.isDoubtful = true;
    }
  }

  erase(request, { erased, texts }) {
    check(has(request, "account") !== has(request, "record"), "fields", "an account or a record");
    if (has(request, "account")) this.unmerged(request.account);
    const found = new Set();
    for (const [record, field] of texts) {
      const place = `${record} ${field}`;
      check(record < this.sequence && this.commitments.has(place), "erasures", place);
      const isOfIt = [record, this.amends.get(record)].includes(request.record);
      check(has(request, "account") || isOfIt, "erasures", "another record");
      found.add(this.commitments.get(place));
      this.erased.add(place);
    }
    check(same(erased, [...found].sort()), "erasures", "other commitments");
  }

  // -- corrections

  // The fields that a correction names, null for those that it takes away.
  named(request, fields) {
    const away = request.takes_away ?? [];
    const given = fields.filter((name) => has(request, name));
    check(given.length + away.length, "fields", "nothing is corrected");
    check(!away.some((name) => given.includes(name)), "fields", "given, and taken away");
    const sets = Object.fromEntries(away.map((name) => [name, null]));
    for (const name of given) sets[name] = request[name];
    return sets;
  }

  // What a correction sets, and what was there.
  changed(effects, sets, now) {
    const was = Object.fromEntries(Object.keys(sets).map((name) => [name, now[name]]));
    check(same(effects.sets, sets), "effects", "sets something else");
    check(same(effects.was, was), "effects", "it was something else");
    check(!same(sets, was), "corrections", "nothing becomes another");
  }

  amend(request, effects) {
    const of = this.operations.get(request.operation);
    check(of !== undefined, "corrections", `${request.operation} is no exchange`);
    check(effects.amends === of, "effects", `it is record ${of}`);
    const sets = this.named(request, SAID);
    if (has(request, "note")) sets.note = this.sequence;
    this.changed(effects, sets, this.said.get(of));
    const moved = this.moves.get(this.settled.get(of) ?? of);
    for (const day of moved?.days ?? []) this.notClosed(day);
    Object.assign(this.said.get(of), sets);
    this.amends.set(this.sequence, of);
  }

  amend_account(request, effects) {
    const { account: id } = request;
    const account = this.unmerged(id);
    const sets = this.named(request, ["joined_on", "kind"]);
    check(effects.account === id, "effects", "of another account");
    this.changed(effects, sets, account);
    if (has(sets, "kind")) {
      const known = ["member", "group", "organisation"].includes(account.kind);
      check(known, "corrections", `it was of kind ${account.kind}`);
      const isFund = fundsOf(this.statute).has(id) && sets.kind !== "organisation";
      check(!isFund, "corrections", "a fund");
    }
    const isNear = (sets.joined_on ?? this.day) <= later(this.day, 366);
    check(isNear, "accounts", "joined more than 366 days ahead");
    Object.assign(account, sets);
  }

  close_books({ through = null }, effects) {
    check(effects.through === through, "effects", `through is not ${through}`);
    check((through ?? "") !== this.closed, "books", "they were closed so before");
    check((through ?? "") < this.day, "books", `${through} is not over`);
    this.closed = through ?? "";
  }

  history_lost({ lost }, effects) {
    check(same(lost ?? effects.lost, effects.lost), "effects", "another head");
    const [sequence, digest] = effects.lost;
    check(this.digests.get(digest) !== sequence, "losses", `record ${sequence} is there`);
    this.lost = max(this.lost, sequence);
  }

  merge({ account: id, into }, effects) {
    const [account, other] = [this.unmerged(id), this.account(into)];
    check(effects.account === id && effects.into === into, "effects", "other accounts");
    check(effects.of === other.opened, "effects", `${into} is record ${other.opened}`);
    check(id !== into, "merges", "one account");
    const isOfOneKind = account.kind === other.kind && other.kind !== "clearing";
    check(isOfOneKind, "merges", `${account.kind} and ${other.kind}`);
    const funds = [...this.versions.values()].map(fundsOf);
    const isFund = funds.some((some) => some.has(id) || some.has(into));
    check(!isFund, "merges", "a fund");
    this.takePart([into]);
    check(same(this.reserved(account), [0n, 0n]), "merges", "with open holds");
    check(effects.occurred_on === this.day, "occurred_on", `not ${this.day}`);
    const given = account.joined_on;
    const gets = given !== null && given < joinedOf(other) ? given : null;
    check((effects.joined_on ?? null) === gets, "merges", `not ${gets} as the day of joining`);
    const { balance } = account;
    const lines = [];
    if (balance > 0n) lines.push([into, balance], [id, -balance]);
    if (balance < 0n) lines.push([id, -balance], [into, balance]);
    this.flagsAre(effects, this.flags(lines, lines, "flag"));
    this.post({}, effects, lines, []);
    other.joined_on = gets ?? other.joined_on;
    other.charges.push(...account.charges);
    other.charges.sort((one, two) => compare(one.sequence, two.sequence));
    other.merged.push(account, ...account.merged);
    Object.assign(account, { status: "closed", mergedInto: into });
    account.delegates.clear();
  }

  // -- what is due

  on(day) {
    return this.adopted.filter(([first]) => first <= day).at(-1)[1];
  }

  wasInForce(version, day) {
    return this.adopted.some(([first, statute], i) => {
      const end = i + 1 < this.adopted.length ? this.adopted[i + 1][0] : "~";
      return statute.version === version && first <= day && day <= end;
    });
  }

  due(request, effects) {
    const { account: id, rule: name, by, since, period } = request;
    const account = this.account(id);
    check(this.wasInForce(by, since), "dues", `${by} was not in force on ${since}`);
    const rule = dueRule(this.versions.get(by), name);
    check(rule, "dues", `the statute has no ${name}`);
    check(rule.kinds.includes(account.kind) && id !== rule.fund, "dues", "not of this account");
    const day = since > this.closed ? since : this.day;
    check(effects.occurred_on === day, "occurred_on", `not ${day}`);
    check(name === "demurrage" || !has(effects, "basis"), "fields", "basis");
    check(since <= later(this.day, 1), "occurred_on", "more than a day ahead");
    const every = rule.every ?? "once";
    check((period !== undefined) === (every !== "once"), "dues", "the period");
    if (period) {
      check(period.join() === periodOf(every, period[0]).join(), "dues", `${period}: no ${every}`);
      check(period[0] <= since && since <= period[1], "dues", `${since} is not within ${period}`);
      check(period[1] >= account.openedOn, "dues", "of a time before it was opened");
    }
    let found;
    if (name === "welcome") found = this.welcomed(account, request, rule);
    else if (name === "demurrage") found = this.demurred(account, request, effects, rule);
    else found = this.dues(account, request, rule);
    const [which, amount] = found;
    const [first, last] = period ?? [since, since];
    const before = account.charges.filter(
      (one) => one.isDoubtful && one.rule === name && one.first === first && one.last === last,
    );
    const expected = dueId(name, which, id, before.length + 1);
    check(request.id === expected, "ids", `not ${expected}`);
    check(amount > 0n, "dues", "nothing is due");
    const [giver, receiver] = name === "welcome" ? [rule.fund, id] : [id, rule.fund];
    this.takePart([giver, receiver]);
    const lines = [[receiver, amount], [giver, -amount]];
    this.flagsAre(effects, this.flags(lines, lines, "flag"));
    this.post(request, effects, lines, []);
    const charge = { rule: name, since, first, last, isPeriod: period !== undefined, isDoubtful: false };
    account.charges.push({ ...charge, sequence: this.sequence });
  }

  left(sequence) {
    const { own, ownBack } = this.moves.get(sequence);
    return total(side(this.rest(own, ownBack), 1n));
  }

  // The last day that was charged for, without what a restart of the clock put in doubt.
  chargedThrough(account, name) {
    let last = "";
    for (const one of account.charges)
      if (one.rule === name && one.isPeriod && !one.isDoubtful && one.last > last) last = one.last;
    return last;
  }

  // The last day of the charges in doubt for any of some days, but those that were reversed.
  paidThrough(account, name, [first, last]) {
    let found = null;
    for (const one of account.charges) {
      const isOfIt = one.rule === name && one.first <= last && first <= one.last;
      if (isOfIt && one.isDoubtful && this.left(one.sequence) && one.last > (found ?? ""))
        found = one.last;
    }
    return found;
  }

  welcomed(account, { since }, rule) {
    const before = account.charges.filter((one) => one.rule === "welcome");
    const allowed = [this.day];
    if (!before.length) allowed.push(earlier(this.day, joinedOf(account)));
    check(allowed.includes(since), "dues", `a welcome of ${allowed}`);
    check(!before.some((one) => this.left(one.sequence)), "dues", "a second welcome");
    return [String(before.length + 1), rule.hours];
  }

  demurred(account, { period, since }, effects, rule) {
    check(since === period[1] && since < this.day, "dues", "before the end of the period");
    check(period[0] > this.chargedThrough(account, "demurrage"), "dues", "charged before");
    check(this.paidThrough(account, "demurrage", period) === null, "dues", "charged before");
    check(this.on(period[0]).demurrage, "dues", "the period began without the rule");
    check(wasOpenOn(account, since), "dues", `it was not open on ${since}`);
    const postings = [account, ...account.merged].flatMap((one) => one.postings);
    const counted = postings.filter(({ day }) => day <= since);
    const basis = counted.reduce((sum, one) => sum + one.seconds, 0n);
    check(effects.basis === basis, "dues", `the basis is ${basis}`);
    const amount = ofShare(rule, max(basis - rule.above, 0n));
    return [periodName(period), amount];
  }

  dues(account, request, rule) {
    const { rule: name, since, period } = request;
    if (!period) {
      const then = dueRule(this.on(joinedOf(account)), name);
      check(then?.every === "once", "dues", "joined without them");
      for (const one of account.charges)
        if (one.rule === name && !one.isPeriod)
          check(one.isDoubtful && !this.left(one.sequence), "dues", "again");
    }
    const day = this.dueDay(account, request);
    check(day === since, "dues", `they fall due on ${day}`);
    return [period ? periodName(period) : since, dueAmount(rule, period, since)];
  }

  // The first day up to `since` on which dues fall due for what is not charged. Time is gone
  // through from the day of joining, or from what was charged last, where that is later. A day on
  // which dues are for an account stands for all of its period: the next one lies behind it.
  dueDay(account, request) {
    const { rule: name, since, period } = request;
    const charged = period ? this.chargedThrough(account, name) : "";
    let number = dayNumber(joinedOf(account));
    if (charged) number = Math.max(number, dayNumber(charged) + 1);
    for (const end = dayNumber(since); number <= end; number += 1) {
      const day = dayOf(number);
      if (!this.fallsDue(account, request, day)) continue;
      if (!period) return day;
      const rule = dueRule(this.on(day), name);
      const its = periodOf(rule.every, day);
      const paid = this.paidThrough(account, name, [day, its[1]]);
      if (paid === null) {
        if (its.join() === period.join()) return day;
        if (its[1] >= account.openedOn && dueAmount(rule, its, day)) return day;
      }
      number = dayNumber(paid ?? its[1]);
    }
    return null;
  }

  fallsDue(account, request, day) {
    const rule = dueRule(this.on(day), request.rule);
    return (
      rule !== null &&
      (rule.every === "once") === !has(request, "period") &&
      rule.kinds.includes(account.kind) &&
      request.account !== rule.fund &&
      monthsBetween(joinedOf(account), day) >= rule.from_month &&
      wasOpenOn(account, day)
    );
  }

  // -- what is told

  get head() {
    return `timebank/1 ${this.journal} ${this.sequence} ${this.digest.toString("hex")}`;
  }

  get root() {
    if (!this.peaks.length) return sha256().digest("hex");
    const hashes = this.peaks.map(({ hash }) => hash);
    return hashes.reduceRight((right, left) => sha256(NODE, left, right).digest()).toString("hex");
  }

  balances({ on = "9999-12-31", at = MAX } = {}) {
    const sums = new Map();
    for (const [id, account] of [...this.accounts].sort(([a], [b]) => byCodePoint(a, b))) {
      if (account.opened > at) continue;
      const counted = account.postings.filter(({ sequence, day }) => sequence <= at && day <= on);
      sums.set(id, counted.reduce((sum, one) => sum + one.seconds, 0n));
    }
    return sums;
  }
}

// -- the lines of an export -------------------------------------------------------------------

function readLine(raw, texts, books) {
  check(raw.endsWith("}\n"), "lines", "cut off");
  const mark = raw.indexOf(',"record":');
  check(mark >= 0, "lines", "no record");
  const body = raw.slice(mark + ',"record":'.length, -2);
  const record = parse(body, "form");
  check(isObject(record), "form", "no object");
  books.record(record, body);
  const start = `{"sequence":${books.sequence},"digest":"${books.digest.toString("hex")}"`;
  check(raw.startsWith(start), "digests", `record ${books.sequence} has another`);
  const rest = raw.slice(start.length, mark);
  const fields = TEXTS.filter((field) => has(record.request, field));
  if (!texts || !fields.length) {
    check(!rest, "lines", "something is beside the record");
    return;
  }
  check(rest.startsWith(',"texts":'), "texts", "missing");
  const beside = parse(rest.slice(',"texts":'.length), "texts");
  check(isObject(beside) && same(Object.keys(beside).sort(), fields), "texts", `of ${fields}`);
  for (const [field, one] of Object.entries(beside)) {
    if (one === null) {
      books.absent.add(`${books.sequence} ${field}`);
      continue;
    }
    check(isObject(one) && same(Object.keys(one).sort(), ["salt", "text"]), "texts", field);
    check(isString(one.text) && isString(one.salt), "texts", field);
    check(/^[0-9a-f]{32}$/.test(one.salt), "texts", field);
    const isText = one.text !== "" && [...one.text].length <= 10_000 && !one.text.includes("\0");
    check(isText, "texts", `${field} is no text`);
    const found = sha256(Buffer.from(one.salt, "hex"), one.text).digest("hex");
    check(found === record.request[field], "texts", `${field} is another`);
  }
}

function firstLine(raw) {
  if (!raw.startsWith('{"export":')) return null;
  let told;
  try {
    told = JSON.parse(raw);
  } catch (error) {
    throw new Refused(`lines: ${shown(error.message)}`);
  }
  const { bank, head, texts } = told;
  const again = `${JSON.stringify({ export: "timebank/1", bank, head, texts })}\n`;
  check(again === raw, "lines", "the first line is written otherwise");
  check(identifier(bank) && isString(head) && isBoolean(texts), "lines", "the first line");
  return told;
}

function* linesOf(file) {
  for (let from = 0; from < file.length; ) {
    const found = file.indexOf(10, from);
    const end = found < 0 ? file.length : found + 1;
    yield file.subarray(from, end);
    from = end;
  }
}

function atLine(place, work) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Refused(`line ${place}: ${error.message}`);
  }
}

function textOf(line) {
  try {
    return decode(line);
  } catch {
    throw new Refused("form: not UTF-8");
  }
}

function verify(path) {
  const books = new Books();
  let told = null;
  let place = 0;
  for (const line of linesOf(readFileSync(path))) {
    place += 1;
    atLine(place, () => {
      const raw = textOf(line);
      if (place === 1) told = firstLine(raw);
      if (place > 1 || told === null) readLine(raw, told !== null && told.texts, books);
    });
  }
  return atLine(place + 1, () => {
    check(place, "lines", "there is none");
    if (told !== null && books.sequence === 0n) books.begin(told.head.split(" ")[1] ?? "");
    check(told === null || told.head === books.head, "head", "the first line has another");
    if (told !== null && told.texts)
      check(
        same([...books.absent].sort(), [...books.erased].sort()),
        "texts",
        "missing, and not erased, or the reverse",
      );
    check([...books.balances().values()].reduce((a, b) => a + b, 0n) === 0n, "balances", "not 0");
    return books;
  });
}

// -- two journals -----------------------------------------------------------------------------

// The bytes of a text in base64; none where it is another one.
function decoded(text) {
  const data = Buffer.from(text, "base64");
  return data.toString("base64") === text ? data : Buffer.alloc(0);
}

// What stands before the 32 bytes of an Ed25519 key, to make it one that Node reads.
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

// The name, the number and the key of a public key's line.
function keyOf(line) {
  const [, name, number, text] = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(line) ?? ["", "", "", ""];
  const data = decoded(text);
  const id = sha256(`${name}\n`, data).digest().subarray(0, 4);
  const sound = data.length === 33 && data[0] === 1 && id.toString("hex") === number;
  check(sound, "both: keys", `${line} is none`);
  return { name, id, data: data.subarray(1) };
}

function isSigned(raw, signature, text) {
  const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
  return isSignedBy(null, Buffer.from(text), key, signature);
}

// What a bank brought in again of offers of `own` to `peer`.
function broughtBy(books, own, peer) {
  return books.brought
    .map((record) => [record, ...readAnswer(record.request.answer)])
    .filter(([, , offer]) => offer.from === own.journal && offer.to === peer.journal);
}

const agreementOf = (own, peer) => own.accounts.get(accountOf(peer.journal))?.agreement ?? null;

// What two banks did with each other, by the journals of both.
class Pair {
  signatures = 0;
  underWay = []; // lines: what only one of the two has booked, or none yet
  difference = 0n; // and the sum of the first

  constructor(one, other) {
    this.banks = [one, other];
    const both = [[one, other], [other, one]];
    for (const [own, peer] of both) {
      this.sights(own, peer);
      this.messages(own);
      this.offers(own, peer);
    }
    this.mirrors = both.map(([own, peer]) => agreementOf(own, peer)?.moved ?? 0n);
    let expected = this.difference;
    for (const [own, peer] of both) expected += own.writtenOff.get(accountOf(peer.journal)) ?? 0n;
    const sum = this.mirrors[0] + this.mirrors[1];
    check(sum === expected, "both: mirrors", `they differ by ${sum} seconds, not ${expected}`);
  }

  check(ok, books, sequence, rule, why) {
    check(ok, `record ${sequence} of ${books.journal}: ${rule}`, why);
  }

  // Each head that a bank saw is one of the other. What the other has lost, as it declares, is not
  // there, nor that for which a board has taken another head since.
  sights(own, peer) {
    const taken = agreementOf(own, peer)?.readmitted ?? 0n;
    for (const [account, [size, root, ...signed], sequence] of own.sights) {
      if (account !== accountOf(peer.journal)) continue;
      if (size <= peer.leaves.length) {
        const found = (size ? peer.subtree(0, Number(size)) : sha256().digest()).toString("hex");
        const why = `${peer.journal} has the root ${found} at record ${size}`;
        const isGone = size <= peer.lost || sequence < taken;
        this.check(found === root || isGone, own, sequence, "heads", why);
      }
      for (const line of signed) {
        const note = Buffer.from(root, "hex").toString("base64");
        const text = `timebank/${peer.journal}\n${size}\n${note}\n`;
        this.signed(own, sequence, peer.journal, text, line);
      }
    }
  }

  // Whether a journal must have what the other bank keeps of its record of a number. Of a bank that
  // has lost records messages come that it knows nothing of, also much later: it has signed them,
  // and what was booked by them is under way.
  binds(own, peer, number) {
    const hasLost = peer.lost > 0n || agreementOf(own, peer)?.readmitted;
    return number <= peer.sequence && !hasLost;
  }

  // The signatures of all that a bank keeps of the other, and of its own in that.
  messages(own) {
    const journals = this.banks.map(({ journal }) => journal);
    for (const { request, sequence } of own.messages) {
      let signed = request.offer ?? request.answer;
      while (signed !== undefined && has(signed, "body")) {
        const { body, signature } = signed;
        const isOfBoth = journals.includes(body.from) && journals.includes(body.to);
        if (signature !== undefined && isOfBoth)
          this.signed(own, sequence, body.from, `${canonical(body)}\n`, signature);
        signed = body.offer;
      }
    }
  }

  // A signature is by one of the keys that the other bank was told. One of its own a bank may have
  // made with a key that the other was told later: where that other's journal is an older one.
  signed(own, sequence, by, text, line) {
    const [signer, other] = this.banks[0].journal === by ? this.banks : [...this.banks].reverse();
    const [, name, value] = /^\u2014 ([^ ]*) (.*)$/s.exec(line) ?? ["", "", ""];
    const data = decoded(value);
    const keys = (agreementOf(other, signer)?.keys ?? []).map(keyOf);
    const key = keys.find((one) => one.name === name && one.id.equals(data.subarray(0, 4)));
    if (!key && by === own.journal && this.isOlder(own)) return;
    const holds = key !== undefined && isSigned(key.data, data.subarray(4), text);
    this.check(holds, own, sequence, "signatures", `it is not of ${by}`);
    this.signatures += 1;
  }

  // Whether the other's journal ends before a record that a bank knows of.
  isOlder(own) {
    const peer = this.banks.find((one) => one !== own);
    const heads = own.sights.filter(([account]) => account === accountOf(peer.journal));
    const known = heads.map(([, [size]]) => size);
    for (const { request } of own.messages) {
      const { body } = request.answer ?? request.offer ?? {};
      if (body?.from === peer.journal) known.push(offered(body).record);
    }
    return known.some((one) => one > peer.sequence);
  }

  // What became of the offers of a bank to the other, in both.
  offers(own, peer) {
    const found = new Map([...own.offers].filter(([, { to }]) => to === peer.journal));
    for (const [id, offer] of found) {
      const end = own.ends.get(id);
      if (end !== undefined && has(end.request, "answer")) this.answered(own, peer, end, offer);
    }
    for (const { request, sequence } of peer.answers.values()) {
      const offer = offered(request.offer.body);
      if (offer.from !== own.journal) continue;
      const known = found.get(offer.id);
      const isSame = known ? same(known, offer) : !this.binds(peer, own, offer.record);
      this.check(isSame, peer, sequence, "offers", `${own.journal} made another one`);
      if (known === undefined) found.set(offer.id, offer);
    }
    for (const [record, , offer] of broughtBy(own, own, peer)) {
      this.answered(own, peer, record, offer);
      if (!found.has(offer.id)) found.set(offer.id, offer);
    }
    for (const [, , offer] of broughtBy(peer, own, peer))
      if (!found.has(offer.id)) found.set(offer.id, offer);
    for (const offer of found.values()) this.compare(own, peer, offer);
  }

  // An answer is one that the other bank gave, or whose record it lost.
  answered(own, peer, { request, sequence }, offer) {
    const { body } = request.answer;
    const record = peer.answers.get(sharedId(own.journal, offer.id));
    const given = record === undefined ? [] : [answerBody(record)];
    given.push(...broughtBy(peer, own, peer).map(([, answer]) => answer));
    const isSame = given.some((one) => same(one, body)) || !this.binds(own, peer, body.record);
    this.check(isSame, own, sequence, "answers", `${peer.journal} gave another one`);
  }

  // Note what only one of the two has booked, and what none has ended.
  compare(own, peer, { id, seconds: count }) {
    const shared = sharedId(own.journal, id);
    const here = own.booked.has(shared);
    const there = peer.booked.has(shared) || peer.booked.has(sharedId(own.journal, id, "again"));
    if (here !== there) {
      this.difference += here ? count : -count;
      const where = here ? own.journal : peer.journal;
      this.underWay.push(`booked by ${where} alone\t${shared}\t${count}`);
    } else if (own.offers.has(id) && !own.ends.has(id))
      this.underWay.push(`offered\t${shared}\t${count}`);
  }

  get told() {
    const stands = this.banks.map(({ journal }, i) => `${journal}\t${this.mirrors[i]}`);
    return [stands.join("\t"), `signatures\t${this.signatures}`, ...this.underWay];
  }
}

function arePeers(one, other) {
  const isAgreed = agreementOf(one, other) !== null || agreementOf(other, one) !== null;
  return isAgreed && one.journal !== other.journal;
}

// -- the program ------------------------------------------------------------------------------

function usage() {
  console.error("node verify_journal.mjs [--on DAY] [--at SEQUENCE] [--alone] [EXPORT.jsonl ...]");
  process.exit(2);
}

function argumentsOf(words) {
  const [points, paths] = [[], []];
  let alone = false;
  while (words.length) {
    const word = words.shift();
    if (word === "--on" || word === "--at") {
      const value = words.shift() ?? "";
      if (word === "--on" ? !isDay(value) : !/^\d{1,15}$/.test(value)) usage();
      points.push([word.slice(2), word === "--on" ? value : BigInt(value)]);
    } else if (word === "--alone") alone = true;
    else if (word.startsWith("--")) usage();
    else paths.push(word);
  }
  return { points, paths, alone };
}

// What is refused, or cannot be read, is told, and the exit code set.
function attempt(path, work) {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Refused) && error.syscall === undefined) throw error;
    const isRefused = error instanceof Refused;
    console.error(path && isRefused ? `${path}: ${error.message}` : error.message);
    process.exitCode = isRefused ? Math.max(process.exitCode ?? 0, 1) : 2;
  }
}

const { points, paths, alone } = argumentsOf(process.argv.slice(2));
const sound = [];
for (const path of paths.length ? paths : [0]) {
  const isOfMany = paths.length > 1;
  attempt(isOfMany ? path : "", () => {
    const books = verify(path);
    const told = [`${books.head} ${books.root}`];
    for (const [name, point] of points.length ? points : [["", null]]) {
      if (name) told.push(`${name} ${point}`);
      for (const [id, sum] of books.balances(name ? { [name]: point } : {}))
        told.push(`${id}\t${sum}`);
    }
    console.log(isOfMany ? `${path}:\n${told.join("\n")}\n` : told.join("\n"));
    sound.push([path, books]);
  });
}
for (const [i, [path, books]] of sound.entries())
  for (const [other, others] of alone ? [] : sound.slice(i + 1))
    if (arePeers(books, others))
      attempt(`${path} and ${other}`, () => {
        const { told } = new Pair(books, others);
        console.log(`${path} and ${other}:\n${told.join("\n")}\n`);
      });
