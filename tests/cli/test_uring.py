"""The engine uring where it is not built in, or where the kernel refuses io_uring."""

import ctypes
import json
import re
import struct

import pytest

from harness import allows_uring, refused_port, run

NOT_BUILT_IN = "not built in" in run("poetry-get", "-e", "uring", "--print-config").err
TOOLS = pytest.mark.parametrize("tool", ["poetry-server", "poetry-get"])
EPERM, ENOMEM, EINVAL, ENOSYS = 1, 12, 22, 38


def refuse_io_uring(error):
    """For a new process: a seccomp filter that lets io_uring_setup(2) fail, see seccomp(2)."""
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        load_number = struct.pack("HBBI", 0x20, 0, 0, 0)  # BPF_LD | BPF_W | BPF_ABS
        if_setup = struct.pack("HBBI", 0x15, 0, 1, 425)  # BPF_JMP | BPF_JEQ: the next one, or skip
        fail = struct.pack("HBBI", 0x06, 0, 0, 0x00050000 | error)  # BPF_RET: SECCOMP_RET_ERRNO
        allow = struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000)
        code = ctypes.create_string_buffer(load_number + if_setup + fail + allow)
        program = struct.pack("HxxxxxxP", 4, ctypes.addressof(code))
        assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
        assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    return install


@TOOLS
@pytest.mark.skipif(not NOT_BUILT_IN, reason="it is built in")
def test_what_was_not_built_in_is_a_usage_error(tool):
    result = run(tool, "-e", "uring")
    assert result.status == 2 and "engine not built in" in result.err and "liburing" in result.err


@TOOLS
@pytest.mark.parametrize("error, told, advice", [
    (EPERM, "Operation not permitted", "seccomp|kernel.io_uring_disabled"),
    (ENOMEM, "Cannot allocate memory", "locked memory"),
    (EINVAL, "Invalid argument", "Linux 6.1"),
    (ENOSYS, "Function not implemented", "seccomp"),
])
@pytest.mark.skipif(NOT_BUILT_IN, reason="it is not built in")
def test_a_refusal_is_told_in_one_line_with_what_helps(tool, error, told, advice):
    result = run(tool, "-e", "uring", "10000", preexec_fn=refuse_io_uring(error))
    line, = result.err.splitlines()
    assert result.status == 1 and line.startswith(f"{tool}: set up io_uring (")
    assert line.endswith(f": {told}")
    assert re.search(advice, line)


@TOOLS
@pytest.mark.parametrize("question", ["--check", "--print-config"])
@pytest.mark.skipif(NOT_BUILT_IN, reason="it is not built in")
def test_a_refusal_is_told_by_who_only_asks(tool, question):
    result = run(tool, "-e", "uring", question, "10000", preexec_fn=refuse_io_uring(EPERM))
    assert (result.status, result.out) == (1, b"") and "set up io_uring (" in result.err


def engines_of_all(**options):
    with refused_port() as port:
        result = run("poetry-get", "-e", "all", "--report", "json", "-q", port, **options)
    assert result.status == 3
    return [run["engine"] for run in json.loads(result.err)]


def test_all_leaves_out_what_the_kernel_refuses():
    assert "uring" not in engines_of_all(preexec_fn=refuse_io_uring(EPERM))


@pytest.mark.skipif(not allows_uring(), reason="there is no io_uring")
def test_all_has_what_the_kernel_allows():
    assert engines_of_all()[-1] == "uring"
