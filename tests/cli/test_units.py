"""The systemd units, installed: they name what is there, and are as closed as they can be."""

import os
import re
import shutil
import subprocess

import pytest

from harness import BIN, run

BUILD = BIN.parent
SERVICES = ["poetry-server.service", "poetry-sync.service"]

pytestmark = pytest.mark.skipif(
    not (BUILD / "CMakeCache.txt").exists() or not shutil.which("cmake"),
    reason="not run from a build directory")
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"),
                                   reason="systemd-analyze is not installed")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True,
                   capture_output=True, timeout=120)
    return prefix


def unit(prefix, name):
    return prefix / "lib/systemd/system" / name


def analyze(*args, **options):
    return subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True,
                          timeout=60, **options)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_what_was_installed(prefix, name):
    program, = re.findall(r"^ExecStart=(\S+)", unit(prefix, name).read_text(), re.M)
    assert program == str(prefix / "bin" / name.removesuffix(".service"))
    assert os.access(program, os.X_OK)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_nothing_beside_that_but_the_shell(prefix, name):
    """Small systems have no more: /bin/kill is of a package that they lack."""
    programs = set(re.findall(r"^Exec\w+=(\S+)", unit(prefix, name).read_text(), re.M))
    assert programs <= {str(prefix / "bin" / name.removesuffix(".service")), "/bin/sh"}


def test_the_socket_is_at_the_ports_that_the_server_has_by_default(prefix):
    sockets = re.findall(r"^ListenStream=(\S+)", unit(prefix, "poetry-server.socket").read_text(),
                         re.M)
    host, first = [re.search(rf"^{name} = (\S+)$", run(
        "poetry-server", "--print-config").out.decode(), re.M)[1] for name in ("host", "port")]
    assert sockets == [f"{host}:{int(first) + at}" for at in range(3)]


@needs_systemd
def test_systemd_finds_nothing_wrong(prefix):
    units = [unit(prefix, name) for name in [*SERVICES, "poetry-server.socket"]]
    result = analyze("verify", "--man=no", *units)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_exposed_little(prefix, name):
    result = analyze("security", "--offline=true", "--threshold=20", unit(prefix, name))
    assert result.returncode == 0, result.stdout + result.stderr  # the threshold is in tenths
