# SPDX-License-Identifier: Apache-2.0
"""The connection forms for Airflow before 3.2, which asks the hooks; from 3.2 on it reads provider info itself."""

from __future__ import annotations

from typing import Any

from airflow_provider_aianalytics.get_provider_info import get_provider_info


def connection_form_widgets(conn_type: str) -> dict[str, Any]:
    """The ``conn-fields`` of a connection type, by name, as unbound WTForms fields."""
    # The Airflow that is typed, the newest, comes without them.
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found, unused-ignore]
        BS3PasswordFieldWidget,
        BS3TextFieldWidget,
    )
    from flask_babel import lazy_gettext  # type: ignore[import-not-found, unused-ignore]
    from wtforms import IntegerField, PasswordField, StringField  # type: ignore[import-untyped, unused-ignore]
    from wtforms.validators import Optional  # type: ignore[import-untyped, unused-ignore]

    def field(described: dict[str, Any]) -> Any:
        schema = described["schema"]
        secret = schema.get("format") == "password"
        # Airflow takes no field for numbers that are not whole; the hook reads them from text as well.
        kind = PasswordField if secret else IntegerField if "integer" in schema["type"] else StringField
        return kind(
            lazy_gettext(described["label"]),
            description=described["description"],
            validators=[Optional()],
            widget=BS3PasswordFieldWidget() if secret else BS3TextFieldWidget(),
        )

    return {name: field(described) for name, described in _described(conn_type)["conn-fields"].items()}


def ui_field_behaviour(conn_type: str) -> dict[str, Any]:
    """The ``ui-field-behaviour`` of a connection type, its keys spelled as hooks spell them."""
    return {key.replace("-", "_"): value for key, value in _described(conn_type)["ui-field-behaviour"].items()}


def _described(conn_type: str) -> dict[str, Any]:
    types = {described["connection-type"]: described for described in get_provider_info()["connection-types"]}
    found: dict[str, Any] = types[conn_type]
    return found
