"""Signed notes (c2sp.org/signed-note) with Ed25519: a text, and who signed it.

A log signs the text itself; a witness signs it together with the time (c2sp.org/tlog-cosignature). A name and a key
id together say which key made a signature; what unknown keys have signed is passed over.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from struct import pack, unpack

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.chassis.errors import InteropError

_DASH = "\u2014"
_ID_BYTES = 4
_TIME_BYTES = 8
_KEY_BYTES = 32


class Algorithm(IntEnum):
    """What a key signs: the text of a note, or a checkpoint with the time at which a witness saw it."""

    ED25519 = 0x01
    COSIGNATURE_V1 = 0x04


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name of whoever signs with it."""

    name: str
    algorithm: Algorithm
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of `SHA-256(name || newline || algorithm || key)`."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()[:_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text: `<name>+<id in hex>+<base64(algorithm || key)>`."""
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.algorithm]) + self.public)}"

    def is_signed(self, text: str, blob: bytes) -> bool:
        """Whether `blob` (without the key id) is this key's signature of `text`."""
        message = text.encode()
        if self.algorithm is Algorithm.COSIGNATURE_V1:
            message = _cosigned(text, _time_of(blob))
            blob = blob[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(blob, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with the name of whoever signs with it."""

    name: str
    algorithm: Algorithm
    private: Ed25519PrivateKey

    @classmethod
    def new(cls, name: str, algorithm: Algorithm) -> "Signer":
        """A signer with a key that nobody had before."""
        return cls(name, algorithm, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, algorithm: Algorithm, seed: bytes) -> "Signer":
        """A signer with the key that 32 bytes make."""
        return cls(name, algorithm, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def seed(self) -> bytes:
        """The 32 bytes that make the key. Secret."""
        return self.private.private_bytes_raw()

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.algorithm, self.private.public_key().public_bytes_raw())

    def sign(self, text: str, *, time: int = 0) -> str:
        """The signature line of a note's text.

        Args:
            text: ends with a newline.
            time: seconds since 1970, of a cosignature.
        """
        if self.algorithm is Algorithm.COSIGNATURE_V1:
            blob = pack(">Q", time) + self.private.sign(_cosigned(text, time))
        else:
            blob = self.private.sign(text.encode())
        return f"{_DASH} {self.name} {to_base64(self.verifier.id + blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read: its text, and each signature as (name, key id and signature)."""

    text: str
    signatures: tuple[tuple[str, bytes], ...]

    def signed_by(self, verifiers: Iterable[Verifier]) -> dict[str, int | None]:
        """Which of `verifiers` have signed, by name, with the time of a cosignature.

        Raises:
            InteropError: `bad-signature`, for a signature of one of them that is not theirs.
        """
        known = {(verifier.name, verifier.id): verifier for verifier in verifiers}
        found: dict[str, int | None] = {}
        for name, blob in self.signatures:
            verifier = known.get((name, blob[:_ID_BYTES]))
            if verifier is None:
                continue
            signature = blob[_ID_BYTES:]
            if not verifier.is_signed(self.text, signature):
                raise InteropError("bad-signature", f"the note bears the name of {name}, and {name} did not sign it")
            found[name] = _time_of(signature) if verifier.algorithm is Algorithm.COSIGNATURE_V1 else None
        return found


def parse_note(raw: bytes) -> Note:
    """Reads a note strictly: there is only one way to write it.

    Raises:
        InteropError: `bad-note`.
    """
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise InteropError("bad-note", "the note is not UTF-8") from error
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not lines.endswith("\n") or any(char < " " and char != "\n" for char in whole):
        raise InteropError(
            "bad-note", "a note is a text, an empty line and lines with signatures, and no other controls"
        )
    return Note(text + "\n", tuple(parse_signature(line) for line in lines[:-1].split("\n")))


def parse_signature(line: str) -> tuple[str, bytes]:
    """A signature line without its newline, as (name, key id and signature).

    Raises:
        InteropError: `bad-note`.
    """
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != _DASH or not _is_name(name):
        raise InteropError("bad-note", f"this is no signature line: {line!r}")
    blob = from_base64(encoded)
    if len(blob) <= _ID_BYTES:
        raise InteropError("bad-note", f"the signature of {name} is too short")
    return name, blob


def parse_vkey(vkey: str) -> Verifier:
    """Reads a public key.

    Raises:
        InteropError: `bad-key`.
    """
    name, _, rest = vkey.partition("+")
    identity, _, encoded = rest.partition("+")
    try:
        blob = from_base64(encoded)
        verifier = Verifier(name, Algorithm(blob[0]), blob[1:])
    except (InteropError, ValueError, IndexError) as error:
        raise InteropError("bad-key", f"'{vkey}' is no Ed25519 key of a log or a witness") from error
    if not _is_name(name):
        raise InteropError("bad-key", f"'{vkey}' does not begin with a name that can stand in a note")
    if len(verifier.public) != _KEY_BYTES or verifier.id.hex() != identity:
        raise InteropError("bad-key", f"'{vkey}' is damaged: its id is that of another key")
    return verifier


def key_of(vkey: str, algorithm: Algorithm) -> Verifier:
    """Reads a key that signs in the way of `algorithm`.

    Raises:
        InteropError: `bad-key`.
    """
    key = parse_vkey(vkey)
    if key.algorithm is not algorithm:
        raise InteropError("bad-key", f"'{vkey}' is a key of another kind than {algorithm.name}")
    return key


def to_base64(blob: bytes) -> str:
    """Standard base64 (RFC 4648, section 4)."""
    return b64encode(blob).decode()


def from_base64(text: str) -> bytes:
    """Standard base64, refused unless written the one way in which these bytes are written.

    The unused bits of a last letter would otherwise let somebody alter a note without anybody noticing.

    Raises:
        InteropError: `bad-note`.
    """
    try:
        blob = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise InteropError("bad-note", f"this is no base64: {text!r}") from error
    if to_base64(blob) != text:
        raise InteropError("bad-note", f"this is not how base64 is written: {text!r}")
    return blob


def _is_name(name: str) -> bool:
    return name != "" and "+" not in name and not any(char.isspace() for char in name)


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _time_of(blob: bytes) -> int:
    if len(blob) < _TIME_BYTES:
        return 0
    (time,) = unpack(">Q", blob[:_TIME_BYTES])
    return int(time)
