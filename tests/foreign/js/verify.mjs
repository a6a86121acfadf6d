// Verifies tlog-proofs of an exported log with the code of Sigstore's client: node verify.mjs DIR [PROOF ENTRYFILE]...
// The signature of the log, the inclusion of each entry, and that a forged entry is refused. Sigstore knows no witnesses:
// cosignatures and consistency are for ../go. Prints one line of JSON; exits with 1 and a sentence at the first thing
// that is wrong.
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { verifyCheckpoint } from "@sigstore/verify/dist/tlog/checkpoint.js";
import { verifyMerkleInclusion } from "@sigstore/verify/dist/tlog/merkle.js";

function readLog(policy) {
  const lines = policy.split("\n").map((line) => line.trim().split(/[ \t]+/));
  const vkeys = lines.filter(([kind]) => kind === "log").map(([, vkey]) => vkey);
  if (vkeys.length !== 1) throw new Error(`the policy names ${vkeys.length} logs`);
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkeys[0]) ?? [];
  const key = Buffer.from(encoded ?? "", "base64");
  const sum = createHash("sha256").update(`${name}\n`).update(key).digest();
  if (key.length !== 33 || key[0] !== 1 || sum.toString("hex", 0, 4) !== id) {
    throw new Error(`${vkeys[0]} is not the key of an Ed25519 log`);
  }
  const jwk = { kty: "OKP", crv: "Ed25519", x: key.subarray(1).toString("base64url") };
  return { name, logID: sum, baseURL: `https://${name}`, publicKey: createPublicKey({ key: jwk, format: "jwk" }) };
}

function open(envelope, log) {
  const checkpoint = verifyCheckpoint({ inclusionProof: { checkpoint: { envelope } } }, [log]);
  if (checkpoint.origin !== log.name) throw new Error(`the checkpoint is of the log ${checkpoint.origin}`);
  return checkpoint;
}

function readProof(text) {
  const end = text.indexOf("\n\n");
  const lines = text.slice(0, end).split("\n");
  if (end < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw new Error("this is not a tlog-proof");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const [, logIndex] = /^index (0|[1-9][0-9]*)$/.exec(lines.shift()) ?? [];
  if (logIndex === undefined) throw new Error("the proof does not say for which index");
  return { logIndex, hashes: lines.map((line) => Buffer.from(line, "base64")), envelope: text.slice(end + 2) };
}

function accepts(proof, entry, checkpoint) {
  try {
    verifyMerkleInclusion({ canonicalizedBody: entry, inclusionProof: proof }, checkpoint);
    return true;
  } catch (error) {
    if (error.code !== "TLOG_INCLUSION_PROOF_ERROR") throw error;
    return false;
  }
}

function verifyProof(text, entry, log) {
  const proof = readProof(text);
  const checkpoint = open(proof.envelope, log);
  if (!accepts(proof, entry, checkpoint)) throw new Error(`the entry is not number ${proof.logIndex} of the tree`);
  const forged = entry.length ? Buffer.from(entry) : Buffer.alloc(1);
  forged[forged.length >> 1] ^= 1;
  if (accepts(proof, forged, checkpoint)) throw new Error("the proof also holds for a forged entry");
}

function about(what, step) {
  try {
    return step();
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
}

try {
  const [folder, ...files] = process.argv.slice(2);
  if (folder === undefined || files.length % 2) throw new Error("usage: verify.mjs DIR [PROOF ENTRYFILE]...");
  const log = about("policy", () => readLog(readFileSync(join(folder, "policy"), "utf8")));
  const checkpoint = about("checkpoint", () => open(readFileSync(join(folder, "checkpoint"), "utf8"), log));
  for (let i = 0; i < files.length; i += 2) {
    about(basename(files[i]), () => verifyProof(readFileSync(files[i], "utf8"), readFileSync(files[i + 1]), log));
  }
  const root = checkpoint.logHash.toString("base64");
  console.log(JSON.stringify({ size: Number(checkpoint.logSize), root, proofs: files.length / 2 }));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
