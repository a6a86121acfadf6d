/* A sealed guess: a group shows the class a short code of its guess before any number is on the screen. Later it shows
   the guess, and everybody can work out the code anew: another guess would have another code. */

import { sha256 } from "./digest.js";

const SHOWN = 10;

/**
 * What is sealed, always written the same way.
 * @param {{people: string, group: string, guesses: number[], yardsticks: number[], nonce: string}} sealed
 */
function written({ people, group, guesses, yardsticks, nonce }) {
  return JSON.stringify(["interop-class-1", people, group, guesses, yardsticks, nonce]);
}

/** A number that nobody can guess, so that nobody can try out all guesses until a code fits. */
export function freshNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The code of a sealed guess: the first digits of its SHA-256, in two halves that can be read out.
 * @param {{people: string, group: string, guesses: number[], yardsticks: number[], nonce: string}} sealed
 * @returns {Promise<string>}
 */
export async function sealOf(sealed) {
  const digits = (await sha256(written(sealed))).slice(0, SHOWN);
  return `${digits.slice(0, SHOWN / 2)}-${digits.slice(SHOWN / 2)}`;
}

/** A code as somebody typed it, for comparing: without spaces, dashes and capitals. */
export function plainSeal(typed) {
  return typed.toLowerCase().replace(/[^0-9a-f]/g, "");
}
