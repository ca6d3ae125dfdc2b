"""The rooms include each other only along the arrows of ARCHITECTURE.md."""

import re

import pytest

from harness import ROOT

COMMON = {path.name for path in (ROOT / "common").iterdir() if path.is_dir()}
MAY_INCLUDE = {
    "base": set(),
    "session": {"base"},
    "faults": {"base", "session"},
    "net": {"base"},
    "reactor": {"base", "net"},
    "engine": {"base", "session", "net", "reactor"},
    "fetch": {"base", "net", "reactor"},
    "cli": COMMON,
}
# The rooms of a tool see all of COMMON, and what is outside of them sees all rooms.
ROOMS_OF = {
    "poetry-get": {"output": set(), "report": {"output"}},
    "poetry-sync": {
        "store": set(),
        "work": {"store"},
        "page": set(),
        "tcp": set(),
        "http": {"store", "page", "tcp"},
        "control": {"store", "tcp"},
    },
}


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in (".cpp", ".hpp"))


def includes(path):
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.M)


def quoted_includes(path):
    return re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.M)


def test_every_room_is_known():
    assert COMMON == set(MAY_INCLUDE)


@pytest.mark.parametrize("tool", ROOMS_OF)
def test_every_room_of_a_tool_is_known(tool):
    folders = {path.name for path in (ROOT / "apps" / tool).iterdir() if path.is_dir()}
    assert folders == set(ROOMS_OF[tool])
    assert not folders & COMMON, "an include says which room it means"


@pytest.mark.parametrize("room", MAY_INCLUDE)
def test_a_room_includes_along_the_arrows(room):
    wrong = [(str(path.relative_to(ROOT)), name) for path in sources(f"common/{room}")
             for name in includes(path)
             if name.split("/")[0] in (COMMON | {"apps", "tests"}) - MAY_INCLUDE[room] - {room}
             or name.startswith("..")]
    assert sources(f"common/{room}") and not wrong


@pytest.mark.parametrize("tool, room", [(tool, room) for tool in ROOMS_OF
                                        for room in ROOMS_OF[tool]])
def test_a_room_of_a_tool_includes_along_the_arrows(tool, room):
    allowed = COMMON | ROOMS_OF[tool][room] | {room}
    files = sources(f"apps/{tool}/{room}")
    wrong = [(str(path.relative_to(ROOT)), name) for path in files for name in quoted_includes(path)
             if "/" not in name or name.split("/")[0] not in allowed]
    assert files and not wrong


@pytest.mark.parametrize("library, allowed", [
    (r"boost/asio", r"common/reactor/asio_set\.cpp|common/fetch/asio\.cpp|"
                    r"apps/poetry-sync/((tcp|http|control)/.*|serve\.cpp)"),
    (r"boost/program_options", r"common/cli/.*|apps/[^/]+/options\.cpp"),
    (r"liburing", r"common/reactor/ring\.cpp"),
    (r"boost/beast", r"common/session/metrics\.cpp|apps/poetry-sync/http/connection\.[ch]pp"),
    (r"SQLiteCpp|sqlite3",
     r"common/session/fibonacci_state\.cpp|apps/poetry-sync/store/sqlite\.cpp"),
    (r"pqxx", r"apps/poetry-sync/store/postgres\.cpp"),
])
def test_a_library_is_named_where_it_belongs(library, allowed):
    users = [str(path.relative_to(ROOT)) for folder in ("common", "apps")
             for path in sources(folder) if any(re.match(library, name) for name in includes(path))]
    assert users and not [path for path in users if not re.fullmatch(allowed, path)]


def test_only_fd_closes_a_descriptor():
    closers = [str(path.relative_to(ROOT)) for folder in ("common", "apps")
               for path in sources(folder)
               if re.search(r"(?<!\w)::close\(", path.read_text())]
    assert closers == ["common/base/fd.hpp"]
