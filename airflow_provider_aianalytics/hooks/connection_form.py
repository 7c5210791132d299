# SPDX-License-Identifier: Apache-2.0
"""The connection forms for Airflow before 3.2, which calls the hooks. Later versions read provider info."""

from __future__ import annotations

from typing import Any

from airflow_provider_aianalytics.get_provider_info import get_provider_info


def connection_form_widgets(conn_type: str) -> dict[str, Any]:
    """The ``conn-fields`` of a connection type, by name, as unbound WTForms fields."""
    # mypy runs with the newest Airflow, which does not install these packages.
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found, unused-ignore]
        BS3PasswordFieldWidget,
        BS3TextFieldWidget,
    )
    from flask_babel import lazy_gettext  # type: ignore[import-not-found, unused-ignore]
    from wtforms import IntegerField, PasswordField, StringField  # type: ignore[import-untyped, unused-ignore]
    from wtforms.validators import Optional  # type: ignore[import-untyped, unused-ignore]

    def field(description: dict[str, Any]) -> Any:
        schema = description["schema"]
        secret = schema.get("format") == "password"
        # Airflow supports no field for decimal numbers; the hook parses them from text as well.
        field_class = PasswordField if secret else IntegerField if "integer" in schema["type"] else StringField
        return field_class(
            lazy_gettext(description["label"]),
            description=description["description"],
            validators=[Optional()],
            widget=BS3PasswordFieldWidget() if secret else BS3TextFieldWidget(),
        )

    return {name: field(description) for name, description in _connection_type(conn_type)["conn-fields"].items()}


def ui_field_behaviour(conn_type: str) -> dict[str, Any]:
    """The ``ui-field-behaviour`` of a connection type, with the names of keys that hooks use."""
    return {key.replace("-", "_"): value for key, value in _connection_type(conn_type)["ui-field-behaviour"].items()}


def _connection_type(conn_type: str) -> dict[str, Any]:
    types = {info["connection-type"]: info for info in get_provider_info()["connection-types"]}
    connection_type: dict[str, Any] = types[conn_type]
    return connection_type
