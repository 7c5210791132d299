# SPDX-License-Identifier: Apache-2.0
"""What is handed out: a wheel and an sdist with exactly the package, and modules that are quick to import."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import airflow_provider_aianalytics
from airflow_provider_aianalytics.vendors.registry import VENDORS

ROOT = Path(__file__).parents[1]
PACKAGE = "airflow_provider_aianalytics"
STEM = f"{PACKAGE}-{airflow_provider_aianalytics.__version__}"
PARSED = [
    f"{PACKAGE}.{module}"
    for module in (
        "operators.claude_enterprise",
        "operators.coverage",
        "operators.perplexity",
        "sensors.claude_enterprise",
        "sensors.perplexity",
        "timetables",
    )
]
PEERS = ["airflow.providers.http.operators.http", "airflow.providers.http.sensors.http"]
"""What everybody has beside us, for the same work."""
HEAVY = ("pyarrow", "aiohttp", "requests", "fsspec", "upath", "s3fs", "gcsfs", "adlfs", "pandas", "numpy")
LATER = tuple(f"{PACKAGE}.{room}" for room in ("ingest", "hooks", "triggers", "storage.files"))
"""What only a task needs."""
MEASURE = """
import importlib, json, sys, time
try:
    from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
except ImportError:
    from airflow.models.baseoperator import BaseOperator
    from airflow.models.dag import DAG
    from airflow.sensors.base import BaseSensorOperator
alone = set(sys.modules)
began = time.process_time()
for module in sys.argv[1:]:
    importlib.import_module(module)
took = time.process_time() - began
print("\\nMEASURED", json.dumps([took, sorted(set(sys.modules) - alone)]))
"""
LOAD = f"""
import importlib.metadata, json, sys
(found,) = importlib.metadata.distributions(name="airflow-provider-aianalytics", path=[sys.argv[1]])
points = {{point.group: point.load() for point in found.entry_points}}
print("\\nLOADED", json.dumps([
    sys.modules["{PACKAGE}"].__file__,
    found.version,
    points["apache_airflow_provider"]()["package-name"],
    [timetable.__name__ for timetable in points["airflow.plugins"].timetables],
]))
"""


def uv() -> str | None:
    return shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def line(metadata: str, word: str) -> list[object]:
    """What a process printed behind a word; others may print too."""
    (found,) = [text for text in metadata.splitlines() if text.startswith(f"{word} ")]
    parsed: list[object] = json.loads(found.removeprefix(f"{word} "))
    return parsed


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions, built by whichever builder there is."""
    folder = tmp_path_factory.mktemp("dist")
    if importlib.util.find_spec("build"):
        run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    elif builder := uv():
        run(builder, "build", "--quiet", "--out-dir", str(folder), str(ROOT))
    else:
        pytest.skip("neither build nor uv is installed")
    return folder


def ours() -> set[str]:
    """The files of the package as it lies here."""
    paths = (ROOT / PACKAGE).rglob("*")
    return {path.relative_to(ROOT).as_posix() for path in paths if path.is_file() and "__pycache__" not in path.parts}


def test_the_wheel_is_exactly_the_package(built: Path) -> None:
    with zipfile.ZipFile(built / f"{STEM}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        metadata = Parser().parsestr(wheel.read(f"{STEM}.dist-info/METADATA").decode())
    assert {name for name in names if not name.startswith(f"{STEM}.dist-info/")} == ours()
    assert f"{PACKAGE}/py.typed" in names
    assert f"{STEM}.dist-info/licenses/LICENSE" in names
    assert metadata["Version"] == airflow_provider_aianalytics.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    # Airflow's page of providers links to it; it exists once the package can be installed.
    assert metadata.get_all("Project-URL") == ["Documentation, https://pypi.org/project/airflow-provider-aianalytics/"]
    assert (ROOT / "README.md").read_text().strip() in metadata.get_payload()


def test_the_sdist_has_what_a_builder_and_a_tester_need(built: Path) -> None:
    with tarfile.open(built / f"{STEM}.tar.gz") as sdist:
        names = {name.removeprefix(f"{STEM}/") for name in sdist.getnames()}
    assert {name for name in names if name.startswith(f"{PACKAGE}/")} == ours()
    assert {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "docs/README.md",
        "tests/test_package.py",
    } <= names
    assert {name.split("/")[0] for name in names if "/" in name} == {PACKAGE, "dags_examples", "docs", "tests"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".log"))]


def test_it_can_be_installed_and_imported(built: Path, tmp_path: Path) -> None:
    wheel = str(built / f"{STEM}-py3-none-any.whl")
    target = tmp_path / "target"
    installer = uv()
    pip = [installer, "pip"] if installer else [sys.executable, "-m", "pip"]
    interpreter = ["--python", sys.executable] if installer else []
    run(*pip, "install", "--quiet", "--no-deps", *interpreter, "--target", str(target), wheel)

    metadata = run(sys.executable, "-P", "-c", LOAD, str(target), PYTHONPATH=str(target))

    where, *rest = line(metadata, "LOADED")
    assert Path(str(where)).is_relative_to(target)
    assert rest == [
        airflow_provider_aianalytics.__version__,
        "airflow-provider-aianalytics",
        ["DataAvailabilityTimetable"],
    ]


@pytest.mark.slow
def test_it_installs_into_a_clean_environment(built: Path, tmp_path: Path) -> None:
    """With its dependencies alone: no extra, no test, no source beside it."""
    installer = uv() or pytest.skip("pip takes minutes for it")
    airflow = ".".join(importlib.metadata.version("apache-airflow").split(".")[:2])
    constraints = ROOT / "tests" / "constraints" / f"airflow-{airflow}.txt"
    home, bin_ = tmp_path / "home", tmp_path / "venv" / "bin"
    run(sys.executable, "-m", "venv", "--without-pip", str(bin_.parent))
    wheel = str(built / f"{STEM}-py3-none-any.whl")
    python = str(bin_ / "python")
    run(installer, "pip", "install", "--quiet", "--python", python, "--constraint", str(constraints), wheel)
    alone = {"AIRFLOW_HOME": str(home), "PYTHONPATH": "", "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags_examples")}

    found = run(python, "-P", "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)", **alone)
    assert Path(found.strip()).is_relative_to(bin_.parent)
    listed = run(str(bin_ / "airflow"), "providers", "get", "airflow-provider-aianalytics", "-o", "plain", **alone)
    assert airflow_provider_aianalytics.__version__ in listed
    hooks = run(str(bin_ / "airflow"), "providers", "hooks", "-o", "plain", **alone)
    assert [text.split()[0] for text in hooks.splitlines() if PACKAGE in text] == [
        vendor.conn_type for vendor in VENDORS.values()
    ]
    run(installer, "pip", "check", "--python", python)


def test_the_entry_points_are_those_of_a_provider() -> None:
    points = importlib.metadata.distribution("airflow-provider-aianalytics").entry_points
    assert {(point.group, point.value) for point in points} == {
        ("apache_airflow_provider", f"{PACKAGE}.get_provider_info:get_provider_info"),
        ("airflow.plugins", f"{PACKAGE}.plugin:AIAnalyticsPlugin"),
    }


def measured(*modules: str) -> tuple[float, list[str]]:
    """CPU seconds that importing modules takes over Airflow's own names, the least of three, and what they load."""
    runs = [line(run(sys.executable, "-c", MEASURE, *modules), "MEASURED") for _ in range(3)]
    loaded = runs[-1][1]
    assert isinstance(loaded, list)
    return min(float(str(seconds)) for seconds, _ in runs), loaded


def test_importing_the_operators_is_fast() -> None:
    """At most 100 ms on a machine that has a core to spare; on others, what the HTTP provider takes is the measure."""
    took, loaded = measured(*PARSED)
    peer, _ = measured(*PEERS)
    foreign = sorted({name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {PACKAGE})
    print(f"{took * 1000:.0f} ms, the HTTP provider's {peer * 1000:.0f} ms; also loads {', '.join(foreign)}")  # noqa: T201
    assert [name for name in loaded if name.split(".")[0] in HEAVY or name.startswith(LATER)] == []
    assert took <= max(0.1, peer), f"{took:.3f} s of CPU, the HTTP provider's {peer:.3f} s"
