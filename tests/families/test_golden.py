"""The example tree in, golden rows out: every value was read against its file once, and is held since.

After a change that is meant, write them anew with ``python -m tests.families.test_golden`` and read the difference.
"""

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.reference import project
from tests.workbench import Rows, Workbench

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / ".compound-state-example"
GOLDEN = HERE / "golden.json"
TORN = "session-1772006408/frontend.json"


def synced(folder: Path) -> Workbench:
    """Sync a copy of the example, without a database that somebody made in it."""
    root = folder / "state"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("*.db*"))
    bench = Workbench(root, folder / "state.db")
    bench.sync()
    return bench


def as_text(rows: Rows) -> str:
    """Write rows in an order of their own, one value a line, so that a difference reads well."""
    return json.dumps(rows, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def test_the_example_gives_the_golden_rows(tmp_path: Path) -> None:
    """Each row of each table is the one that was reviewed."""
    bench = synced(tmp_path)
    assert as_text(bench.rows()) == GOLDEN.read_text(encoding="utf-8")
    bench.close()


def test_the_golden_rows_are_what_the_reference_computes(tmp_path: Path) -> None:
    """The independent reference agrees with the golden rows, column by column."""
    bench = synced(tmp_path)
    for table, rows in project(bench.root).items():
        assert rows == bench.rows([table])[table]
    bench.close()


def test_the_credentials_of_the_example_stay_in_their_file(tmp_path: Path) -> None:
    """No table holds what is made up there, and the database says that there is something."""
    bench = synced(tmp_path)
    assert "made-up" not in repr(bench.dump())
    told = {key: row["has_credentials"] for key, row in bench.rows()["integrations"].items()}
    assert told == {"mail": True, "blog": True, "weather": False}
    bench.close()


def test_only_the_torn_file_of_the_example_is_refused(tmp_path: Path) -> None:
    """The example holds one file that no parser can read, and nothing else is noted."""
    bench = synced(tmp_path)
    assert bench.store.query('SELECT path, line, "column" FROM quarantine') == [(TORN, 15, 22)]
    assert bench.store.query("SELECT path FROM files WHERE notes IS NOT NULL") == []
    bench.close()


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        GOLDEN.write_text(as_text(synced(Path(place)).rows()), encoding="utf-8")
    sys.exit(0)
