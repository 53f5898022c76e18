"""Little to do: nothing changed, one file changed, one question asked."""

from collections import defaultdict
from dataclasses import replace

from benchmarks.figures import Figure, compared
from benchmarks.ground import Ground
from benchmarks.processes import SYNCD, run

START_UP_TIMES = 4
"""Rounds of start-up for each round asked for: they are short, and noise is not."""


def unchanged(ground: Ground) -> list[Figure]:
    """Measure a sync that finds nothing to do, against the bare walk over all stamps."""
    floors: list[float] = []
    syncs: list[float] = []
    ground.syncd("sync", ground.root, ground.finished)
    for _ in ground.rounds("nothing changed"):
        floors.append(floor(ground))
        with ground.changing(0):
            syncs.append(ground.syncd("sync", ground.root, ground.finished).seconds)
    return [
        Figure("stat walk by hand + start-up", floors, "s"),
        replace(compared("sync, nothing changed", syncs, floors, "walk + start-up"), must=1.5, aim=1.25),
    ]


def floor(ground: Ground) -> float:
    """Return the seconds of a bare walk and of a start-up."""
    return ground.by_hand("walk", ground.root)["seconds"] + ground.start_up()


def one(ground: Ground) -> list[Figure]:
    """Measure a sync after one file was rewritten: of everything, and of the session that is named."""
    seconds: dict[str, list[float]] = defaultdict(list)
    ground.imports()
    named, other = ground.names[-1], ground.names[len(ground.names) // 2]
    ground.syncd("sync", ground.root, ground.finished)
    for turn in ground.rounds("one file changed"):
        ground.rewrite([named, other], 1000 + turn)
        seconds["floor"].append(floor(ground))
        seconds["imports"].append(ground.imports())
        with ground.changing(1):
            seconds["named"].append(ground.syncd("sync", ground.root, ground.finished, named).seconds)
        with ground.changing(1):
            seconds["whole"].append(ground.syncd("sync", ground.root, ground.finished).seconds)
    whole = compared("sync, one file changed", seconds["whole"], seconds["floor"], "walk + start-up")
    by_name = compared("sync SESSION_ID, one file changed", seconds["named"], seconds["imports"], "six imports")
    return [whole, replace(by_name, must=1.3, aim=0.5)]


def startup(ground: Ground) -> list[Figure]:
    """Measure short commands on the whole database, against importing the libraries that the project is built on."""
    session = ground.names[len(ground.names) // 3]
    commands = {
        "--help": [*SYNCD, "--help"],
        "--version": [*SYNCD, "--version"],
        **{name: on_the_tree(ground, name) for name in ("status", "quarantine", "config show")},
        "sync SESSION_ID": [*on_the_tree(ground, "sync"), session],
        "show SESSION_ID": [*on_the_tree(ground, "show"), session],
    }
    bounds = {"--help": (0.25, 0.16), "--version": (0.25, 0.16), "sync SESSION_ID": (1.3, 0.5)}
    ground.imports()
    for command in commands.values():  # once unmeasured: what is imported gets compiled, what is read gets cached
        run(command, ground.place)
    imports: list[float] = []
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in ground.rounds("start-up", START_UP_TIMES):
        imports.append(ground.imports() * 1000)
        for name, command in commands.items():
            taken[name].append(run(command, ground.place).seconds * 1000)
    found = [Figure("importing the six libraries", imports, "ms")]
    for name, samples in taken.items():
        must, aim = bounds.get(name, (None, None))
        found.append(replace(compared(name, samples, imports, "six imports", "ms"), must=must, aim=aim))
    return found


def on_the_tree(ground: Ground, command: str) -> list[str]:
    """Return a command of syncd on the tree that is in the database."""
    return [*SYNCD, *command.split(), "--root", str(ground.root), "--database", str(ground.finished)]
