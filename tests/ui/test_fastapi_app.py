# SPDX-License-Identifier: Apache-2.0
"""Access to the report in Airflow's API server: only users who may see plugins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_aianalytics import compat
from tests.coverage.lakes import ManifestLake

if not compat.has_external_views():
    pytest.skip("the UI shows no page of a plugin before Airflow 3.1", allow_module_level=True)

from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from airflow_provider_aianalytics.ui.fastapi_app import build_app
from airflow_provider_aianalytics.ui.views import URL_PREFIX, LazyApp

ROUTES = [route for route in build_app().routes if isinstance(route, APIRoute)]
ROLES = ["viewer", "user", "op", "admin"]


@pytest.fixture
def client(airflow_db: None, lake: ManifestLake) -> Iterator[TestClient]:
    """An app with the report as Airflow mounts it, and Airflow's simple auth manager."""
    app = FastAPI()
    app.mount(URL_PREFIX, LazyApp())
    init_auth_manager(app)
    with TestClient(app) as found:
        yield found


def token(role: str | None) -> str:
    return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="somebody", role=role)))


def test_every_route_is_of_the_kind_that_is_tested_here() -> None:
    assert [route.path for route in ROUTES] == [getattr(route, "path", route) for route in build_app().routes]
    assert {"/", "/icon.svg"} == {route.path for route in ROUTES}
    assert {method for route in ROUTES for method in route.methods} == {"GET"}


@pytest.mark.parametrize("path", [route.path for route in ROUTES])
class TestRoutes:
    def test_somebody_who_is_not_signed_in_is_refused(self, client: TestClient, path: str) -> None:
        answer = client.get(f"{URL_PREFIX}{path}")

        assert answer.status_code == 401
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "Sign in to Airflow" in answer.text
        assert "claude_enterprise" not in answer.text

    @pytest.mark.parametrize("forged", ["nonsense", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."])
    def test_a_forged_token_is_refused(self, client: TestClient, path: str, forged: str) -> None:
        client.cookies.set("_token", forged)

        assert client.get(f"{URL_PREFIX}{path}").status_code in (401, 403)

    def test_somebody_without_a_role_is_refused(self, client: TestClient, path: str) -> None:
        client.cookies.set("_token", token(None))
        answer = client.get(f"{URL_PREFIX}{path}")

        assert answer.status_code == 403
        assert "permission to see Airflow&#39;s plugins" in answer.text
        assert "claude_enterprise" not in answer.text

    @pytest.mark.parametrize("role", ROLES)
    def test_each_role_that_sees_plugins_has_access(self, client: TestClient, path: str, role: str) -> None:
        by_header = client.get(f"{URL_PREFIX}{path}", headers={"Authorization": f"Bearer {token(role)}"})
        client.cookies.set("_token", token(role))
        by_cookie = client.get(f"{URL_PREFIX}{path}")

        assert by_header.status_code == by_cookie.status_code == 200
        for answer in (by_header, by_cookie):
            assert answer.headers["cache-control"] == "private, no-store"
            assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_page_is_that_of_the_query(client: TestClient) -> None:
    client.cookies.set("_token", token("viewer"))

    assert "claude_enterprise/users" in client.get(f"{URL_PREFIX}/?lake=Production&days=365").text
    assert client.get(f"{URL_PREFIX}/?lake=Other").status_code == 404
    assert client.get(f"{URL_PREFIX}/?lake=Broken+%3Cb%3E").status_code == 502


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nothing"])
def test_there_are_no_other_routes(client: TestClient, path: str) -> None:
    answer = client.get(f"{URL_PREFIX}{path}")

    assert answer.status_code == 404
    assert "Open it from Airflow" in answer.text
