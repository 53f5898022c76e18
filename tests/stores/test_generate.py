"""The schema is written once, as tables; its text is generated."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import syncd_models
from syncd.stores import generate
from syncd_models.schema import TABLES
from syncd_models.views import VIEWS
from tests.processes import environment


def test_the_schema_text_is_what_the_tables_say() -> None:
    """``python -m syncd.stores.generate`` would change nothing."""
    written = Path(syncd_models.__file__).with_name("schema.py").read_text(encoding="utf-8")
    assert generate.schema_text() == written


def test_the_generator_writes_into_the_package(tmp_path: Path) -> None:
    """Run as a command, it replaces the module of the package that it finds."""
    package = tmp_path / "syncd_models"
    source = Path(syncd_models.__file__).parent
    for path in source.rglob("*.py"):
        copy = package / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = (package / "schema.py").read_text(encoding="utf-8")
    (package / "schema.py").write_text(before.replace("VERSION = ", "VERSION = 4"), encoding="utf-8")
    paths = environment()["PYTHONPATH"]
    env = environment(measured=False) | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{paths}"}
    subprocess.run([sys.executable, "-m", "syncd.stores.generate"], env=env, cwd=tmp_path, check=True)
    assert (package / "schema.py").read_text(encoding="utf-8") == before


def test_each_row_class_has_a_table_and_each_table_a_class() -> None:
    """No table is declared twice or forgotten."""
    classes = {
        getattr(found, "__tablename__", "")
        for name in ("syncd_models.rows.work", "syncd_models.rows.business", "syncd_models.ledger")
        for found in vars(importlib.import_module(name)).values()
        if isinstance(found, type) and hasattr(found, "__table__")
    }
    assert classes == TABLES.keys()


def test_views_read_from_tables_that_there_are() -> None:
    """Every word after FROM or JOIN is a table, another view or a name given before."""
    for name, query in VIEWS.items():
        given = set(re.findall(r"(\w+) AS \(", query))
        read = set(re.findall(r"(?:FROM|JOIN) (\w+)", query))
        assert read <= TABLES.keys() | VIEWS.keys() | given, name
