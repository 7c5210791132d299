# SPDX-License-Identifier: Apache-2.0
"""Coverage-guided fuzzing of what reads a vendor's bytes: ``fuzz.py split|flatten CORPUS [options of libFuzzer]``.

``split`` is the way from a body to stamped lines, ``flatten`` the way from records to typed columns. Whatever comes is
either refused by an error of ours, or comes out exactly: malformed never means silent. What it finds becomes a case of
``tests/fuzz/test_regressions.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["airflow_provider_aianalytics"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS, seeds


def main() -> None:
    name, corpus = sys.argv[1], Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *sys.argv[3:], str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
