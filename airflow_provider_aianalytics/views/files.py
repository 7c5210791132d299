# SPDX-License-Identifier: Apache-2.0
"""How each database reads the files of a table: a function in DuckDB, an external table elsewhere.

However they are read, the columns are the same: typed ones of Parquet, text of CSV, and of NDJSON one text ``record``;
beside them ``date``, from the name of the folder.
"""

from __future__ import annotations

from airflow_provider_aianalytics.storage.typed.schema import PRECISION, SCALE, typed_columns
from airflow_provider_aianalytics.vendors.base import ColumnType
from airflow_provider_aianalytics.views.landed import Lake, Source
from airflow_provider_aianalytics.views.sql import qualified, sqlglot, text

STAGE = "ai_lake"
"""The stage in Snowflake that stands for the lake's path."""
TYPES = {
    ColumnType.STRING: "text",
    ColumnType.INTEGER: "bigint",
    ColumnType.NUMBER: "double",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamptz",
    ColumnType.CENTS: f"decimal({PRECISION}, {SCALE})",
}
"""The types of columns in DuckDB's dialect."""


def relation(lake: Lake, source: Source, dialect: str) -> str:
    """What a view selects from, in DuckDB's dialect."""
    if dialect != "duckdb":
        return f"{source.name}_files"
    files = text(lake.uri(f"{source.dataset.vendor}/{source.table}/*/*{source.suffix}"))
    folders = "hive_partitioning = true, hive_types = {'date': date}"
    match source.format:
        case "parquet":
            return f"read_parquet({files}, {folders}, union_by_name = true)"
        case "csv":
            options = "header = true, all_varchar = true, allow_quoted_nulls = false, union_by_name = true"
            return f"read_csv({files}, {folders}, {options})"
        case _:
            return f"(select json as record, date from read_ndjson_objects({files}, {folders}))"


def external_table(lake: Lake, source: Source, dialect: str) -> list[str]:
    """The statements that make the files a table; none in DuckDB."""
    folder = f"{source.dataset.vendor}/{source.table}/"
    match dialect:
        case "snowflake":
            return [_snowflake(source, folder)]
        case "bigquery":
            return [_bigquery(source, lake.uri(folder).rstrip("/"))]
        case "athena":
            return [_athena(source, lake.uri(folder).rstrip("/"))]
        case _:
            return []


def _columns(source: Source, dialect: str) -> list[tuple[str, str]]:
    """The columns of the files and their types."""
    if source.format == "ndjson":
        return [("record", _type("text", dialect))]
    kinds = TYPES if source.format == "parquet" else dict.fromkeys(ColumnType, "text")
    if dialect == "athena" and source.format == "parquet":
        kinds = {**kinds, ColumnType.TIMESTAMP: "timestamp"}
    return [(column.name, _type(kinds[column.type], dialect)) for column in typed_columns(source.dataset)]


def _type(kind: str, dialect: str) -> str:
    if kind == TYPES[ColumnType.CENTS] and dialect == "bigquery":
        return "BIGNUMERIC"  # its NUMERIC has 9 decimals
    # Athena's tables are declared in Hive's words.
    target = {"athena": "hive"}.get(dialect, dialect)
    written: str = sqlglot().exp.DataType.build(kind, dialect="duckdb").sql(dialect=target)
    return written


def _snowflake(source: Source, folder: str) -> str:
    def value(number: int, name: str) -> str:
        return {"parquet": f"value:{name}", "csv": f"value:c{number}"}.get(source.format, "value")

    columns = [
        f"{name} {kind} AS ({value(number, name)}::{kind})"
        for number, (name, kind) in enumerate(_columns(source, "snowflake"), start=1)
    ]
    day = "date DATE AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'date=', 2), '/', 1)))"
    options = {
        "parquet": "TYPE = PARQUET",
        "csv": "TYPE = CSV, SKIP_HEADER = 1, FIELD_OPTIONALLY_ENCLOSED_BY = '\"', EMPTY_FIELD_AS_NULL = TRUE",
    }.get(source.format, "TYPE = JSON")
    return (
        f"CREATE OR REPLACE EXTERNAL TABLE {source.name}_files (\n  "
        + ",\n  ".join([*columns, day])
        + f"\n)\nPARTITION BY (date)\nLOCATION = @{STAGE}/{folder}\nFILE_FORMAT = ({options})\nAUTO_REFRESH = FALSE"
    )


def _bigquery(source: Source, folder: str) -> str:
    columns = ",\n  ".join(f"{name} {kind}" for name, kind in _columns(source, "bigquery"))
    options = {
        "parquet": "format = 'PARQUET'",
        "csv": "format = 'CSV', skip_leading_rows = 1, allow_quoted_newlines = TRUE",
    }.get(source.format, "format = 'CSV', field_delimiter = '\\x01', quote = ''")
    return (
        f"CREATE OR REPLACE EXTERNAL TABLE {qualified(source.name, 'bigquery')}_files (\n  {columns}\n)\n"
        f"WITH PARTITION COLUMNS (date DATE)\n"
        f"OPTIONS ({options}, uris = [{text(f'{folder}/*')}], hive_partition_uri_prefix = {text(folder)})"
    )


def _athena(source: Source, folder: str) -> str:
    columns = ",\n  ".join(f"`{name}` {kind}" for name, kind in _columns(source, "athena"))
    rows = {
        "parquet": "STORED AS PARQUET",
        "csv": "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' STORED AS TEXTFILE",
    }.get(source.format, "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\001' STORED AS TEXTFILE")
    first = source.days[0].first
    options = {
        "projection.enabled": "true",
        "projection.date.type": "date",
        "projection.date.format": "yyyy-MM-dd",
        "projection.date.range": f"{first},NOW",
        **({"skip.header.line.count": "1"} if source.format == "csv" else {}),
    }
    properties = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {source.name}_files (\n  {columns}\n)\nPARTITIONED BY (`date` DATE)\n"
        f"{rows}\nLOCATION {text(f'{folder}/')}\nTBLPROPERTIES ({properties})"
    )
