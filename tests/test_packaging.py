# SPDX-License-Identifier: Apache-2.0
"""What the package is made of: few dependencies with a lower bound each, nothing that runs what it reads, no network
when it is imported, and a wheel that anybody can build again."""

from __future__ import annotations

import ast
import hashlib
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.test_package import PACKAGE, ROOT, run, uv

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = sorted((ROOT / PACKAGE).rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "subprocess", "ctypes"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen"}
NO_SOCKETS = """
import importlib, importlib.util, pkgutil, socket, sys

def refuse(*_, **__):
    raise SystemExit("a module uses the network when it is imported")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
package = importlib.import_module(sys.argv[1])
OTHER_VIEW = ".ui.flask_view" if importlib.util.find_spec("airflow.sdk") else ".ui.fastapi_app"
for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
    if not module.name.endswith(("__main__", OTHER_VIEW)):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            if "needs Airflow" not in str(error):
                raise
print("IMPORTED")
"""


def test_every_dependency_has_a_lower_bound_and_no_upper_one() -> None:
    wanted = [Requirement(text) for text in PROJECT["dependencies"]]
    wanted += [
        Requirement(text)
        for name, texts in PROJECT["optional-dependencies"].items()
        if name != "test"
        for text in texts
    ]
    for requirement in wanted:
        assert {bound.operator for bound in requirement.specifier} == {">="}, str(requirement)


def test_there_are_few_of_them() -> None:
    assert len(PROJECT["dependencies"]) <= 12


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT / PACKAGE)) for path in SOURCES])
def test_nothing_runs_what_it_reads(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_MODULES
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES
        elif isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name):
                    assert name not in FORBIDDEN_CALLS, f"line {node.lineno}"
                case ast.Attribute(value=ast.Name(id="os"), attr=name):
                    assert name not in FORBIDDEN_CALLS, f"line {node.lineno}"


def test_no_network_when_it_is_imported() -> None:
    assert "IMPORTED" in run(sys.executable, "-c", NO_SOCKETS, PACKAGE)


def test_two_builds_are_the_same_to_the_byte(tmp_path: Path) -> None:
    builder = uv()
    if builder is None:
        pytest.skip("uv is not installed")
    digests = set()
    for name in ("one", "two"):
        command = [builder, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path / name), str(ROOT)]
        run(*command, SOURCE_DATE_EPOCH="1795305600", PYTHONHASHSEED=str(len(digests)))
        (wheel,) = (tmp_path / name).glob("*.whl")
        digests.add(hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert len(digests) == 1
