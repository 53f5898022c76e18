"""``syncd show``: one session as a tree, or all of them as a table."""

from typing import TYPE_CHECKING, Any

import click

from syncd.cli.options import as_json, complete_sessions, with_settings
from syncd.cli.output import COLOURS, MARKS, console, duration_text, say_json, status_text, table
from syncd.config import Settings, session
from syncd.errors import ConfigError
from syncd.sources.files import shown

if TYPE_CHECKING:
    from rich.tree import Tree

    from syncd.show import Record, SessionView


@click.command("show")
@click.argument("session_id", required=False, shell_complete=complete_sessions)
@as_json
@with_settings
def command(settings: Settings, session_id: str | None, *, as_json: bool) -> int:
    """Show one session: its agents, their items, blockers and durations. Without an id: all sessions and tasks."""
    from syncd.show import session_list, session_view, task_list
    from syncd.wiring import read_store

    with read_store(settings) as store:
        if session_id is None:
            sessions, tasks = session_list(store), task_list(store)
            if as_json:
                say_json({"schema": 1, "sessions": sessions, "tasks": tasks})
            else:
                _draw_lists(sessions, tasks)
            return 0
        view = session_view(store, session(session_id, settings).id)
    if view is None:
        raise ConfigError(f"the database has no session {session_id!r}", "`syncd show` lists the sessions there are.")
    if as_json:
        say_json(view.as_json())
    else:
        console().print(tree(view))
    return 0


def _draw_lists(sessions: list["Record"], tasks: list["Record"]) -> None:
    rows = [
        [each["id"] + (" (archived)" if each["archived_at"] else ""), status_text(each["status"]),
         f"{each['completed']}/{each['tasks']}", duration_text(each["duration_seconds"]),
         (each["started_at"] or "")[:19], each["branch_name"] or "", each["pr_url"] or ""]
        for each in sessions
    ]  # fmt: skip
    columns = ["session", "status", "done", "took", "started (UTC)", "branch", "pull request"]
    table(f"{len(sessions)} sessions", columns, rows, right=["done", "took"])
    rows = [
        [each["session_id"], f"{each['agent_emoji'] or '•'} {each['agent_name']}", status_text(each["status"]),
         each["priority"], duration_text(each["duration_seconds"]),
         _short(each["error_message"] or each["description"])]
        for each in tasks
    ]  # fmt: skip
    table(f"{len(tasks)} tasks", ["session", "agent", "status", "priority", "took", "what"], rows, right=["took"])


def tree(view: "SessionView") -> "Tree":
    """Return one session as a tree of agents, items and blockers."""
    from rich.markup import escape
    from rich.tree import Tree

    def line(record: "Record", name: str, extra: str = "") -> str:
        word = record["status"]
        took = duration_text(record["duration_seconds"])
        mark = f"[{COLOURS[word]}]{MARKS[word]} {word}[/]"
        return f"{mark}  [bold]{escape(shown(name))}[/]  {took}  {escape(shown(extra))}".rstrip()

    session = view.session
    facts = " · ".join(str(session[name]) for name in ("target_repo", "branch_name", "pr_url") if session[name])
    drawn = Tree(line(session, session["id"], facts))
    for label, value in (("purpose", session["purpose"]), ("error", session["error_message"]),
                         ("archived", session["archived_at"]), ("source", session["source_path"])):  # fmt: skip
        if value:
            drawn.add(f"[dim]{label}[/] {escape(shown(str(value)))}")
    _add_children(drawn, view.items, view.blockers, line)
    for each in view.tasks:
        task = each.task
        name = f"{task['agent_emoji'] or '•'} {task['agent_name']}"
        branch = drawn.add(line(task, name, _short(task["description"])))
        said = {blocker["message"] for blocker in each.blockers}
        if task["error_message"] and task["error_message"] not in said:
            branch.add(f"[red]{escape(shown(_short(task['error_message'])))}[/]")
        _add_children(branch, each.items, each.blockers, line)
    return drawn


def _add_children(branch: "Tree", items: list["Record"], blockers: list["Record"], line: Any) -> None:
    from rich.markup import escape

    for item in items:
        branch.add(line(item, item["item_id"] or f"#{item['position'] + 1}", _short(item["description"] or "")))
    for blocker in blockers:
        who = " (needs a person)" if blocker["requires_human"] else ""
        branch.add(f"[magenta]■ {escape(shown(_short(blocker['message'] or blocker['type'] or 'blocked')))}{who}[/]")


def _short(text: str) -> str:
    first = " ".join(text.split())
    return first if len(first) <= 100 else f"{first[:97]}…"  # noqa: PLR2004
