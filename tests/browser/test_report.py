# SPDX-License-Identifier: Apache-2.0
"""The report in Airflow's UI as people see it: by mouse and keyboard, in both themes, and refused.

Screenshots stay in ``.demo/browser``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics import compat
from airflow_provider_aianalytics.clock import CLOCK_VARIABLE
from tests.browser.chromium import CHROMIUM, DRIVER, browser, prefer
from tests.coverage.lakes import DAY, NOW, ManifestLake, days_from
from tests.integration.standalone import until
from tests.support import clock_setting

selenium = pytest.importorskip("selenium.webdriver", reason="make test-browser installs selenium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not compat.has_external_views(), reason="the UI shows no page of a plugin before Airflow 3.1"),
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium and its driver are not installed"),
]

SHOTS = Path(__file__).parents[2] / ".demo" / "browser"
BIN = Path(sys.executable).parent
PASSWORDS = {"owner": "secret-of-the-owner", "guest": "secret-of-the-guest"}
FIRST = date(2026, 10, 1)
STATES = ("final", "provisional", "incomplete", "empty", "late", "missing", "unreadable", "mixed", "not due yet")


def lake_with_every_state(root: Path) -> ManifestLake:
    lake = ManifestLake(root)
    lake.put_daily(days_from(FIRST, 30))
    for place, fields in enumerate(({"final": False}, {"complete": False}, {"rows": 0}, {"format": "csv"}), start=30):
        lake.put_daily([FIRST + place * DAY], **fields)
    lake.put(FIRST + 34 * DAY, b"{")
    lake.put_daily([FIRST + 36 * DAY])
    return lake


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an API server with two users, a lake with every state and one that cannot be reached."""
    home = tmp_path_factory.mktemp("airflow")
    lake = lake_with_every_state(home / "lake")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    (home / "passwords.json").write_text(json.dumps(PASSWORDS))
    nowhere = {"conn_type": "aws", "extra": {"endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"retries": {}}}}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        CLOCK_VARIABLE: clock_setting(NOW),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_NOWHERE": json.dumps(nowhere),
        "AIRFLOW__AIANALYTICS__LAKES": json.dumps({"Production": lake.path, "Away": "s3://nowhere@lake/ai"}),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "owner:admin,guest:",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-the-tests-alone-" * 4,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    subprocess.run([BIN / "airflow", "db", "migrate"], env=environment, capture_output=True, check=True)
    with (home / "server.out").open("wb") as log:
        server = subprocess.Popen(
            [BIN / "airflow", "api-server"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: _is_healthy(url), within=300, but="the API server did not start")
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Any]:
    with browser(tmp_path / "profile", size="1400,1500") as found:
        yield found


def find(driver: Any, selector: str, text: str = "") -> Any:
    """The first shown element of a CSS selector with a text, once there is one."""

    def found() -> Any:
        try:
            elements = driver.find_elements("css selector", selector)
            return next((one for one in elements if text in one.text and one.is_displayed()), None)
        except selenium.common.exceptions.StaleElementReferenceException:
            return None

    return until(found, within=90, every=0.3, but=f"no {selector} {text}")


def sign_in(driver: Any, ui: str, user: str) -> None:
    driver.get(f"{ui}/")
    find(driver, "input[name=username]").send_keys(user)
    find(driver, "input[name=password]").send_keys(PASSWORDS[user])
    find(driver, "button[type=submit]").click()
    until(lambda: "/auth/" not in driver.current_url, within=60, but="not signed in")


def shoot(driver: Any, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    driver.save_screenshot(str(SHOTS / f"report-{name}.png"))


def enter_frame(driver: Any) -> None:
    driver.switch_to.default_content()
    driver.switch_to.frame(find(driver, "iframe"))
    find(driver, "h1")


def background(driver: Any) -> str:
    return str(driver.execute_script("return getComputedStyle(document.body).backgroundColor"))


def open_by_navigation(driver: Any) -> None:
    """On its top level from Airflow 3.3 on, below the plugins before; the link of either leads to the route."""
    find(driver, "a", "Home")
    for menu in driver.find_elements("css selector", "button[aria-label=Plugins]"):
        menu.click()
    find(driver, "a[href$='/plugin/ai-analytics']").click()
    enter_frame(driver)


def test_a_person_finds_and_reads_the_report(driver: Any, ui: str) -> None:
    prefer(driver, "light")
    sign_in(driver, ui, "owner")
    open_by_navigation(driver)

    legend = find(driver, ".legend").text
    assert [state for state in STATES if state not in legend] == []
    counts = dict(zip(STATES, (one.text for one in driver.find_elements("css selector", ".legend b")), strict=True))
    assert [state for state, number in counts.items() if number == "0"] == []
    assert "airflow tasks clear" in find(driver, ".repairs code").text

    strip = find(driver, "svg.strip")
    selenium.ActionChains(driver).move_to_element(strip).perform()
    by_mouse = find(driver, "#tip").text
    assert by_mouse.startswith("2026-1")
    shoot(driver, "1-light-hover")
    driver.execute_script("document.activeElement.blur()")
    strip.send_keys(selenium.Keys.END)
    assert find(driver, "#tip", "not due yet").text.startswith("2026-11-19")
    assert "not due yet" in strip.get_attribute("aria-valuetext")
    strip.send_keys(selenium.Keys.HOME)
    assert find(driver, "#tip", "final").text.startswith("2026-10-01")
    strip.send_keys(selenium.Keys.ESCAPE)
    assert not driver.find_element("css selector", "#tip").is_displayed()

    light = background(driver)
    driver.switch_to.default_content()
    driver.execute_script("localStorage.setItem('theme', 'dark')")
    enter_frame(driver)
    until(lambda: background(driver) != light, within=20, but="the page did not follow Airflow's theme")
    shoot(driver, "2-dark")

    find(driver, "nav a", "a year").click()
    until(lambda: "a year" in find(driver, "nav a[aria-current]", "a year").text, within=30, but="not a year")
    find(driver, "nav a", "Away").click()
    find(driver, ".verdict", "Lake Away cannot be read")
    assert "Traceback" not in find(driver, "main").text
    shoot(driver, "3-unreachable")
    errors = [line["message"] for line in driver.get_log("browser") if "Content Security Policy" in line["message"]]
    assert errors == []


def test_anonymous_users_are_refused(driver: Any, ui: str) -> None:
    driver.get(f"{ui}/aianalytics/")

    find(driver, ".verdict", "You are not signed in")
    shoot(driver, "4-not-signed-in")


def test_users_without_a_role_are_refused(driver: Any, ui: str) -> None:
    sign_in(driver, ui, "guest")
    driver.get(f"{ui}/aianalytics/")

    find(driver, ".verdict", "You may not see this page")
    shoot(driver, "5-no-permission")
