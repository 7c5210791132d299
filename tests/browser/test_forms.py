# SPDX-License-Identifier: Apache-2.0
"""Airflow's UI as people see it: a connection is made, tested and mended, and a task shows its links.

Screenshots stay in ``.demo/browser``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_aianalytics.simulator import Simulator
from tests.integration.standalone import until

selenium = pytest.importorskip("selenium.webdriver", reason="make test-browser installs selenium")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not airflow_version.startswith("3.3."), reason="the UI is that of Airflow 3.3"),
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium and its driver are not installed"),
]

SHOTS = Path(__file__).parents[2] / ".demo" / "browser"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--window-size=1300,1100",
)
BIN = Path(sys.executable).parent
# Landed in a folder; the links are those of a lake on S3.
DAG = """
from datetime import datetime
from airflow.sdk import DAG
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.lineage import locations
locations.location_of = lambda path: locations.StorageLocation("s3", "ai", "lake")
with DAG("links", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land", path={path!r}, start="2026-11-10"
    ).expand(dataset=["users", "skills"])
"""
MANIFESTS = "https://console.aws.amazon.com/s3/object/lake?prefix=ai/claude_enterprise/_manifests"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=7, members=20, now=datetime(2026, 11, 20, 12, tzinfo=UTC), requests_per_minute=None) as sim:
        yield sim


@pytest.fixture(scope="module")
def ui(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an API server whose database has a run of the DAG above."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "links.py").write_text(DAG.format(path=str(home / "lake")))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-the-tests-alone-" * 4,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    connection = {"conn_type": "claude_enterprise_analytics", "password": simulator.claude_key, "host": simulator.url}
    landing = {**environment, "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT": json.dumps(connection)}
    for command in (["db", "migrate"], ["dags", "reserialize"], ["dags", "test", "links", "2026-11-20"]):
        done = subprocess.run([BIN / "airflow", *command], env=landing, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    with (home / "server.out").open("wb") as log:
        server = subprocess.Popen(
            [BIN / "airflow", "api-server"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: _answers(url), within=300, but="the API server did not start")
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Page:
    """A browser's page, and what a person does with it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def find(self, selector: str, text: str | None = None) -> Any:
        """The first element of a CSS selector that is shown, once there is one; with that very text."""
        return until(lambda: self.shown(selector, text), within=90, every=0.3, but=f"no {selector} {text or ''}")

    def shown(self, selector: str, text: str | None = None) -> Any:
        """That element, or ``None`` if there is none now."""
        for element in self.driver.find_elements("css selector", selector):
            try:
                if element.is_displayed() and text in (None, element.text.strip()):
                    return element
            except selenium.common.exceptions.StaleElementReferenceException:
                continue
        return None

    def press(self, text: str) -> None:
        """Press a button once it can be pressed."""
        until(lambda: self.find("button", text).is_enabled(), within=30, but=f"{text} stayed disabled")
        self.find("button", text).click()

    def press_icon(self, label: str) -> None:
        self.find(f"button[aria-label='{label}']").click()

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            box = self.find(f"[role=dialog] [name={name}]")
            box.clear()
            box.send_keys(value)

    def choose_type(self, title: str) -> None:
        """Choose a connection's type. Until the form knows the types, it forgets what is typed."""

        def typed() -> Any:
            if option := self.shown("[role=option]", title):
                return option
            box = self.find("[role=dialog] [role=combobox]")
            box.send_keys(selenium.Keys.CONTROL, "a")
            box.send_keys(title)
            return None

        until(typed, within=90, every=2, but=f"no type {title}")
        self.find("[role=dialog] [role=combobox]").send_keys(selenium.Keys.ENTER)

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SHOTS / f"{name}.png"))

    def notice(self, title: str) -> str:
        """What a notice with that title says."""

        def found() -> str:
            notices = self.driver.find_elements("css selector", "[data-scope=toast][data-part=root]")
            return next((notice.text for notice in notices if notice.text.startswith(title)), "")

        return until(found, within=60, every=0.3, but=f"no notice {title!r}")

    def save(self) -> None:
        self.press("Save")
        until(lambda: not self.driver.find_elements("css selector", "[role=dialog]"), within=60, but="it was not saved")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    with ExitStack() as ends:
        driver = selenium.Chrome(options=options, service=selenium.ChromeService(DRIVER))
        ends.callback(driver.quit)
        yield Page(driver)


@pytest.fixture(scope="module")
def api(ui: str) -> Callable[[str], Any]:
    with urllib.request.urlopen(f"{ui}/auth/token", timeout=30) as answer:
        token = json.load(answer)["access_token"]

    def get(path: str) -> Any:
        request = urllib.request.Request(f"{ui}/api/v2{path}", headers={"authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    return get


def test_the_form_shows_saves_and_tests(page: Page, ui: str, simulator: Simulator, api: Callable[[str], Any]) -> None:
    page.driver.get(f"{ui}/connections")
    page.press("Add Connection")
    page.fill(connection_id="claude_enterprise_analytics_default")
    page.choose_type("Claude Enterprise Analytics")

    assert page.find("[name=password]").get_attribute("type") == "password"
    assert "read:analytics" in page.find("[name=password]").get_attribute("placeholder")
    assert "https://api.anthropic.com" in page.find("[name=host]").get_attribute("placeholder")
    assert not page.driver.find_elements("css selector", "[role=dialog] [name=login], [role=dialog] [name=schema]")
    page.shot("1-form")
    page.fill(host="http://127.0.0.1", port=str(simulator.port), password=simulator.claude_key)
    page.press("Extra Fields")
    assert page.find("[name=element_pseudonym_secret]").get_attribute("type") == "password"
    page.fill(element_requests_per_minute="30", element_timeout="2.5", element_pseudonym_secret="hush hush")
    page.shot("2-extra-fields")
    page.save()

    saved = api("/connections/claude_enterprise_analytics_default")
    assert (saved["conn_type"], saved["host"]) == ("claude_enterprise_analytics", "http://127.0.0.1")
    assert json.loads(saved["extra"]) == {"requests_per_minute": 30, "timeout": 2.5, "pseudonym_secret": "***"}
    assert saved["password"] == "***"

    page.press_icon("Test Connection")
    page.find("button[aria-label='Test Connection'] svg[color=green]")
    page.shot("3-a-good-key")
    assert simulator.requests[-1].status == 200

    page.press_icon("Edit Connection")
    page.fill(password="sk-ant-api01-of-somebody-else")
    page.save()
    page.press_icon("Test Connection")
    notice = page.notice("Test Connection Failed")
    page.shot("4-a-wrong-key")
    assert "An Analytics key with the scope read:analytics is needed" in notice
    assert "somebody-else" not in notice
    assert simulator.requests[-1].status == 401


def test_the_other_vendors_form(page: Page, ui: str) -> None:
    page.driver.get(f"{ui}/connections")
    page.press("Add Connection")
    page.choose_type("Perplexity Analytics")

    assert "not a Sonar key" in page.find("[name=password]").get_attribute("placeholder")
    assert "https://api.perplexity.ai" in page.find("[name=host]").get_attribute("placeholder")
    page.shot("5-perplexity")


def test_a_task_links_to_its_manifest_and_to_the_vendor(page: Page, ui: str, api: Callable[[str], Any]) -> None:
    (run,) = api("/dags/links/dagRuns")["dag_runs"]
    path = f"/dags/links/dagRuns/{run['dag_run_id']}/taskInstances/land"
    for number, table in enumerate(("users", "skills")):
        assert api(f"{path}/links?map_index={number}")["extra_links"] == {
            "Landed manifests": f"{MANIFESTS}/{table}/2026-11-10.json",
            "Claude Enterprise's own analytics": "https://claude.ai/analytics",
        }
    page.driver.get(f"{ui}/dags/links/runs/{run['dag_run_id']}/tasks/land/mapped/0/details")

    page.find(f"a[href='{MANIFESTS}/users/2026-11-10.json']", "Landed manifests")
    page.find("a", "Claude Enterprise's own analytics")
    page.shot("6-links")
