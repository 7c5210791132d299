# SPDX-License-Identifier: Apache-2.0
"""Asks the package index what is known against the package's own dependencies: ``audit.py CONSTRAINTS``.

Airflow audits its own dependencies. It fails with a message when the index has no data about vulnerabilities.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def own_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [texts for name, texts in project["optional-dependencies"].items() if name != "test"]
    return {re.split(r"[\[<>=;]", text)[0] for texts in [project["dependencies"], *extras] for text in texts}


def main() -> int:
    wanted = own_dependencies()
    pins = [line for line in Path(sys.argv[1]).read_text().splitlines() if line.split("==")[0] in wanted]
    missing = wanted - {pin.split("==")[0] for pin in pins}
    print(f"{len(pins)} dependencies", *(["without", *sorted(missing)] if missing else []), flush=True)  # noqa: T201
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write("\n".join(pins))
        requirements.flush()
        command = [Path(sys.executable).with_name("pip-audit"), "--strict", "--no-deps", "--disable-pip"]
        options = ["--progress-spinner=off", "--requirement", requirements.name]
        return subprocess.run([*command, *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
