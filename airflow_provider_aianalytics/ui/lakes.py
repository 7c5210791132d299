# SPDX-License-Identifier: Apache-2.0
"""The lakes that Airflow's UI shows, from the configuration."""

from __future__ import annotations

from airflow_provider_aianalytics.exceptions import InvalidArgumentError

SECTION, OPTION = "aianalytics", "lakes"
EXAMPLE = '{"Production": "s3://aws_default@lake/ai"}'


def has_lakes() -> bool:
    """Whether the configuration names lakes, right or wrong."""
    from airflow.providers.common.compat.sdk import conf

    return bool((conf.get(SECTION, OPTION, fallback="") or "").strip())


def configured_lakes() -> dict[str, str]:
    """The paths of the lakes by their names, in the order of the configuration.

    :raises InvalidArgumentError: when the option is not a JSON object of names and paths.
    """
    import msgspec
    from airflow.providers.common.compat.sdk import conf

    text = conf.get(SECTION, OPTION, fallback="") or ""
    try:
        lakes = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        lakes, problem = {}, str(error)
    else:
        problem = "it names no lake"
    if not lakes:
        raise InvalidArgumentError(
            f"[{SECTION}] {OPTION} is not a JSON object of names and paths ({problem})",
            hint=f"Write it as {EXAMPLE}",
        )
    return lakes
