"""`interop audit`: the log, what it says about a person, and the checks that anybody can make of it."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bars, TextColumn, TimeElapsedColumn
from rich.table import Table

from sandbox.audit import report as report_command
from sandbox.audit.drilling import drill_log
from sandbox.audit.elsewhere import audit_elsewhere, comparison_by
from sandbox.audit.export import OLDER, POLICY, export as export_log, folder_reader
from sandbox.audit.operate import expunge as expunge_subject
from sandbox.audit.place import newest, place_of, policy as policy_of
from sandbox.audit.standing import still_standing
from services.audit.access import VALID_SECONDS, auditor_token, operator_token, subject_token
from services.audit.disclosure import EXEMPT, check as check_disclosure, told
from services.audit.events import WATCHED
from services.audit.ledger import Disclosed
from services.audit.reconcile import Reconciler
from services.audit.tlog.notes import to_base64
from services.audit.tlog.policy import Policy, parse_policy
from services.audit.tlog.tiles import CHECKPOINT
from services.audit.tlog.verify import ReadFile, Verified, verify_log
from services.chassis.errors import InteropError

audit_app = typer.Typer(help="The transparency log, and what it says about a person.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens, for those who may read more than the public.", no_args_is_help=True)
audit_app.add_typer(token_app, name="token")

# What is printed has colons and brackets of its own: ':ledger:' is the middle of a key, and no picture of a ledger.
out = Console(emoji=False, markup=False)
err = Console(stderr=True)

PROOF_SUFFIX = ".tlog-proof"
_DAY_SECONDS = 24 * 3600

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Subject = Annotated[str, typer.Argument(help="A booking's reference, ORI/OCA.")]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Whose signatures to demand (c2sp.org/tlog-policy), from somebody you trust."),
]
Named = Annotated[
    list[str] | None,
    typer.Option("--for", help="A booking's reference, or an ORI for all of an agency's; several."),
]
Days = Annotated[int, typer.Option(min=1, max=365, help="For how many days the token is valid.")]


@audit_app.command()
def verify(
    path: Annotated[
        str | None, typer.Argument(help="An exported log, disclosures, or a log's address; the log here, if none.")
    ] = None,
    policy: PolicyFile = None,
    older: Annotated[Path | None, typer.Option(help="A checkpoint that you kept: the log must begin with it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a log from its files alone: every entry, every tile, the signatures, and that it only grew."""
    folder = None if path is None or path.startswith("http") else Path(path)
    if folder is not None and not (folder / CHECKPOINT).is_file():
        _verify_disclosures(folder, policy, as_json)
        return
    with _files(path) as (read, given):
        believed = _policy_of(policy, read, given)
        kept = _older(older, read, believed)
        with _bar("entries", quiet=as_json) as tell:
            verified = verify_log(read, believed, kept, tell)
    _tell_verified(verified, believed, policy, as_json)


@audit_app.command()
def prove(
    index: Annotated[int, typer.Argument(min=0, help="Which entry of the log, from 0.")],
    to: Annotated[Path | None, typer.Option("--out", help="Write the proof into this file.", dir_okay=False)] = None,
) -> None:
    """Make the proof that an entry stands in the published log (c2sp.org/tlog-proof), to be checked offline."""
    with place_of().ledger() as ledger:
        text = ledger.prove(index, newest(ledger.log)).text
    if to is None:
        sys.stdout.write(text)
    else:
        _write(to, text)
        _say(f"written: {to}")


@audit_app.command()
def disclosures(
    subject: Subject,
    run: Annotated[str | None, typer.Option(help="Only this run.")] = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="Write every disclosure with its proof into this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open one person's ledger: every time that somebody told somebody something about them."""
    with place_of().ledger() as ledger:
        published = ledger.log.published()
        disclosed = sorted(ledger.disclosures(subject, run), key=_place_in_the_flow)
        rows = [told(ledger, each, published) for each in disclosed]
        believed = policy_of(ledger.log) if to is not None else None
    if not rows:
        raise InteropError(
            "unknown-subject",
            f"the ledger has nothing about '{subject}': nobody was booked under that reference (ORI/OCA, such as"
            " ZZ0130100/B-0000054), or they were expunged",
        )
    if to is not None and believed is not None:
        _write_disclosures(to, rows, believed)
    if as_json:
        _print_json({"subject": subject, "disclosures": rows, "note": EXEMPT})
    else:
        _show_disclosures(subject, rows)
        if to is not None:
            _say(f"written: {to}, each disclosure with its proof; check them with 'interop audit verify {to}'")


@audit_app.command()
def expunge(
    subject: Subject,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a person's key: their records can never be opened again, and the log still verifies."""
    if not yes:
        typer.confirm(f"Nobody will ever be able to open the records about {subject} again. Go on?", abort=True)
    place = place_of()
    with place.redis() as redis:
        done = expunge_subject(place, subject)
        standing = still_standing(redis, done)
    if as_json:
        _print_json({**done, "still_standing": standing})
        return
    _say(
        f"expunged: {done['disclosures']} entries of the log can no longer be opened, {done['removed']} events left"
        f" their streams; entry {done['index']} of the log says that it happened"
    )
    table = _table("Where something about them is still kept, and why", "where", "why")
    table.columns[0].no_wrap = True
    for row in standing:
        table.add_row(row["where"], row["why"])
    out.print(table)


@audit_app.command()
def reconcile(as_json: AsJson = False) -> None:
    """Prove that the log has exactly one entry for every disclosure that the streams carried, and no other.

    Where audit is up elsewhere, tell what it has found itself.
    """
    elsewhere = audit_elsewhere()
    told_ = _compared() if elsewhere is None else comparison_by(elsewhere)
    if as_json:
        _print_json(told_)
    else:
        _tell_reconciled(told_)
    if not told_["reconciled"]:
        raise typer.Exit(1)


@audit_app.command("export")
def export_command(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or a new one.", file_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Write the published log as files that any web server can serve and anybody can check without us."""
    with place_of().log() as log, _bar("files", quiet=as_json) as tell:
        checkpoint = export_log(log, newest(log), policy_of(log), folder, tell)
    if as_json:
        _print_json({"folder": str(folder), "size": checkpoint.size, "root": to_base64(checkpoint.root)})
    else:
        _say(f"exported: {checkpoint.size:,} entries into {folder}; check them with 'interop audit verify {folder}'")


@audit_app.command()
def drill(
    flips: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many single bits are flipped.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed flips the same bits.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Attack a copy of the log in every way we know, and see that each attack is noticed and named."""
    place = place_of()
    with place.log() as log, _bar("attacks", quiet=as_json) as tell:
        signer = place.settings.signer()
        attacks = drill_log(log, newest(log), policy_of(log), signer, flips=flips, seed=seed, on_progress=tell)
    if as_json:
        _print_json([{**asdict(each), "named": dict(each.named)} for each in attacks])
    else:
        table = _table("The tamper drill", "attack", "tries", "noticed", "as")
        for each in attacks:
            named = ", ".join(f"{code} {count:,}" for code, count in each.named.most_common())
            table.add_row(each.name, f"{each.tries:,}", f"{each.detected:,}", named)
        out.print(table)
    if any(each.detected < each.tries for each in attacks):
        raise typer.Exit(1)


@token_app.command("subject")
def token_subject(subject: Subject, days: Days = VALID_SECONDS // _DAY_SECONDS) -> None:
    """Make a token for somebody who may read what was disclosed about themselves."""
    sys.stdout.write(subject_token(place_of().settings.token_key(), subject, days * _DAY_SECONDS) + "\n")


@token_app.command("auditor")
def token_auditor(
    name: Annotated[str, typer.Argument(help="Who the auditor is.")],
    records: Named = None,
    days: Days = VALID_SECONDS // _DAY_SECONDS,
) -> None:
    """Make a token for an auditor, who may read the records that they are named for."""
    key = place_of().settings.token_key()
    sys.stdout.write(auditor_token(key, name, tuple(records or ()), days * _DAY_SECONDS) + "\n")


@token_app.command("operator")
def token_operator(
    name: Annotated[str, typer.Argument(help="Who the operator is.")],
    records: Named = None,
    days: Days = VALID_SECONDS // _DAY_SECONDS,
) -> None:
    """Make a token for an operator, who may script the matcher for the records that they are named for."""
    key = place_of().settings.token_key()
    sys.stdout.write(operator_token(key, name, tuple(records or ()), days * _DAY_SECONDS) + "\n")


def _checkpoint() -> dict[str, Any] | None:
    with place_of().log() as log:
        published = log.published()
        return published.told() if published else None


report_command.register(audit_app, state_dir=lambda: place_of().settings.state_dir, checkpoint=_checkpoint)


@contextmanager
def _files(path: str | None) -> Iterator[tuple[ReadFile, Policy | None]]:
    """The files of a log: in a folder, at an address, or in the database here (which knows its own policy)."""
    if path is None:
        with place_of().log() as log:
            published = newest(log)
            yield lambda name: log.read_file(name, published), policy_of(log)
    elif path.startswith("http"):
        with httpx.Client(base_url=path, timeout=30, trust_env=False) as client:
            yield lambda name: _fetched(client, name), None
    else:
        yield folder_reader(Path(path)), None


def _fetched(client: httpx.Client, name: str) -> bytes | None:
    try:
        answer = client.get(f"/{name}")
    except httpx.TransportError as error:
        raise InteropError("no-answer", f"{client.base_url} does not answer: {error}", status=503) from error
    return answer.content if answer.is_success else None


def _policy_of(file: Path | None, read: ReadFile, given: Policy | None) -> Policy:
    if file is not None:
        return _policy_in(file)
    if given is not None:
        return given
    beside = read(POLICY)
    if beside is None:
        raise InteropError("no-policy", "nobody says whose signatures to demand; give the keys with '--policy FILE'")
    return parse_policy(beside.decode(errors="replace"))


def _older(file: Path | None, read: ReadFile, policy: Policy) -> Any:
    if file is None:
        raw = read(OLDER)
        return None if raw is None else policy.open(raw)
    kept = _text(file).encode()
    with _naming(file):
        return policy.open(kept)


def _tell_verified(verified: Verified, policy: Policy, given: Path | None, as_json: bool) -> None:
    head = verified.checkpoint
    if as_json:
        told_ = {"size": head.size, "root": to_base64(head.root), "origin": head.origin}
        _print_json({"verified": True, **told_, "witnesses": verified.witnesses, "older": verified.older})
        return
    _say(f"verified: {head.size:,} entries of {head.origin}, root {to_base64(head.root)}")
    _say(f"  {_signers(verified, policy)}")
    if verified.older is not None:
        _say(f"  begins with the {verified.older:,} entries that an older checkpoint vouches for")
    if given is None:
        _say(
            "  The keys came with the log. Compare them with the witnesses' own (GET /key), or give them with --policy."
        )


def _signers(verified: Verified, policy: Policy) -> str:
    if not verified.witnesses:
        return "signed by the log alone: the policy demands no witness, so its operator may have rewritten all of it"
    names = ", ".join(key.name for key in policy.witnesses)
    return f"signed by the log, and by at least {verified.witnesses} of {len(policy.witnesses)} witnesses: {names}"


def _verify_disclosures(path: Path, policy: Path | None, as_json: bool) -> None:
    proofs = sorted(path.glob(f"*{PROOF_SUFFIX}")) if path.is_dir() else [path]
    if not proofs or not all(proof.is_file() and proof.name.endswith(PROOF_SUFFIX) for proof in proofs):
        raise InteropError(
            "nothing-to-verify", f"'{path}' is neither an exported log nor disclosures; see 'interop audit export'"
        )
    believed = _policy_in(policy or proofs[0].parent / POLICY)
    for proof in proofs:
        record = proof.with_name(proof.name.removesuffix(PROOF_SUFFIX) + ".json")
        with _naming(proof):
            try:
                told_ = json.loads(_text(record))
            except ValueError as error:
                raise InteropError("bad-disclosure", f"{record.name} is not JSON: {error}") from error
            check_disclosure(told_, proof.read_bytes(), believed)
    if as_json:
        _print_json({"verified": True, "disclosures": len(proofs)})
    else:
        _say(f"verified: {len(proofs)} disclosures are what was logged, in a log that its witnesses have seen")


def _write_disclosures(folder: Path, rows: list[dict[str, Any]], policy: Policy) -> None:
    for number, row in enumerate(rows, start=1):
        proof = row["proof"]
        if proof is None:
            raise InteropError("not-published", f"entry {row['index']} waits for the witnesses to cosign a checkpoint")
        rest = {name: value for name, value in row.items() if name != "proof"}
        _write(folder / f"{number:02}.json", json.dumps(rest, indent=1, ensure_ascii=False) + "\n")
        _write(folder / f"{number:02}{PROOF_SUFFIX}", proof)
    _write(folder / POLICY, policy.text)


def _place_in_the_flow(disclosed: Disclosed) -> tuple[str, int, str, int]:
    """Where a disclosure stands among those of its minute: a question before its answer."""
    row = disclosed.row
    return row.time, WATCHED.index(row.event_type) if row.event_type in WATCHED else len(WATCHED), *row.name


def _show_disclosures(subject: str, rows: list[dict[str, Any]]) -> None:
    table = _table(f"Who was told what about {subject}", "when", "from", "to", "what", "on what basis", "entry")
    for row in rows:
        record = row["record"]
        when = record["time"][:16].replace("T", " ")
        what = record["categories"].replace(" ", ", ").replace("_", " ")
        table.add_row(when, record["sender"], record["recipient"], what, record["basis"], str(row["index"]))
    out.print(table)
    _say(f"{len(rows)} disclosures. {EXEMPT}")


def _compared() -> dict[str, Any]:
    place = place_of()
    with place.redis() as redis, place.ledger() as ledger:
        result = Reconciler(redis, ledger).whole()
    return {"reconciled": result.reconciled, "lag": result.lag, **asdict(result)}


def _tell_reconciled(told_: Mapping[str, Any]) -> None:
    """Tells what a comparison has found. Audit itself tells how many findings there are, and not which."""
    for kind in ("missing", "extra", "different"):
        found: list[dict[str, str]] | int = told_[kind]
        if isinstance(found, int):
            if found:
                _say(f"{kind}: {found:,}; 'docker compose exec audit interop audit reconcile' names them")
            continue
        for each in found:
            about = f"{each['event_type']} {each['event_id']} ({each['subject']}): " if each["event_id"] else ""
            _say(f"{kind}: {about}{each['what']}")
    verdict = "reconciled" if told_["reconciled"] else "NOT reconciled"
    _say(
        f"{verdict}: of {told_['size']:,} entries of the log {told_['matched']:,} are what events in the streams"
        f" disclose, {told_['on_marks']:,} rest on marks, {told_['expunged']:,} are expunged"
    )
    if told_["waiting"]:
        _say(f"{told_['waiting']:,} events that disclose wait for audit")


@contextmanager
def _bar(what: str, *, quiet: bool) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=err, disable=quiet or not err.is_terminal, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _policy_in(file: Path) -> Policy:
    text = _text(file)
    with _naming(file):
        return parse_policy(text)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """What is wrong with a file is told with its name."""
    try:
        yield
    except InteropError as error:
        raise InteropError(error.code, f"{file.name}: {error.sentence}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InteropError("cannot-read", f"'{path}' cannot be read: {error}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InteropError("cannot-write", f"'{path}' cannot be written: {error.strerror}") from error


def _say(sentence: str) -> None:
    out.print(sentence, highlight=False, soft_wrap=True, markup=False)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
