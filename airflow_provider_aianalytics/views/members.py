# SPDX-License-Identifier: Apache-2.0
"""How a person is named: by address or pseudonym, the same over all vendors; else by the vendor's own id."""

from __future__ import annotations

from airflow_provider_aianalytics.views.landed import Source


def member_sql(source: Source, paths: tuple[str, ...]) -> str:
    """The name of a row's member, in DuckDB's dialect; null where no field that names one lands.

    :param paths: the fields that name a member, the preferred one first.
    """
    names = [source.dataset.column(path).name for path in paths if source.has(path)]
    if not names:
        return "cast(null as text)"
    # Addresses are written in several ways; pseudonyms are made of this one.
    first, *others = names
    return f"coalesce({', '.join([f'lower(trim({first}))', *others])})" if others else f"lower(trim({first}))"
