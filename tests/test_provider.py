# SPDX-License-Identifier: Apache-2.0
"""What Airflow discovers: the provider, its connection forms, and everything it names."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import warnings
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from packaging.version import Version

import airflow_provider_aianalytics
from airflow_provider_aianalytics import triggers
from airflow_provider_aianalytics.get_provider_info import get_provider_info
from airflow_provider_aianalytics.hooks import get_hook
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.connection import READ_TIMEOUT
from airflow_provider_aianalytics.ui import links as links_module
from airflow_provider_aianalytics.ui.links import VendorLink
from airflow_provider_aianalytics.vendors.registry import VENDORS

DISTRIBUTION = "airflow-provider-aianalytics"
HOOKS: dict[str, type[AnalyticsHook]] = {
    vendor.conn_type: type(get_hook(vendor, "none")) for vendor in VENDORS.values()
}
AIRFLOW = Version(metadata.version("apache-airflow"))
SHOWS_FORMS = """
import json, logging, warnings
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
warnings.simplefilter("always")
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
print("\\nFORMS", json.dumps([form.model_dump(mode="json") for form in HookMetaService.hook_meta_data()]))
"""


def described(conn_type: str) -> dict[str, Any]:
    (found,) = [one for one in get_provider_info()["connection-types"] if one["connection-type"] == conn_type]
    return dict(found)


def run(*command: str, home: Path) -> str:
    """What a command says, on both its streams, with an Airflow of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        [sys.executable, *command],
        env={**environment, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def complaints(output: str) -> list[str]:
    """The lines that warn of something of ours."""
    bad = ("warn", "deprecat", "error", "exception", "inconsisten")
    return [line for line in output.splitlines() if "aianalytics" in line and any(word in line.lower() for word in bad)]


class TestProviderInfo:
    def test_every_vendor_is_in_every_list(self) -> None:
        """A vendor that one of them leaves out would fail in the triggerer or have no link."""
        info = get_provider_info()
        links = [getattr(links_module, name.rpartition(".")[2]) for name in info["extra-links"]]
        of_vendors = {link.vendor.name for link in links if issubclass(link, VendorLink)}
        of_forms = {one["connection-type"].removesuffix("_analytics") for one in info["connection-types"]}
        modules = {name.rpartition(".")[2] for one in info["operators"] for name in one["python-modules"]}

        assert set(VENDORS) == of_vendors == of_forms == modules - {"coverage"}

    def test_it_is_valid_for_the_installed_airflow(self) -> None:
        schema = json.loads(resources.files("airflow").joinpath("provider_info.schema.json").read_text())
        jsonschema.validate(get_provider_info(), schema)

    def test_it_names_its_distribution_and_loads_nothing(self) -> None:
        assert get_provider_info()["package-name"] == DISTRIBUTION
        assert metadata.version(DISTRIBUTION) == airflow_provider_aianalytics.__version__
        code = (
            "import sys; from airflow_provider_aianalytics.get_provider_info import get_provider_info as info; info();"
            "print([name for name in sys.modules if name.split('.')[0] in ('airflow', 'requests', 'pyarrow')])"
        )
        output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert output.strip() == "[]"

    def test_all_named_modules_can_be_imported(self) -> None:
        info = get_provider_info()
        titles = {integration["integration-name"] for integration in info["integrations"]}
        for room in ("hooks", "operators", "sensors", "triggers"):
            assert {entry["integration-name"] for entry in info[room]} == titles
            for entry in info[room]:
                for module in entry["python-modules"]:
                    importlib.import_module(module)
        for module in info["filesystems"]:
            importlib.import_module(module)
        for path in [*info["cli"], *(one["hook-class-name"] for one in info["connection-types"])]:
            module, name = path.rsplit(".", 1)
            assert callable(getattr(importlib.import_module(module), name))

    def test_every_trigger_is_named(self) -> None:
        folder = Path(triggers.__file__).parent
        modules = {f"{triggers.__name__}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"}

        for entry in get_provider_info()["triggers"]:
            assert set(entry["python-modules"]) == modules

    def test_connection_types_are_those_of_the_hooks(self) -> None:
        for conn_type, kind in HOOKS.items():
            entry = described(conn_type)
            assert entry["hook-class-name"] == f"{kind.__module__}.{kind.__qualname__}"
            assert entry["hook-name"] == kind.hook_name
            assert kind.conn_name_attr == "conn_id"
            assert kind.default_conn_name == f"{conn_type}_default"
        assert len(get_provider_info()["connection-types"]) == len(HOOKS)


class TestForms:
    def test_the_form_describes_the_required_key(self) -> None:
        for conn_type, kind in HOOKS.items():
            placeholders = described(conn_type)["ui-field-behaviour"]["placeholders"]
            assert "Analytics" in placeholders["password"]
            assert kind.vendor.base_url in placeholders["host"]
            assert "http://127.0.0.1 for the simulator" in placeholders["host"]
            assert placeholders["port"].startswith("443, or the simulator's port")
        claude, perplexity = (described(kind)["ui-field-behaviour"]["placeholders"]["password"] for kind in HOOKS)
        assert "read:analytics" in claude
        assert "sk-ant-api01-" in claude
        assert "Sonar" in perplexity

    def test_secrets_are_hidden_and_all_of_the_extra_has_a_field(self) -> None:
        for conn_type in HOOKS:
            fields = described(conn_type)["conn-fields"]
            assert set(fields) == {"requests_per_minute", "timeout", "pseudonym_secret"}
            assert [name for name, field in fields.items() if field["schema"].get("format") == "password"] == [
                "pseudonym_secret"
            ]
            assert all(field["description"] for field in fields.values())

    def test_the_documented_defaults_are_the_real_ones(self) -> None:
        for conn_type, kind in HOOKS.items():
            output = {name: field["description"] for name, field in described(conn_type)["conn-fields"].items()}
            assert f"by default {kind.vendor.requests_per_minute};" in output["requests_per_minute"]
            assert f"by default {READ_TIMEOUT:g}." in output["timeout"]

    @pytest.mark.parametrize("conn_type", HOOKS)
    def test_hooks_describe_the_same_behaviour(self, conn_type: str) -> None:
        output = HOOKS[conn_type].get_ui_field_behaviour()
        declared = described(conn_type)["ui-field-behaviour"]
        assert output == {
            "hidden_fields": declared["hidden-fields"],
            "relabeling": declared["relabeling"],
            "placeholders": declared["placeholders"],
        }

    @pytest.mark.parametrize("conn_type", HOOKS)
    def test_hooks_have_their_own_form_methods(self, conn_type: str) -> None:
        """Airflow before 3.2 does not ask for what a hook's class has inherited."""
        assert {"get_connection_form_widgets", "get_ui_field_behaviour"} <= set(vars(HOOKS[conn_type]))

    @pytest.mark.parametrize("conn_type", HOOKS)
    def test_hooks_build_the_same_fields(self, conn_type: str) -> None:
        wtforms = pytest.importorskip("wtforms", reason="comes with Airflow 2 alone")
        built = HOOKS[conn_type].get_connection_form_widgets()

        declared = described(conn_type)["conn-fields"]
        assert list(built) == list(declared)
        for name, field in built.items():
            assert str(field.args[0]) == declared[name]["label"]
            assert field.kwargs["description"] == declared[name]["description"]
            secret = declared[name]["schema"].get("format") == "password"
            assert (field.field_class is wtforms.PasswordField) == secret
            assert (field.kwargs["widget"].input_type == "password") == secret
            assert field.field_class in (wtforms.StringField, wtforms.IntegerField, wtforms.PasswordField)

    @pytest.mark.parametrize("conn_type", HOOKS)
    def test_airflow_loads_the_hook_without_a_warning(self, conn_type: str, caplog: pytest.LogCaptureFixture) -> None:
        from airflow.providers_manager import ProvidersManager

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = ProvidersManager().hooks[conn_type]

        assert found is not None
        assert found.connection_testable
        assert [str(one.message) for one in caught if "nalyticsHook" in str(one.message)] == []
        logged = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert [message for message in logged if "analytics" in message.lower()] == []

    @pytest.mark.skipif(AIRFLOW.major < 3, reason="a form of Airflow 3")
    def test_airflow_3_shows_the_form_without_a_warning(self, tmp_path: Path) -> None:
        output = run("-c", SHOWS_FORMS, home=tmp_path)

        assert complaints(output) == []
        (line,) = [line for line in output.splitlines() if line.startswith("FORMS ")]
        forms = {form["connection_type"]: form for form in json.loads(line.removeprefix("FORMS "))}
        if AIRFLOW.release < (3, 1) and importlib.util.find_spec("wtforms") is None:
            assert forms.keys() >= HOOKS.keys()
            pytest.skip("Airflow 3.0 shows no provider's own fields unless the FAB provider is installed")
        for conn_type in HOOKS:
            declared = described(conn_type)["conn-fields"]
            shown = forms[conn_type]["extra_fields"]
            assert list(shown) == list(declared)
            for name, field in shown.items():
                assert field["schema"]["title"] == declared[name]["label"]
                assert field["description"] == declared[name]["description"]
                assert field["schema"].get("format") == declared[name]["schema"].get("format")
            standard = forms[conn_type]["standard_fields"]
            assert standard["password"]["title"] == "API key"
            assert standard["password"]["placeholder"].startswith(
                described(conn_type)["ui-field-behaviour"]["placeholders"]["password"]
            )
            hidden = {name: standard[name]["hidden"] for name in ("login", "url_schema", "host", "port")}
            assert hidden == {"login": True, "url_schema": True, "host": False, "port": False}


class TestCommands:
    def test_the_provider_is_listed_without_a_warning(self, tmp_path: Path) -> None:
        output = run("-m", "airflow", "providers", "get", DISTRIBUTION, "-o", "plain", home=tmp_path)
        assert complaints(output) == []
        assert any(
            line.split() == [DISTRIBUTION, airflow_provider_aianalytics.__version__] for line in output.splitlines()
        )

    @pytest.mark.slow
    def test_the_hooks_are_listed_without_a_warning(self, tmp_path: Path) -> None:
        output = run("-m", "airflow", "providers", "hooks", "-o", "plain", home=tmp_path)
        assert complaints(output) == []
        for conn_type, kind in HOOKS.items():
            (line,) = [line for line in output.splitlines() if line.startswith(conn_type)]
            assert line.split(maxsplit=4) == [
                conn_type,
                f"{kind.__module__}.{kind.__qualname__}",
                "conn_id",
                DISTRIBUTION,
                line.split(maxsplit=4)[-1],
            ]
            assert line.rstrip().endswith(kind.hook_name)
