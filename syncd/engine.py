"""The whole story: bundles are read, what is held of them is recalled, the difference is decided and committed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeAlias

from syncd.beside import batched, beside
from syncd.core.advance import advance, refusing
from syncd.core.patience import Patience
from syncd.core.reconcile import Group, brake, drift
from syncd.core.weigh import remember, weigh
from syncd.errors import ConfigError, SourceUnavailable, StoreRejected
from syncd.ports import Source, Store
from syncd_models.values import Bundle, Fault, Held, Look, Step

Decided: TypeAlias = tuple[Look, Step]

BATCH = 300
"""Bundles a transaction."""
DOOR = 6 * BATCH
"""Bundles under one hold of the writer lock: while one batch is committed, the next is read and decided."""
RETRY_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5)


@dataclass(slots=True)
class Pass:
    """How one pass over a source goes about it, and what came of it."""

    cause: str = "scan"
    dry: bool = False
    """Decide, and write nothing."""
    again: bool = False
    """Decide once more about files that are refused."""
    accept_missing: bool = False
    mirror: bool = False
    """Delete the rows of bundles that vanished, instead of archiving them."""
    may_remove: bool = True
    root: tuple[int, int] | None = None
    """Device and inode of the root that vouches for absences."""
    on_step: Callable[[Step], None] = lambda _: None
    on_progress: Callable[[int], None] = lambda _: None
    patience: Patience = field(default_factory=Patience)
    doubtful: dict[Bundle, Step] = field(default_factory=dict)
    """Bundles with a file that looks half-written, or that may be leaving."""
    held_back: str | None = None
    """Why nothing was removed, if something should have been."""
    missing: int = 0
    waiting: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    """Paths still in doubt when the pass ended."""


def sync(bundles: Sequence[Bundle], source: Source, store: Store, run: Pass) -> None:
    """Bring the store level with these bundles; each step that is committed goes to ``run.on_step``."""
    # From reading to commit, so that nobody commits older bytes over newer.
    with nullcontext() if run.dry else store.writer(), beside() as start:
        decided: list[Decided] = []
        for part in batched(bundles, BATCH):
            held = store.held(source.family, part)
            committing = start(partial(commit, decided, source, store, run)) if decided else None
            decided = decide(part, held, source, run)
            if committing:
                committing()
        commit(decided, source, store, run)


def decide(bundles: Sequence[Bundle], held: Mapping[Bundle, Held], source: Source, run: Pass) -> list[Decided]:
    """Look at bundles and decide what changes; touches no database."""
    now = time.monotonic()
    looks = [
        weigh(
            source.read(bundle, held[bundle], again=run.again), held[bundle], run.patience, now,
            may_remove=run.may_remove, mirror=run.mirror or not source.family.archived(bundle.name),
        )
        for bundle in bundles
    ]  # fmt: skip
    if run.root and any(look.vanished or look.gone for look in looks) and source.identity() != run.root:
        raise SourceUnavailable(f"the root {source.name} was exchanged while it was read", "Sync again.")
    decided = []
    for look in looks:
        step = advance(source.family, look, held[look.bundle])
        if step and remember(look, step, run.patience, now):
            run.doubtful[look.bundle] = step
        else:
            run.doubtful.pop(look.bundle, None)
        if step and step.moves:
            decided.append((look, step))
    return decided


def commit(decided: Sequence[Decided], source: Source, store: Store, run: Pass) -> None:
    """Write steps in one transaction; if the database refuses it, each bundle alone, then less the file at fault."""
    steps: list[Step | None] = [step for _, step in decided]
    try:
        if decided and not run.dry:
            store.apply(source.family, [step for _, step in decided], run.cause)
    except StoreRejected:
        steps = [commit_alone(look, source, store, run.cause) for look, _ in decided]
    for step in steps:
        if step:
            run.on_step(step)


def commit_alone(look: Look, source: Source, store: Store, cause: str) -> Step | None:
    """Write one bundle, less the files whose rows the database refuses: those go into quarantine."""
    family = source.family
    held = store.held(family, [look.bundle], whole=True)[look.bundle]

    def attempt(refused: dict[str, Fault], *, trial: bool = False) -> tuple[Step | None, Fault | None]:
        step = advance(family, refusing(look, refused), held)
        try:
            store.apply(family, [step] if step else [], cause, trial=trial)
        except StoreRejected as error:
            return None, error.fault
        return step, None

    step, fault = attempt({})
    if fault is None:
        return step
    at_fault: dict[str, Fault] = {}
    paths = sorted(look.members)
    for n, path in enumerate(paths):  # each file is tried with those before it that passed, and none after it
        _, found = attempt(at_fault | dict.fromkeys(paths[n + 1 :], fault), trial=True)
        if found:
            at_fault[path] = found
    step, fault = attempt(at_fault)
    if fault:  # no file alone is to blame: the bundle as a whole is
        step, _ = attempt(dict.fromkeys(paths, fault))
    return step


def sync_all(source: Source, store: Store, run: Pass) -> None:
    """Bring the store level with everything under the root: the cold start, the reconcile, ``syncd sync``."""
    same_root = attach(source, store, run)
    run.may_remove = False  # what is absent is judged at the end of the scan, by the brake
    counts = {"present": 0, "held": 0}
    present = _counted(source.scan(), counts, "present")
    held = _counted(store.stamps(source.workspace, source.family.version), counts, "held")
    batch: list[Bundle] = []
    vanished: list[Bundle] = []
    for found in drift(present, held):
        (vanished if found.vanished else batch).append(Bundle(source.workspace, found.name))
        if len(batch) == DOOR:
            sync_batches(batch, source, store, run)
            run.on_progress(counts["present"])
            batch = []
    sync_batches(batch, source, store, run)
    run.on_progress(counts["present"])
    _finish(vanished, Missing(counts["held"], len(vanished), same_root, left=counts["present"] > 0), source, store, run)


def sync_some(bundles: Sequence[Bundle], source: Source, store: Store, run: Pass) -> None:
    """Bring the store level with the bundles that are named. Raises ConfigError for one that nobody knows."""
    same_root = attach(source, store, run)
    run.may_remove = False
    missing = [bundle for bundle in bundles if not source.has(bundle)]
    alive = store.alive(source.family, source.workspace)
    for bundle in missing:
        if not store.knows(source.family, bundle):
            hint = "`syncd show` lists the sessions that there are."
            raise ConfigError(f"there is no session {bundle.name!r} under {source.name}, and there was none", hint)
    sync_batches([bundle for bundle in bundles if bundle not in missing], source, store, run)
    held = store.held(source.family, missing)
    vanished = [bundle for bundle in missing if bundle.id in alive or held[bundle].files]
    left = not vanished or next(iter(source.scan()), None) is not None
    gone = sum(bundle.id in alive for bundle in vanished) if left else len(alive)
    _finish(vanished, Missing(len(alive), gone, same_root, left), source, store, run)


def sync_batches(bundles: Sequence[Bundle], source: Source, store: Store, run: Pass) -> None:
    """Pass bundles through the door, so many under one hold of the writer lock."""
    for part in batched(bundles, DOOR):
        sync(part, source, store, run)


def _counted(groups: Iterable[Group], counts: dict[str, int], name: str) -> Iterator[Group]:
    for group in groups:
        counts[name] += 1
        yield group


def attach(source: Source, store: Store, run: Pass) -> bool:
    """Bind the workspace to its root, and return whether the root is the directory that it was.

    Raises ConfigError when the workspace is bound to another root, SourceUnavailable when there is none.
    """
    identity = run.root = source.identity()
    bound = store.workspaces().get(source.workspace)
    if bound is None:
        if not run.dry:
            store.bind(source.workspace, source.name, identity)
        return True
    root, *known = bound
    moved_along = root != source.name and store.lies_in(source.name)
    if root != source.name and not moved_along and tuple(known) != identity:
        hint = f"Give this root a name of its own (--root NAME={source.name}), or use another --database."
        raise ConfigError(f"the workspace {source.workspace!r} of this database belongs to the root {root}", hint)
    return tuple(known) == identity


class Missing(NamedTuple):
    """How many bundles are held and how many of them are gone, and what the root has to say to that."""

    held: int
    gone: int
    same_root: bool
    left: bool
    """Whether there is any bundle on disk."""


def _finish(vanished: Sequence[Bundle], missing: Missing, source: Source, store: Store, run: Pass) -> None:
    """Let go of what vanished, if the brake allows it, and give doubtful files their time."""
    identity = source.identity()  # the probe after the scan: a root that changed meanwhile vouches for nothing
    root, *known = store.workspaces().get(source.workspace, (source.name, *identity))
    same_root = missing.same_root and tuple(known) == identity
    run.held_back = None if run.accept_missing else brake(
        missing.held, missing.gone, same_root=same_root, left=missing.left
    )  # fmt: skip
    run.missing = missing.gone if run.held_back else 0
    run.may_remove = run.accept_missing or (same_root and not run.held_back)
    if run.may_remove:
        sync_batches(vanished, source, store, run)
    settle(source, store, run)
    run.waiting = [path for step in run.doubtful.values() for path in step.waiting]
    run.leaving = [path for step in run.doubtful.values() for path in step.leaving]
    if run.leaving and not same_root and not run.accept_missing:
        run.held_back = run.held_back or brake(missing.held, len(run.leaving), same_root=False)
    if identity == run.root and not run.held_back and not run.dry and (root != source.name or not same_root):
        store.bind(source.workspace, source.name, identity)


def settle(source: Source, store: Store, run: Pass) -> None:
    """Look again, for the grace period at most, at files that are half-written or may be leaving."""
    if not run.doubtful:
        return
    from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay

    def wait(state: RetryCallState) -> float:
        pause = RETRY_SECONDS[min(state.attempt_number, len(RETRY_SECONDS)) - 1]
        left = run.patience.grace - (state.seconds_since_start or 0.0)
        return min(pause, max(left, RETRY_SECONDS[0]))

    def look_again() -> bool:
        sync_batches([*run.doubtful], source, store, run)
        return bool(run.doubtful)

    retrying = Retrying(
        retry=retry_if_result(bool), wait=wait, stop=stop_after_delay(run.patience.grace + RETRY_SECONDS[0]),
        retry_error_callback=lambda _: None,
    )  # fmt: skip
    time.sleep(RETRY_SECONDS[0])
    retrying(look_again)
