// Runs the console's verifier on what a test sends as JSON on stdin, [{do, ...}], and answers a list of results.
import { createHash, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

globalThis.crypto ??= webcrypto;
const [folder] = process.argv.slice(2);
const tlog = await import(pathToFileURL(`${folder}/tlog.js`));
const disclosure = await import(pathToFileURL(`${folder}/disclosure.js`));
const { sha256Here } = await import(pathToFileURL(`${folder}/sha256.js`));
const PARTS = ["record", "openingKey", "entry", "proof"];
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const short = (steps) => steps.map(({ name, state, code }) => ({ name, state, code: code ?? null }));

async function named(work) {
  try {
    return (await work()) ?? null;
  } catch (error) {
    if (!(error instanceof tlog.Refused)) throw error;
    return error.code;
  }
}

const treeOf = ({ files, size }) => new tlog.Tree(size, async (path) => bytes(files[path]));

const COMMANDS = {
  canonical: ({ record }) => disclosure.canonical(record),
  sha256: ({ lengths }) =>
    lengths.filter((length) => {
      const data = Uint8Array.from({ length }, (_, at) => at * 7);
      return tlog.toHex(sha256Here(data)) !== createHash("sha256").update(data).digest("hex");
    }),
  async check({ told, policy, signatures }) {
    const believed = await tlog.parsePolicy(policy);
    return short(await disclosure.checkDisclosure(disclosure.copyOf(told), believed, { signatures }));
  },
  /** Flips one bit of every byte, one after the other: what each part's flips were refused as, and those that were not. */
  async flipAll({ told, policy }) {
    const believed = await tlog.parsePolicy(policy);
    const copy = disclosure.copyOf(told);
    const found = Object.fromEntries(PARTS.map((part) => [part, { tries: copy[part].length, codes: [], passed: [] }]));
    for (const part of PARTS) {
      for (let at = 0; at < copy[part].length; at++) {
        const steps = await disclosure.checkDisclosure(disclosure.flipped(copy, part, at), believed);
        const failed = steps.filter(({ state }) => state === "fails");
        if (!failed.length) found[part].passed.push(at);
        found[part].codes.push(...failed.map(({ name, code }) => `${name}: ${code}`));
      }
      found[part].codes = [...new Set(found[part].codes)].sort();
    }
    return found;
  },
  open: ({ checkpoint, policy }) =>
    named(async () => {
      const opened = await tlog.openCheckpoint(bytes(checkpoint), await tlog.parsePolicy(policy));
      return { size: opened.size, witnesses: opened.witnesses.map(({ key, time }) => [key.name, time]) };
    }),
  async tree({ files, size, indexes, olds }) {
    const tree = treeOf({ files, size });
    const base64 = (hashes) => hashes.map(tlog.toBase64);
    return {
      root: tlog.toBase64(await tree.root()),
      inclusions: await Promise.all(indexes.map(async (index) => base64(await tree.inclusion(index)))),
      consistencies: await Promise.all(olds.map(async (old) => base64(await tree.consistency(old)))),
    };
  },
  consistent: ({ old, oldRoot, size, root, proof }) =>
    named(() => tlog.verifyConsistency(old, bytes(oldRoot), size, bytes(root), proof.map(bytes))),
  paths: ({ size }) =>
    tlog.rowsOf(size).flatMap(({ level, full, partial }) => {
      const widths = [...Array(full).fill(tlog.WIDTH), ...(partial ? [partial] : [])];
      return widths.map((width, number) => tlog.tilePath(level, number, width));
    }),
};

const results = [];
for (const { do: name, ...given } of JSON.parse(readFileSync(0, "utf8"))) results.push(await COMMANDS[name](given));
process.stdout.write(JSON.stringify(results));
