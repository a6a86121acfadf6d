// A C2SP transparency log, verified here: signed notes, checkpoints, cosignatures, policies, proofs and tiles.
// Specifications: RFC 6962 section 2.1, and c2sp.org/signed-note, /tlog-checkpoint, /tlog-cosignature, /tlog-policy,
// /tlog-proof, /tlog-tiles. It asks nobody and knows no page: bytes come in, and what is wrong is thrown as `Refused`.
// Signatures and hashes are Web Crypto's; where there is none, hashes are sha256.js's, and signatures stay unchecked.

import { sha256Here } from "./sha256.js";

const HASH_BYTES = 32;
const ID_BYTES = 4;
const TIME_BYTES = 8;
const DASH = "\u2014";
const LOG_KEY = 0x01;
const WITNESS_KEY = 0x04;
const PROOF_HEADER = "c2sp.org/tlog-proof@v1";
const NUMBER = /^(0|[1-9][0-9]{0,15})$/;

/** Hashes in a full tile, entries in a full bundle. */
export const WIDTH = 256;
const HEIGHT = 8;

/** What is wrong with a file of the log: a code as audit's own verifier has it, and a sentence. */
export class Refused extends Error {
  constructor(code, sentence) {
    super(sentence);
    this.code = code;
  }
}

// Bytes and text

const encoder = new TextEncoder();
export const toBytes = (text) => encoder.encode(text);
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const isSame = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** The text that some bytes are, if they are UTF-8 and nothing else. */
export function toText(bytes, code, what) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(code, `${what} is not UTF-8`);
  }
}

/** Standard base64, refused unless written the one way in which these bytes are written. */
function fromBase64(text, code = "bad-note") {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    if (toBase64(bytes) === text) return bytes;
  } catch {
    // told below
  }
  throw new Refused(code, `this is no base64, or not how base64 is written: '${text.slice(0, 100)}'`);
}

/** The bytes that an even number of hexadecimal digits are. */
export function fromHex(text, code, what) {
  if (typeof text !== "string" || !/^([0-9a-f]{2})*$/.test(text)) throw new Refused(code, `${what} is not hexadecimal`);
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Hashes (RFC 6962: leaves and nodes begin with another byte, so that neither can be taken for the other)

const webCrypto = () => globalThis.crypto?.subtle ?? null;

/** SHA-256, by Web Crypto where there is one. */
export async function sha256(bytes) {
  const subtle = webCrypto();
  return subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : sha256Here(bytes);
}

export const leafHash = (entry) => sha256(joined([0], entry));
const nodeHash = (left, right) => sha256(joined([1], left, right));

/** HMAC-SHA-256 (RFC 2104): what binds a record to an entry. */
export async function hmac(key, bytes) {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? await sha256(key) : key);
  const inner = await sha256(
    joined(
      block.map((byte) => byte ^ 0x36),
      bytes,
    ),
  );
  return sha256(
    joined(
      block.map((byte) => byte ^ 0x5c),
      inner,
    ),
  );
}

// Keys and signatures

/** Whether this browser can check Ed25519 signatures here: since about 2025, and in secure contexts alone. */
export async function canCheckSignatures() {
  try {
    await webCrypto().importKey("raw", new Uint8Array(HASH_BYTES).fill(1), { name: "Ed25519" }, false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

const isName = (name) => name !== "" && !/[+\s\u0085]/.test(name);

/** Reads a public key: `<name>+<id in hex>+<base64 of its kind and 32 bytes>`. */
async function parseKey(vkey) {
  const bad = new Refused("bad-key", `'${vkey.slice(0, 200)}' is no Ed25519 key of a log or a witness, or is damaged`);
  const [, name, id, encoded] = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(vkey) ?? [];
  if (name === undefined || !isName(name)) throw bad;
  const blob = fromBase64(encoded, "bad-key");
  if (blob.length !== 1 + HASH_BYTES || ![LOG_KEY, WITNESS_KEY].includes(blob[0])) throw bad;
  const sum = await sha256(joined(toBytes(`${name}\n`), blob));
  if (toHex(sum.subarray(0, ID_BYTES)) !== id) throw bad;
  return { name, id, kind: blob[0], bytes: blob.subarray(1), vkey };
}

async function isSigned(key, message, signature) {
  const made = await webCrypto().importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
  return webCrypto().verify({ name: "Ed25519" }, made, signature, message);
}

/** Reads a note strictly: a text, an empty line, and a line for each signature. */
function parseNote(bytes) {
  const whole = toText(bytes, "bad-note", "the note");
  const end = whole.lastIndexOf("\n\n");
  if (end < 0 || !whole.endsWith("\n") || whole.length < end + 3 || /[\x00-\x09\x0b-\x1f]/.test(whole)) {
    throw new Refused("bad-note", "a note is a text, an empty line and lines with signatures, and no other controls");
  }
  const lines = whole.slice(end + 2, -1).split("\n");
  return { text: whole.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line) {
  const [, name, encoded] = new RegExp(`^${DASH} ([^ ]*) (.*)$`).exec(line) ?? [];
  if (name === undefined || !isName(name)) throw new Refused("bad-note", `this is no signature line: '${line}'`);
  const blob = fromBase64(encoded);
  if (blob.length <= ID_BYTES) throw new Refused("bad-note", `the signature of ${name} is too short`);
  return { name, id: toHex(blob.subarray(0, ID_BYTES)), blob: blob.subarray(ID_BYTES) };
}

const timeOf = (blob) => (blob.length < TIME_BYTES ? 0n : new DataView(blob.slice().buffer).getBigUint64(0));

/**
 * What each of some keys has signed of a note.
 * Returns {key, time} for each that did; `time` is a cosignature's, in seconds since 1970, else null.
 * Throws `bad-signature` for a line that bears a key's name and id and was not made with it.
 */
async function signedBy(note, keys) {
  const found = new Map();
  for (const { name, id, blob } of note.signatures) {
    const key = keys.find((each) => each.name === name && each.id === id);
    if (!key) continue;
    const isWitness = key.kind === WITNESS_KEY;
    const time = isWitness ? timeOf(blob) : null;
    const message = toBytes(isWitness ? `cosignature/v1\ntime ${time}\n${note.text}` : note.text);
    if (!(await isSigned(key, message, isWitness ? blob.slice(TIME_BYTES) : blob))) {
      throw new Refused("bad-signature", `the note bears the name of ${name}, and ${name} did not sign it`);
    }
    found.set(name, { key, time: time === null ? null : Number(time) });
  }
  return [...found.values()];
}

/** The cosignatures' times as they are written in a note, unchecked: by name, in seconds since 1970. */
export function timesIn(note, keys) {
  const lines = note.signatures.filter(({ name, id }) => keys.some((key) => key.name === name && key.id === id));
  return new Map(lines.map(({ name, blob }) => [name, Number(timeOf(blob))]));
}

// Checkpoints and policies

/** Reads a checkpoint, whose signatures are still to be verified: {origin, size, root, note, raw}. */
export function parseCheckpoint(raw) {
  const note = parseNote(raw);
  const lines = note.text.split("\n");
  const size = Number(lines[1]);
  if (lines.length !== 4 || lines[3] || !lines[0] || !NUMBER.test(lines[1]) || !Number.isSafeInteger(size)) {
    throw new Refused("bad-checkpoint", "a checkpoint is an origin, a size and a root, a line each");
  }
  const root = fromBase64(lines[2], "bad-checkpoint");
  if (root.length !== HASH_BYTES) throw new Refused("bad-checkpoint", `a root has ${HASH_BYTES} bytes`);
  return { origin: lines[0], size, root, note, raw };
}

/** Reads a policy of one log and one group of witnesses: {log, witnesses, quorum}. */
export async function parsePolicy(text) {
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text)) {
    throw new Refused("bad-policy", "a policy has no other control characters than tabs and newlines");
  }
  const groups = new Map([["none", { needed: 0, members: [] }]]);
  const witnesses = new Map();
  let [log, quorum] = [null, null];
  for (const line of text.split("\n")) {
    const words = line.match(/[^ \t]+/g) ?? [];
    const bad = new Refused("bad-policy", `this line is no part of a policy of one log: '${line.slice(0, 200)}'`);
    const [kind, name, value, ...members] = words;
    if (kind === undefined || kind.startsWith("#")) continue;
    if (kind === "log" && !log && words.length <= 3) {
      log = await keyOf(name, LOG_KEY);
    } else if (kind === "witness" && [3, 4].includes(words.length) && !groups.has(name)) {
      const key = await keyOf(value, WITNESS_KEY);
      const isKnown = [...witnesses.values()].some(
        (other) => other.name === key.name || isSame(other.bytes, key.bytes),
      );
      if (isKnown) throw new Refused("bad-policy", `'${value}' has the key or the name of another witness`);
      witnesses.set(name, key);
      groups.set(name, { needed: 1, members: [name] });
    } else if (kind === "group" && !groups.has(name) && members.every((each) => witnesses.has(each))) {
      const count = new Set(members).size;
      const needed = { any: 1, all: count }[value] ?? (/^[1-9]\d{0,3}$/.test(value) ? Number(value) : 0);
      if (members.length !== count || needed < 1 || needed > count) throw bad;
      groups.set(name, { needed, members });
    } else if (kind === "quorum" && words.length === 2 && quorum === null && groups.has(name)) {
      quorum = groups.get(name);
    } else {
      throw bad;
    }
  }
  if (!log || !quorum) throw new Refused("bad-policy", "a policy names the key of a log, and ends with a quorum");
  const members = quorum.members.length ? quorum.members : [...witnesses.keys()];
  return { log, witnesses: members.map((name) => witnesses.get(name)), quorum: quorum.needed };
}

async function keyOf(vkey, kind) {
  const key = await parseKey(vkey ?? "");
  if (key.kind !== kind) throw new Refused("bad-key", `'${vkey}' is a key of another kind`);
  return key;
}

/** Demands that a checkpoint is of the policy's log, and bears the log's signature. */
export async function demandLog(checkpoint, policy) {
  if (checkpoint.origin !== policy.log.name) {
    throw new Refused("wrong-log", `this is a checkpoint of '${checkpoint.origin}', not of '${policy.log.name}'`);
  }
  if (!(await signedBy(checkpoint.note, [policy.log])).length) {
    throw new Refused("not-signed", `the log '${policy.log.name}' has not signed this checkpoint with its key`);
  }
}

/** Demands the cosignatures of as many witnesses as the policy says; returns {key, time} of those that signed. */
export async function demandWitnesses(checkpoint, policy) {
  const signed = await signedBy(checkpoint.note, policy.witnesses);
  if (signed.length < policy.quorum) {
    const missing = policy.witnesses.filter((key) => !signed.some((each) => each.key === key)).map((key) => key.name);
    const sentence = `${signed.length} of the ${policy.quorum} witnesses needed have signed this checkpoint`;
    throw new Refused("no-quorum", `${sentence}; missing: ${missing.join(", ")}`);
  }
  return signed;
}

/** The checkpoint in a signed note that a policy believes, with the witnesses that signed it. */
export async function openCheckpoint(raw, policy) {
  const checkpoint = parseCheckpoint(raw);
  await demandLog(checkpoint, policy);
  return { ...checkpoint, witnesses: await demandWitnesses(checkpoint, policy) };
}

// Proofs

/** Reads a proof file: {index, path, checkpoint (its bytes)}. */
export function parseProof(raw) {
  const end = raw.findIndex((byte, at) => byte === 10 && raw[at + 1] === 10);
  const lines = toText(raw.subarray(0, Math.max(end, 0)), "bad-proof", "the proof").split("\n");
  if (end < 0 || lines.shift() !== PROOF_HEADER) {
    throw new Refused("bad-proof", `a proof begins with '${PROOF_HEADER}' and holds a checkpoint after an empty line`);
  }
  if (lines[0]?.startsWith("extra ")) lines.shift(); // nothing vouches for it
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "") ?? [];
  if (index === undefined || !Number.isSafeInteger(Number(index))) {
    throw new Refused("bad-proof", "a proof says 'index N' in its second line");
  }
  const path = lines.map((line) => fromBase64(line, "bad-proof"));
  if (path.some((hash) => hash.length !== HASH_BYTES)) throw new Refused("bad-proof", "a hash in a proof has 32 bytes");
  return { index: Number(index), path, checkpoint: raw.subarray(end + 2) };
}

const half = (number) => Math.floor(number / 2);

/** Checks that the entry with this leaf hash stands at `index` of the tree with this size and root. */
export async function verifyInclusion(leaf, index, size, path, root) {
  let [merged, at, last] = [leaf, index, size - 1];
  const wrong = new Refused("not-included", `this is no proof of entry ${index} in a tree of ${size} entries`);
  if (!(index >= 0 && index < size)) throw wrong;
  for (const sibling of path) {
    if (last === 0) throw wrong;
    // An odd last node has no sibling on its level; it moves up until it has one.
    while (at === last && at % 2 === 0) [at, last] = [half(at), half(last)];
    merged = at % 2 ? await nodeHash(sibling, merged) : await nodeHash(merged, sibling);
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0) throw wrong;
  if (!isSame(merged, root)) {
    const sentence = "is not what the proof was made for: it leads to another root of the tree";
    throw new Refused("not-included", `entry ${index} ${sentence}`);
  }
}

/** Checks that the tree with this size and root begins with the one of `old` entries and `oldRoot`. */
export async function verifyConsistency(old, oldRoot, size, root, proof) {
  const sentence = `the tree of ${size} entries does not begin with the tree of ${old} that was seen before`;
  const refused = new Refused("inconsistent", sentence);
  if (old === 0 && !proof.length && isSame(oldRoot, await sha256(new Uint8Array()))) return;
  if (old === size && !proof.length && isSame(oldRoot, root)) return;
  if (!(old > 0 && old < size)) throw refused;
  let [at, last] = [old - 1, size - 1];
  while (at % 2) [at, last] = [half(at), half(last)];
  const hashes = at === 0 ? [oldRoot, ...proof] : [...proof];
  if (!hashes.length) throw refused;
  let [mergedOld, merged] = [hashes[0], hashes[0]];
  for (const sibling of hashes.slice(1)) {
    if (last === 0) throw refused;
    if (at % 2 || at === last) {
      mergedOld = await nodeHash(sibling, mergedOld);
      merged = await nodeHash(sibling, merged);
      while (at % 2 === 0 && at) [at, last] = [half(at), half(last)];
    } else {
      merged = await nodeHash(merged, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0 || !isSame(mergedOld, oldRoot) || !isSame(merged, root)) throw refused;
}

// Tiles

/** How many hashes or entries a tile has in a tree of `size` entries; `level` is null for a bundle of entries. */
export function widthOf(level, number, size) {
  const hashes = Math.floor(size / 2 ** (HEIGHT * (level ?? 0)));
  return Math.max(0, Math.min(WIDTH, hashes - number * WIDTH));
}

/** Where a tile is, below the log's prefix. */
export function tilePath(level, number, width) {
  const digits = String(number);
  const parts = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g);
  const name = parts.map((part, at) => (at < parts.length - 1 ? `x${part}` : part)).join("/");
  return `tile/${level ?? "entries"}/${name}${width === WIDTH ? "" : `.p/${width}`}`;
}

/** The rows of tiles of a tree: first {level: null} for the bundles, then level 0 up; {level, full, partial}. */
export function rowsOf(size) {
  const rows = [{ level: null, full: Math.floor(size / WIDTH), partial: size % WIDTH }];
  for (let [level, hashes] = [0, size]; hashes; [level, hashes] = [level + 1, Math.floor(hashes / WIDTH)]) {
    rows.push({ level, full: Math.floor(hashes / WIDTH), partial: hashes % WIDTH });
  }
  return rows;
}

/** The entries of a bundle. */
export function unpackBundle(bundle) {
  const entries = [];
  let end = 0;
  while (end < bundle.length) {
    const start = end + 2;
    end = start + bundle[start - 2] * 256 + bundle[start - 1];
    if (!(end <= bundle.length)) throw new Refused("bundle-altered", "a bundle ends in the middle of an entry");
    entries.push(bundle.subarray(start, end));
  }
  return entries;
}

/**
 * A tree of `size` entries as its tiles show it.
 * `readTile(path)` answers the bytes of a file; what was read is kept for as long as the tree is.
 */
export class Tree {
  constructor(size, readTile) {
    this.size = size;
    this.readTile = readTile;
    this.known = new Map();
  }

  /** The root that the tiles make. */
  root() {
    return this.subtree(0, this.size);
  }

  /** The path from an entry to the root (RFC 6962, section 2.1.1). */
  async inclusion(index) {
    const path = [];
    let [start, end] = [0, this.size];
    while (end - start > 1) {
      const middle = start + split(end - start);
      path.unshift(index < middle ? await this.subtree(middle, end) : await this.subtree(start, middle));
      [start, end] = index < middle ? [start, middle] : [middle, end];
    }
    return path;
  }

  /** The proof that this tree begins with its first `old` entries (RFC 6962, section 2.1.2). */
  async consistency(old) {
    if (old === 0 || old === this.size) return [];
    const proof = [];
    let [start, end] = [0, this.size];
    while (end !== old) {
      const middle = start + split(end - start);
      proof.unshift(old <= middle ? await this.subtree(middle, end) : await this.subtree(start, middle));
      [start, end] = old <= middle ? [start, middle] : [middle, end];
    }
    if (start > 0) proof.unshift(await this.subtree(start, end));
    return proof;
  }

  /** The hash over entries `start` to `end`; `start` is where a proof splits a tree. */
  async subtree(start, end) {
    if (start === end) return sha256(new Uint8Array());
    const roots = [];
    for (let at = start; at < end;) {
      const level = Math.floor(Math.log2(end - at));
      roots.push(await this.complete(level, at));
      at += 2 ** level;
    }
    let merged = roots.pop();
    while (roots.length) merged = await nodeHash(roots.pop(), merged);
    return merged;
  }

  async complete(level, start) {
    const tileLevel = Math.floor(level / HEIGHT);
    const first = start / 2 ** (HEIGHT * tileLevel);
    const tile = await this.tile(tileLevel, Math.floor(first / WIDTH));
    let row = [];
    for (let at = 0; at < 2 ** (level % HEIGHT); at++) {
      const from = ((first % WIDTH) + at) * HASH_BYTES;
      row.push(tile.subarray(from, from + HASH_BYTES));
    }
    while (row.length > 1) {
      const pairs = row.filter((_, at) => at % 2 === 0);
      row = await Promise.all(pairs.map((left, at) => nodeHash(left, row[2 * at + 1])));
    }
    return row[0];
  }

  async tile(level, number) {
    const width = widthOf(level, number, this.size);
    const path = tilePath(level, number, width);
    if (!this.known.has(path)) this.known.set(path, await this.readTile(path));
    const hashes = this.known.get(path);
    if (hashes.length !== width * HASH_BYTES) {
      throw new Refused("tile-altered", `${path} should have ${width * HASH_BYTES} bytes, and has ${hashes.length}`);
    }
    return hashes;
  }
}

/** The largest power of two below `count`. */
function split(count) {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
