/* SHA-256: by the browser where it offers it, else by hand. Browsers keep Web Crypto from pages that were opened as a
   file or over plain HTTP from another machine, which is how a class opens this one. */

const ROUNDS = 64;
const BLOCK = 64;

/** The first bits of the fractional parts of a root of the first primes: FIPS 180-4, 4.2.2 and 5.3.3. */
function rootsOfPrimes(count, exponent) {
  const found = [];
  for (let candidate = 2; found.length < count; candidate += 1) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) isPrime &&= candidate % divisor !== 0;
    if (isPrime) found.push(candidate);
  }
  return found.map((prime) => {
    const root = prime ** exponent;
    return Math.floor((root - Math.floor(root)) * 2 ** 32) >>> 0;
  });
}

const CONSTANTS = rootsOfPrimes(ROUNDS, 1 / 3);
const INITIAL = rootsOfPrimes(8, 1 / 2);

const turned = (word, by) => (word >>> by) | (word << (32 - by));

/** The padded message: a one bit, zeros, and its length in bits. */
function padded(bytes) {
  const whole = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  const view = new DataView(whole.buffer);
  view.setUint32(whole.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(whole.length - 4, (bytes.length * 8) >>> 0);
  return view;
}

/** One block worked into the state. */
function compressed(state, view, start) {
  const words = new Uint32Array(ROUNDS);
  for (let place = 0; place < 16; place += 1) words[place] = view.getUint32(start + 4 * place);
  for (let place = 16; place < ROUNDS; place += 1) {
    const early = words[place - 15];
    const late = words[place - 2];
    const small0 = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
    const small1 = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
    words[place] = words[place - 16] + small0 + words[place - 7] + small1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let round = 0; round < ROUNDS; round += 1) {
    const big1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const choice = (e & f) ^ (~e & g);
    const first = (h + big1 + choice + CONSTANTS[round] + words[round]) >>> 0;
    const big0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) >>> 0, c, b, a, (first + big0 + majority) >>> 0];
  }
  return [a, b, c, d, e, f, g, h].map((word, place) => (word + state[place]) >>> 0);
}

/**
 * SHA-256 without the browser's help.
 * @param {Uint8Array} bytes
 * @returns {string} in hexadecimal digits
 */
export function sha256ByHand(bytes) {
  const view = padded(bytes);
  let state = INITIAL;
  for (let start = 0; start < view.byteLength; start += BLOCK) state = compressed(state, view, start);
  return state.map((word) => word.toString(16).padStart(8, "0")).join("");
}

/**
 * SHA-256 of a text.
 * @param {string} text
 * @returns {Promise<string>} in hexadecimal digits
 */
export async function sha256(text) {
  const bytes = new TextEncoder().encode(text);
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return sha256ByHand(bytes);
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
