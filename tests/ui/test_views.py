# SPDX-License-Identifier: Apache-2.0
"""What the plugin declares of the report in Airflow's UI."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_aianalytics import compat
from airflow_provider_aianalytics.ui import views
from tests.coverage.lakes import ManifestLake

frames = pytest.mark.skipif(not compat.has_external_views(), reason="Airflow 3.1 shows views first")


@frames
@pytest.mark.parametrize(
    ("base_url", "base"),
    [
        ("http://localhost:8080", "/aianalytics"),
        ("https://airflow.example/team/airflow/", "/team/airflow/aianalytics"),
        ("/", "/aianalytics"),
    ],
)
def test_the_view_respects_a_prefix(
    lake: ManifestLake, monkeypatch: pytest.MonkeyPatch, base_url: str, base: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)

    (view,) = views.external_views()
    (app,) = views.fastapi_apps()

    assert (view["href"], view["icon"]) == (f"{base}/", f"{base}/icon.svg")
    assert (view["destination"], view["url_route"]) == ("nav", "ai-analytics")
    assert app["url_prefix"] == "/aianalytics"
    assert callable(app["app"])


def test_without_a_configured_lake_there_is_no_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__AIANALYTICS__LAKES", raising=False)

    assert views.fastapi_apps() == views.external_views() == views.flask_views() == []


def test_a_wrong_configuration_does_not_stop_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__AIANALYTICS__LAKES", "{")

    assert len(views.external_views()) == compat.has_external_views()


@frames
def test_the_plugin_does_not_import_fastapi_or_the_report(lake: ManifestLake) -> None:
    """Schedulers, workers and DAG processors load it too. (Airflow itself may import FastAPI; our modules may not.)"""
    code = (
        "import sys; from airflow_provider_aianalytics.plugin import AIAnalyticsPlugin as plugin;"
        "print(len(plugin.fastapi_apps), sorted(n for n in sys.modules if n.startswith('airflow_provider_aianalytics')"
        " and (n.endswith(('fastapi_app', 'report_page', 'flask_view')) or '.coverage' in n)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "1 []"


@pytest.fixture(scope="module")
def flask_app(airflow_db: None) -> Any:
    from airflow.www.app import create_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__AIANALYTICS__LAKES", '{"Production": "/nowhere"}')
        app = create_app(testing=True)
        for view in views.flask_views():
            app.appbuilder.add_view(view["view"], view["name"], category=view["category"])
    return app


@pytest.mark.skipif(not compat.has_flask_webserver(), reason="a view of Airflow 2")
class TestFlaskView:
    def test_anonymous_users_are_redirected(self, flask_app: Any, lake: ManifestLake) -> None:
        answer = flask_app.test_client().get("/aianalytics/")

        assert answer.status_code in (302, 403)
        assert "claude_enterprise" not in answer.text

    @pytest.mark.parametrize(("role", "is_let_in"), [("Admin", True), ("Op", True), ("Viewer", False)])
    def test_users_who_see_plugins_see_the_report(
        self, flask_app: Any, lake: ManifestLake, role: str, is_let_in: bool
    ) -> None:
        with flask_app.app_context():
            security = flask_app.appbuilder.sm
            user = security.find_user(role) or security.add_user(
                role, role, role, f"{role}@example.com", security.find_role(role), "secret"
            )
            client = flask_app.test_client()
            with client.session_transaction() as session:
                session["_user_id"], session["_fresh"] = str(user.id), True
            answer = client.get("/aianalytics/?days=365")

        assert (answer.status_code == 200) is is_let_in
        assert ("claude_enterprise/users" in answer.text) is is_let_in
        if is_let_in:
            assert answer.headers["Cache-Control"] == "private, no-store"
