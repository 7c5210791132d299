# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (it talks to a person)
"""``make pictures``: the page of the README, light and dark, from the simulator's organization."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path

LAKE = "s3://aws_default@lake/ai"
"""What the page calls the folder."""
DOCS = Path(__file__).parents[2] / "docs"
SIZE = "1240,1400"
"""Of the window, in pixels: down to the first figures."""
QUALITY = 50
"""Of the pictures in WebP, which keeps them below 120 kB."""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"AIRFLOW_HOME": str(home / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        from airflow_provider_aianalytics.coverage.html import as_html
        from airflow_provider_aianalytics.coverage.survey import Range, survey
        from tests.browser.chromium import browser, prefer
        from tests.browser.sample_lake import NOW, build_lake

        lake = home / "lake"
        if len(sys.argv) > 1:  # a lake that is there
            lake = Path(sys.argv[1])
        if not lake.exists():
            build_lake(lake)
        page = home / "report.html"
        tables = survey(str(lake), days=Range(now=NOW, most=120))
        page.write_text(as_html(LAKE, tables, now=NOW).replace(str(lake), "lake/ai"))
        print(f"the page has {page.stat().st_size:,} bytes")
        with browser(home / "profile", size=SIZE) as driver:
            for scheme in ("light", "dark"):
                prefer(driver, scheme)
                driver.get(page.as_uri())
                shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
                picture = DOCS / f"report-{scheme}.webp"
                picture.write_bytes(base64.b64decode(shot["data"]))
                print(f"wrote {picture.name}: {picture.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
