"""What a look is worth: which absences are removals, and which fresh files have had their time. Pure."""

from dataclasses import replace

from syncd.core.patience import Patience
from syncd_models.values import Held, Look, Step


def weigh(look: Look, held: Held, patience: Patience, now: float, *, may_remove: bool, mirror: bool = False) -> Look:
    """Return the look with what is certain by now; ``now`` is a monotonic time in seconds.

    A file that is absent counts as gone when the same files have been absent for the grace period: a directory that is
    being removed file by file changes its look until nothing is left. ``may_remove`` is the brake's word.
    """
    if look.untouched or look.partial:
        return look
    if not look.members:
        patience.settle(look.bundle)
        known = bool(held.files) or any(held.rows.values())
        return replace(look, vanished=may_remove and known, mirrored=mirror, untouched=not (may_remove and known))
    absent = frozenset(path for path in held.files if path not in look.members)
    listing = frozenset(path for path in absent if path.endswith("/"))  # the fault of a directory that now reads well
    gone = listing
    if absent - listing:
        lasted = patience.outlasted(look.bundle, absent - listing, now)
        gone = absent if lasted and may_remove else listing
    else:
        patience.settle(look.bundle)
    stale = {
        path: member._replace(fresh=False)
        for path, member in look.members.items()
        if member.fresh
        and patience.watches(thing := (look.bundle, path))
        and patience.outlasted(thing, member.sha256 or member.stat, now)
    }
    return replace(look, gone=gone, members={**look.members, **stale}) if gone or stale else look


def remember(look: Look, step: Step, patience: Patience, now: float) -> bool:
    """Note what a step left in doubt, forget what it settled; return whether there is any doubt."""
    for path, member in look.members.items():
        if path in step.waiting:
            patience.outlasted((look.bundle, path), member.sha256 or member.stat, now)
        else:
            patience.settle((look.bundle, path))
    return bool(step.waiting or step.leaving)
